"""The HTTP edge of an engine as something to mount: it exists before the engine is started, and serves once it is.

Served by itself it starts and stops the engine with its own lifespan. Mounted in another application nobody runs its
lifespan: then that application starts the engine in its own. Refuses requests to an engine that was not started.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

from payonce.base.errors import PayonceError

if TYPE_CHECKING:
    from payonce.api.shedding import Door, Told
    from payonce.engine import Payonce

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Mounted:
    """An ASGI application that leads to the engine's own."""

    def __init__(self, engine: Payonce) -> None:
        self._engine = engine
        self._application: Application | None = None
        self._door: Door | None = None
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._owns_engine = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            application = await self._get()
        except PayonceError as error:
            await _refuse(scope, send, error)
            return
        await application(scope, receive, send)

    def refusal(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], root: str
    ) -> tuple[Told, str] | None:
        """What a server may answer at once, and the request's id; None: hand it in (`payonce.api.shedding`)."""
        return None if self._door is None else self._door.refusal(method, path, headers, root)

    async def aclose(self) -> None:
        """Let every accepted request come to its end, and write what is left of evidence."""
        await self._open.aclose()
        self._application = self._door = None

    async def _get(self) -> Application:
        if self._application is None:
            async with self._opening:
                if self._application is None:
                    self._application = await self._build()
        return self._application

    async def _build(self) -> Application:
        built: Any = self._engine.build_api()
        # Its lifespan ends what was accepted; it is entered here, because a mounted application has none of its own.
        await self._open.enter_async_context(built.router.lifespan_context(built))
        self._door = built.state.door
        application: Application = built
        return application

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._owns_engine = not self._engine.is_started
            if self._owns_engine:
                await self._engine.start()
            await self._get()
        except Exception as error:
            hint = getattr(error, "hint", "")
            await send({"type": "lifespan.startup.failed", "message": f"{error} {hint}".strip()})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._owns_engine:
            await self._engine.aclose()
        await send({"type": "lifespan.shutdown.complete"})


async def _refuse(scope: Scope, send: Send, error: PayonceError) -> None:
    """Answer 503 with what is wrong, in the shape of every other problem."""
    if scope["type"] != "http":
        return
    problem = {"type": "about:blank", "title": error.code, "status": 503, "detail": error.message, "code": error.code}
    body = json.dumps(problem).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
