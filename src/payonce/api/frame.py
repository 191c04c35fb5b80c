"""The frame around every request: its id, its body within bounds, safe headers, one line in the log, no error
unanswered.

HEAD is answered as GET without a body, everywhere. A path of a payment or status link is never logged: it is a secret.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

import structlog
from opentelemetry import context as otel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from payonce.api import problems
from payonce.api.calls import SCOPE_KEY, Call, begin_call, call_of
from payonce.api.load import Held, Load
from payonce.api.settings import ApiSettings
from payonce.api.shedding import Door
from payonce.base.came_at import CAME_AT
from payonce.base.errors import Bug, PayonceError, Refused
from payonce.base.strict_json import LARGEST_BODY_BYTES

LOG: Final = structlog.get_logger("payonce.api")
# A mobile network sends a mebibyte within this time; who is slower is holding a connection, not sending a payment.
BODY_SECONDS: Final = 20.0
# Pages may load this application's own files and nothing else; no inline code runs, nobody may put them in a frame.
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action *; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
    (b"content-security-policy", _PAGE_POLICY.encode()),
)
# A year, as browsers ask for before they believe it.
_INSIST_ON_TLS: Final = (b"strict-transport-security", b"max-age=31536000")
# What is asked all the time, and webhooks, which have a line of their own that says what became of them. Who read a
# status is kept as evidence.
_QUIET: Final = ("/livez", "/readyz", "/metrics", "/webhooks/", "/status/{token}")


class Frame:
    """ASGI middleware. `show_problem` draws a problem for a browser or as JSON. `straight` finds the requests that go
    to `straight_to` past the router: the hot path; `near` those that go past it to what it names, as any other."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ApiSettings,
        new_id: Callable[[], str],
        show_problem: Callable[[Request, PayonceError], Response],
        load: Load | None = None,
        door: Door | None = None,
        straight: Callable[[Scope], Scope | None] = lambda scope: None,
        straight_to: ASGIApp | None = None,
        near: Callable[[Scope], tuple[Scope, ASGIApp] | None] = lambda scope: None,
    ) -> None:
        self._app = app
        self._load = load or Load()
        self._settings = settings
        self._proxies = settings.proxies
        self._new_id = new_id
        self._show_problem = show_problem
        self._safe = safe_headers(settings)
        self._door = door
        self._straight = straight
        self._straight_to = straight_to or app
        self._near = near

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._door is not None:
            root = scope.get("root_path", "")
            refusal = self._door.refusal(scope["method"], scope["path"].removeprefix(root), scope["headers"], root)
            if refusal is not None:
                told, request_id = refusal
                await told.say(send, request_id)
                return
        call = begin_call(scope, self._new_id, self._proxies)
        scope = {**scope, SCOPE_KEY: call, "method": "GET" if call.head else call.method}
        answer = _Answer(send, call, self._safe)
        began = time.perf_counter()
        straight = self._straight(scope)
        if straight is not None:
            await self._serve(straight, receive, answer, self._straight_to)
            _log(straight, answer, time.perf_counter() - began)
            return
        scope, app = self._near(scope) or (scope, self._app)
        CAME_AT.set(began)
        token = otel.attach(call.context)
        outside = structlog.contextvars.get_contextvars()
        structlog.contextvars.bind_contextvars(request_id=call.request_id, trace_id=call.trace[:32] or None)
        try:
            await self._serve(scope, receive, answer, app)
            _log(scope, answer, time.perf_counter() - began)
        finally:
            # Routes bind more ids on their way; a server may serve the next request in the same context.
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(**outside)
            otel.detach(token)

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer, app: ASGIApp) -> None:
        call: Call = scope[SCOPE_KEY]
        try:
            with self._load.one(scope["path"].removeprefix(call.root)) as held:
                call.body = await _read_body(call, receive, held)
                await app(scope, _replay(call.body, receive), answer)
        except _Disconnected:
            return
        except Exception as error:
            known = error if isinstance(error, PayonceError) else Bug(f"{type(error).__name__}: {error}")
            answer.is_counted = known.code == "overloaded"
            if isinstance(known, Bug):
                # Said here as well, because nothing is bound for what goes straight.
                LOG.error("broken", code=known.code, request_id=call.request_id, exc_info=error)
            try:
                if not answer.started:
                    await self._show_problem(Request(scope), known)(scope, receive, answer)
            finally:
                # The error knows this frame, and the frame would know the error: a circle that keeps the body.
                del known


class _Disconnected(Exception):
    """The caller left before it had said what it wanted."""


async def _read_body(call: Call, receive: Receive, held: Held) -> bytes:
    """The whole body. Raises Refused `body_too_large` (413) and `body_too_slow` (408), and Unavailable `overloaded`,
    while reading, never after."""
    if call.method in ("GET", "HEAD", "OPTIONS"):
        return b""
    if call.headers.get("content-length", "0").isdecimal():
        _measure(int(call.headers.get("content-length", "0")[:20]))
    chunks, size, more = [], 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Disconnected
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                _measure(size)
                held.add(len(chunk))
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError:
        raise Refused("the body did not come in time", code="body_too_slow", status=408) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _measure(size: int) -> None:
    if size > LARGEST_BODY_BYTES:
        raise Refused("the body is larger than 1 MiB", code="body_too_large", status=413)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body that was read, and then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class _Answer:
    """Sends an answer with the frame's headers, and without a body where none was asked for."""

    __slots__ = ("_call", "_safe", "_send", "is_counted", "status")

    def __init__(self, send: Send, call: Call, safe: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._call = call
        self._safe = safe
        self.status = 0
        # Whether it is told of by its number alone.
        self.is_counted = False

    @property
    def started(self) -> bool:
        return self.status != 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            said = {name.lower() for name, _ in message["headers"]}
            added = [(name, value) for name, value in self._safe if name not in said]
            own = (b"x-request-id", self._call.request_id.encode("latin-1"))
            message = {**message, "headers": [*message["headers"], own, *added]}
        elif self._call.head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def safe_headers(settings: ApiSettings) -> list[tuple[bytes, bytes]]:
    """What every answer says to browsers."""
    return [*_SAFE, *([_INSIST_ON_TLS] if settings.is_secure else [])]


def _log(scope: Scope, answer: _Answer, seconds: float) -> None:
    """One line for each request, by the route's pattern: the path itself may hold a token."""
    if answer.is_counted:
        return
    status = answer.status
    found = scope.get("route")
    inner = "" if found is None or isinstance(found, Mount) else getattr(found, "path", "")
    route = scope.get("root_path", "") + inner
    level = logging.DEBUG if status < 400 and inner.startswith(_QUIET) else logging.INFO
    # Asked before the line is made: these routes answer thousands of times a second, and making a line costs as much as
    # answering.
    if level == logging.INFO or logging.getLogger("payonce.api").isEnabledFor(level):
        ms = round(seconds * 1000, 1)
        call: Call = scope[SCOPE_KEY]
        LOG.log(
            level, "answered", method=call.method, route=route, status=status, ms=ms, request_id=call.request_id,
            trace_id=call.trace[:32] or None,
        )  # fmt: skip


def problem_response(request: Request, error: PayonceError, base_url: str) -> Response:
    """The problem as JSON, with its headers."""
    members = problems.problem_of(error, base_url, call_of(request).request_id)
    return Response(
        problems.encode(members), error.status, problems.headers_of(error), media_type="application/problem+json"
    )
