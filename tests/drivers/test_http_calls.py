"""Connections are kept and used again, each by one call at a time, and never beyond their number or their age."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest

from payonce.drivers.http_calls import Calls, Connector
from payonce.providers.transport import Request, Unreachable


class Listener:
    """A server that counts its connections, and answers each request once `gate` is open."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        # Of the next request: read, and answered by closing the connection.
        self.hangs_up = False
        self.at_work = 0
        self.most_at_work = 0
        self.arrived: asyncio.Queue[int] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the other side closes."""
        self.connections += 1
        self.writers.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                if self.hangs_up:
                    self.hangs_up = False
                    return
                self.at_work += 1
                self.most_at_work = max(self.most_at_work, self.at_work)
                self.arrived.put_nowait(self.at_work)
                await self.gate.wait()
                self.at_work -= 1
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """A server on this machine."""
    found = Listener()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    try:
        yield found
    finally:
        server.close()


def calls(most: int = 4, idle_seconds: float = 60.0) -> Calls:
    """Calls over so many connections."""
    return Calls(lambda: Connector(limit=most, keepalive_timeout=idle_seconds), largest_bytes=1000)


async def call(kept: Calls, url: str, method: str = "POST") -> int:
    """Call once; the status."""
    answer, _ = await kept.send(Request(method, url))
    return answer.status


Work: TypeAlias = Callable[[Calls, Listener, Listener], Awaitable[None]]


def run(work: Work, **choices: Any) -> None:
    """Run on a loop of its own, with calls that are closed at the end, and two servers."""

    async def whole() -> None:
        kept = calls(**choices)
        async with listening() as listener, listening() as other:
            await work(kept, listener, other)
            await kept.close()

    asyncio.run(whole())


def test_one_call_after_another_uses_one_connection() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        assert [await call(kept, listener.url) for _ in range(5)] == [204] * 5
        assert listener.connections == 1

    run(work)


def test_calls_at_once_have_a_connection_each_up_to_their_number() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        listener.gate.clear()
        under_way = [asyncio.create_task(call(kept, listener.url)) for _ in range(9)]
        assert [await listener.arrived.get() for _ in range(3)] == [1, 2, 3]
        listener.gate.set()
        assert await asyncio.gather(*under_way) == [204] * 9
        assert (listener.most_at_work, listener.connections) == (3, 3)

    run(work, most=3)


def test_a_kept_connection_that_the_other_side_closed_is_replaced() -> None:
    async def work(kept: Calls, listener: Listener, other: Listener) -> None:
        await call(kept, listener.url)
        listener.writers[0].close()
        # The loop hears of it while it goes on with something else.
        await call(kept, other.url)
        assert await call(kept, listener.url) == 204
        assert listener.connections == 2

    run(work)


def test_a_connection_that_was_idle_for_too_long_is_closed() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        await call(kept, listener.url)
        await listener.writers[0].wait_closed()
        assert await call(kept, listener.url) == 204
        assert listener.connections == 2

    run(work, idle_seconds=0.05)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_only_a_reading_is_sent_again_where_a_kept_connection_was_closed_meanwhile(method: str) -> None:
    """X3: what may have been carried out is never sent again by the engine; whether it is, the use cases decide."""

    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        await call(kept, listener.url)
        listener.hangs_up = True
        if method == "GET":
            assert await call(kept, listener.url, method) == 204
        else:
            with pytest.raises(Unreachable) as unreachable:
                await call(kept, listener.url, method)
            assert unreachable.value.sent
        assert listener.requests == (3 if method == "GET" else 2)

    run(work)


def test_what_waits_for_a_connection_until_its_time_is_over_never_left() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        listener.gate.clear()
        hanging = asyncio.create_task(call(kept, listener.url))
        await listener.arrived.get()
        with pytest.raises(Unreachable) as unreachable:
            await kept.send(Request("POST", listener.url, timeout_seconds=0.05))
        assert not unreachable.value.sent
        listener.gate.set()
        assert (await hanging, listener.requests) == (204, 1)

    run(work, most=1)


def test_after_it_was_closed_it_opens_again_with_the_next_call() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        await call(kept, listener.url)
        await kept.close()
        await listener.writers[0].wait_closed()
        assert await call(kept, listener.url) == 204

    run(work)


def test_a_call_that_is_given_up_leaves_nothing_behind() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        listener.gate.clear()
        hanging = asyncio.create_task(call(kept, listener.url))
        await listener.arrived.get()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        listener.gate.set()
        assert await call(kept, listener.url) == 204
        # Its answer may still have come: nobody is handed a connection with another call's answer in it.
        assert listener.connections == 2

    run(work, most=1)


def test_what_was_said_without_being_asked_is_the_answer_to_nothing() -> None:
    """A server that speaks on an idle connection, such as "408" before it hangs up."""

    async def work(kept: Calls, listener: Listener, other: Listener) -> None:
        await call(kept, listener.url)
        listener.writers[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale")
        await listener.writers[0].drain()
        # The loop hears of it while it goes on with something else.
        await call(kept, other.url)
        assert await call(kept, listener.url) == 204
        assert (listener.connections, listener.requests) == (2, 2)

    run(work)


@pytest.mark.parametrize(
    "url",
    [
        "http://a..example/", f"http://{'a' * 64}.example/", "http://127.0.0.1:99999/", "http://ann:secret@127.0.0.1/",
        "//nowhere", "", "http://[::1/", "http:///path",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_never_called_and_says_so(url: str) -> None:
    async def work(kept: Calls, _: Listener, __: Listener) -> None:
        with pytest.raises(Unreachable) as unreachable:
            await kept.send(Request("POST", url, (("Authorization", "Bearer x"),)))
        assert not unreachable.value.sent and "secret" not in unreachable.value.reason

    run(work)


def test_a_header_that_would_begin_another_one_never_leaves() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        with pytest.raises(Unreachable):
            await kept.send(Request("POST", listener.url, (("X-Name", "a\r\nX-Other: b"),)))
        assert listener.requests == 0

    run(work)


def test_who_waits_for_a_connection_while_all_are_closed_is_told_that_nothing_left() -> None:
    async def work(kept: Calls, listener: Listener, _: Listener) -> None:
        listener.gate.clear()
        hanging = asyncio.create_task(call(kept, listener.url))
        await listener.arrived.get()
        waiting = asyncio.create_task(call(kept, listener.url))
        # It has begun to wait when another call of the loop's has come back.
        await asyncio.to_thread(lambda: None)
        await kept.close()
        ends = await asyncio.gather(hanging, waiting, return_exceptions=True)
        assert [(type(end), getattr(end, "sent", None)) for end in ends] == [
            (Unreachable, True),
            (Unreachable, False),
        ]
        listener.gate.set()

    run(work, most=1)
