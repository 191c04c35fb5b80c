"""The way out to receivers of webhooks: one deadline for a whole call, a small answer, no redirects, checked addresses.

Built on httpcore2 like the way out to providers, but anybody may be on the other end: it takes no proxies and
credentials from the environment, follows nowhere, and reads no more of an answer than people look at. Refuses, as a
Bug, to call out while a transaction is open.
"""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Any, Final, Self

import httpcore2

from payonce.base.errors import ensure
from payonce.drivers.http_lines import KeptLines
from payonce.notify.addresses import AddressRefused, CheckedBackend, Resolve, resolve
from payonce.providers.transport import Answer, Request, Unreachable
from payonce.store.database import in_transaction

# More of an answer is not read: the status says what counts, and a receiver could send for ever.
LARGEST_ANSWER_BYTES: Final = 64 * 1024
# As many calls as one process has lanes for; a receiver that wants fewer at once answers 429.
MOST_CONNECTIONS: Final = 64
# Shorter than any server's own limit, so that a call is hardly ever sent into a connection that is just being closed.
IDLE_SECONDS: Final = 4.0
# One address of several may be dead; the others get a turn within the deadline.
CONNECT_SECONDS: Final = 4.0
# The first event after which some of the request may have left this machine.
_LEAVES: Final = "http11.send_request_headers.started"
_FAILURES: Final = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    AddressRefused,
    ssl.SSLError,
    TimeoutError,
)


class HttpSender:
    """A `Transport` on asyncio. `allow_private` only for addresses from the operator's own settings."""

    def __init__(
        self, *, allow_private: bool = False, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        context = tls or httpcore2.default_ssl_context()
        backend = CheckedBackend(allow_private=allow_private, resolve=resolve)

        def one() -> httpcore2.AsyncConnectionPool:
            return httpcore2.AsyncConnectionPool(
                ssl_context=context, network_backend=backend, max_connections=1, max_keepalive_connections=1,
                keepalive_expiry=IDLE_SECONDS,
            )  # fmt: skip

        self._lines = KeptLines(one, MOST_CONNECTIONS, IDLE_SECONDS)

    async def send(self, request: Request) -> Answer:
        """Send `request`; the answer, its body cut off after 64 kB. Raises Unreachable when there is none in time."""
        ensure(not in_transaction(), f"{request.method} {request.url} was to be sent inside a transaction")
        has_left = False

        async def trace(event: str, info: object) -> None:
            nonlocal has_left
            has_left = has_left or event == _LEAVES

        limit = request.timeout_seconds
        waits = {"connect": min(CONNECT_SECONDS, limit), "read": limit, "write": limit, "pool": limit}
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(request, {"trace": trace, "timeout": waits})
        except _FAILURES as error:
            words = f"{type(error).__name__}: {error}".rstrip(": ")
            raise Unreachable(words, sent=has_left) from error

    async def _exchange(self, request: Request, extensions: dict[str, Any]) -> Answer:
        headers = [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in request.headers]
        async with (
            self._lines.line_to(request.url) as line,
            line.stream(
                request.method, request.url, headers=headers, content=request.body, extensions=extensions
            ) as response,
        ):
            body = bytearray()
            async for part in response.aiter_stream():
                body += part
                if len(body) >= LARGEST_ANSWER_BYTES:
                    break
        found = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers)
        return Answer(response.status, found, bytes(body[:LARGEST_ANSWER_BYTES]))

    async def close(self) -> None:
        """Close all connections."""
        await self._lines.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
