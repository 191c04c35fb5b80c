"""A simulator as an ASGI application, with a task that sends its webhooks. The only place here that waits or sends.

It serves tests and demonstrations on loopback; it refuses bodies over 1 MiB and has no other defence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol, TypeAlias

import httpx2

from payonce.providers.simulator.wire import Reply

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

LARGEST_BODY: Final = 1 << 20
# How many webhooks are under way at once: enough that one slow receiver does not hold the others up.
DELIVERIES_AT_ONCE: Final = 16
# The clock may be moved without a word, so the delivery task looks at least this often.
LONGEST_NAP: Final = 0.5


class Leaving(Protocol):
    """A webhook to POST."""

    delivery_id: int
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_seconds: float


class Simulated(Protocol):
    """What a simulator offers to this application."""

    on_news: Callable[[], None]

    def handle(self, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes) -> Reply: ...
    def due_deliveries(self) -> list[Any]: ...
    def delivered(self, delivery_id: int, status: int | None, body: bytes = b"") -> None: ...


class Application:
    """Serves one simulator. `seconds_per_byte` is how slow a dripping answer is."""

    def __init__(self, sim: Simulated, *, seconds_per_byte: float = 1.0) -> None:
        self._sim = sim
        self._seconds_per_byte = seconds_per_byte

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        body = await _read(receive)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        if body is None:
            reply = Reply(413)
        else:
            reply = self._sim.handle(scope["method"], path.partition("?")[0], query, headers, body)
        if reply.delay_seconds:
            await asyncio.sleep(reply.delay_seconds)
        if reply.manner == "silence":
            await _until_gone(receive)
        elif reply.manner == "reset":
            await _break(receive, send)
        else:
            await self._write(reply, scope["method"] == "HEAD", send)

    async def _write(self, reply: Reply, without_body: bool, send: Send) -> None:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        headers.append((b"content-length", b"%d" % len(reply.body)))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if reply.manner == "drip":
            for byte in reply.body:
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
                await asyncio.sleep(self._seconds_per_byte)
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "http.response.body", "body": b"" if without_body else reply.body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        sender = asyncio.create_task(Sender(self._sim).run())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})


class Sender:
    """Sends the webhooks that are due, and tells the simulator what came back."""

    def __init__(self, sim: Simulated) -> None:
        self._sim = sim
        self._news = asyncio.Event()
        self._places = asyncio.Semaphore(DELIVERIES_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until cancelled."""
        loop = asyncio.get_running_loop()
        self._sim.on_news = lambda: _wake(loop, self._news)
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                while True:
                    self._news.clear()
                    for leaving in self._sim.due_deliveries():
                        task = asyncio.create_task(self._deliver(client, leaving))
                        self._under_way.add(task)
                        task.add_done_callback(self._under_way.discard)
                    await _nap(self._news)
        finally:
            self._sim.on_news = lambda: None
            for task in self._under_way:
                task.cancel()

    async def _deliver(self, client: httpx2.AsyncClient, leaving: Leaving) -> None:
        status: int | None = None
        said = b""
        async with self._places:
            try:
                answer = await client.post(
                    leaving.url,
                    content=leaving.body,
                    headers=list(leaving.headers),
                    timeout=leaving.timeout_seconds,
                )
                status, said = answer.status_code, answer.content
            except (httpx2.HTTPError, httpx2.InvalidURL):
                status = None
        self._sim.delivered(leaving.delivery_id, status, said)


def _wake(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(news.set)


async def _nap(news: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(news.wait(), LONGEST_NAP)
    except TimeoutError:
        pass


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when it is too large."""
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > LARGEST_BODY:
            return None
    return b"".join(pieces)


async def _until_gone(receive: Receive) -> None:
    """Say nothing until the caller hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _break(receive: Receive, send: Send) -> None:
    """Break the connection without a byte of answer. ASGI has no word for it; uvicorn's `send` knows its transport."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionAbortedError("this server cannot break a connection on request")
    transport.abort()
    await _until_gone(receive)
