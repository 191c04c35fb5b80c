"""The way out to providers: exact bytes out, exact bytes in, one deadline for everything, nothing remembered between.

No redirects, no cookies, no credentials from the environment, no decoding. Whether a request may be sent again is a
decision about money, and is not made here. Refuses, as a Bug, to call out while a transaction is open. The blocking
transport is built on the engine below httpx2 (httpcore2), the other one on aiohttp (`http_calls.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

import httpcore2

from payonce.base.errors import ensure
from payonce.drivers.http_calls import Calls, Connector
from payonce.drivers.http_deadline import DEADLINE, BackendWithDeadline
from payonce.providers.transport import Answer, Request, Unreachable
from payonce.store.database import in_transaction

# The largest list page of a provider is some 500 kB; what is larger is a mistake, or somebody who wants our memory.
LARGEST_ANSWER_BYTES: Final = 2 * 1024 * 1024
# A provider's rate limit is reached long before as many calls are on their way at once.
MOST_CONNECTIONS: Final = 50
# Shorter than any server's own limit, so that a request is hardly ever sent into a connection that is just being
# closed: that would leave it in doubt.
IDLE_SECONDS: Final = 10.0

_POOL: Final[Mapping[str, Any]] = {
    "max_connections": MOST_CONNECTIONS,
    "max_keepalive_connections": MOST_CONNECTIONS,
    "keepalive_expiry": IDLE_SECONDS,
}
# The first event after which some of the request may have left this machine.
_LEAVES: Final = "http11.send_request_headers.started"
_FAILURES: Final = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    TimeoutError,
)


def too_large() -> Unreachable:
    """What is said of an answer that nobody keeps."""
    return Unreachable(f"the answer is larger than {LARGEST_ANSWER_BYTES} bytes", sent=True)


class AsyncTransport:
    """The transport for asyncio."""

    def __init__(self) -> None:
        context = httpcore2.default_ssl_context()
        self._calls = Calls(
            lambda: Connector(ssl=context, limit=MOST_CONNECTIONS, keepalive_timeout=IDLE_SECONDS),
            largest_bytes=LARGEST_ANSWER_BYTES,
        )

    async def send(self, request: Request) -> Answer:
        """Send `request`, read the whole answer. Raises Unreachable when there is none in time, or too large a one."""
        answer, is_whole = await self._calls.send(request)
        if not is_whole:
            raise too_large()
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class SyncTransport:
    """The transport that blocks its thread; `send` never waits for an event loop."""

    def __init__(self) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpcore2.default_ssl_context(), network_backend=BackendWithDeadline(), **_POOL
        )

    async def send(self, request: Request) -> Answer:
        """Send `request`, read the whole answer. Raises Unreachable when there is none in time, or too large a one."""
        exchange = _Exchange(request)
        before = DEADLINE.set(monotonic() + request.timeout_seconds)
        try:
            with exchange.failing(), self._pool.stream(**exchange.words(exchange.trace)) as response:
                for part in response.iter_stream():
                    exchange.take(part)
        finally:
            DEADLINE.reset(before)
        return exchange.answer(response)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Exchange:
    """One blocking request and what came back so far."""

    def __init__(self, request: Request) -> None:
        ensure(not in_transaction(), f"{request.method} {request.url} was to be sent inside a transaction")
        self._request = request
        self._body = bytearray()
        self._has_left = False

    def words(self, trace: object) -> dict[str, Any]:
        """The arguments of a pool's `stream`."""
        limit = self._request.timeout_seconds
        return {
            "method": self._request.method,
            "url": self._request.url,
            "headers": [(name.encode("ascii"), value.encode()) for name, value in self._request.headers],
            # A POST without a body says so by its length; some servers refuse one that says nothing.
            "content": self._request.body or (b"" if self._request.method == "POST" else None),
            "extensions": {"trace": trace, "timeout": dict.fromkeys(("connect", "read", "write", "pool"), limit)},
        }

    def trace(self, event: str, info: object) -> None:
        """Notice when the request begins to leave."""
        self._has_left = self._has_left or event == _LEAVES

    def take(self, part: bytes) -> None:
        """Add a part of the answer's body."""
        self._body += part
        if len(self._body) > LARGEST_ANSWER_BYTES:
            raise too_large()

    def answer(self, response: httpcore2.Response) -> Answer:
        """The whole answer."""
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers)
        return Answer(response.status, headers, bytes(self._body))

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Turn the engine's errors into Unreachable, which says whether anything may have left."""
        try:
            yield
        except _FAILURES as error:
            words = f"{type(error).__name__}: {error}".rstrip(": ")
            raise Unreachable(words, sent=self._has_left) from error
