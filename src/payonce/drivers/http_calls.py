"""Calls on asyncio, over aiohttp: one exchange at a time on each kept connection, one deadline for everything.

No redirects, no cookies, no credentials or proxies from the environment, no decoding, and no header that was not given.
The engine sends a reading (GET) again, once, where its connection turns out to be closed; it never does so with
anything that could have been carried out.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from payonce.base.errors import ensure
from payonce.providers.transport import Answer, Request, Unreachable
from payonce.store.database import in_transaction

# Of a line of the answer's head. Some providers send policies of several kilobytes.
_LONGEST_LINE_BYTES: Final = 64 * 1024
# What the engine would add by itself.
_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# Some of them are what the engine says of addresses and headers that cannot be sent at all.
_FAILURES: Final = (
    aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError, ValueError, RuntimeError, AssertionError,
)  # fmt: skip


class Connector(aiohttp.TCPConnector):
    """Hands out no kept connection on which something was said that nobody asked for: the next answer would be that."""

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Connection:
        """A connection for one request."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()


class Calls:
    """Kept connections, and nothing else that is remembered. It opens itself with the first call, on the loop of that
    call, and again with the first one after `close`. `failures`: what a connector of `connect` raises besides.
    """

    def __init__(
        self,
        connect: Callable[[], aiohttp.TCPConnector],
        *,
        largest_bytes: int,
        connect_seconds: float | None = None,
        failures: Sequence[type[Exception]] = (),
    ) -> None:
        self._connect = connect
        self._largest_bytes = largest_bytes
        self._limits = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
        self._failures: tuple[type[Exception], ...] = (*_FAILURES, *failures)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> tuple[Answer, bool]:
        """Send `request` and read the answer; whether it is whole, or was longer than `largest_bytes` and cut off
        behind them. Raises Unreachable when there is none in time; Bug inside a transaction.
        """
        ensure(not in_transaction(), f"{request.method} {request.url} was to be sent inside a transaction")
        left: list[bool] = []
        try:
            async with asyncio.timeout(request.timeout_seconds):
                return await self._exchange(request, left)
        except self._failures as error:
            words = f"{type(error).__name__}: {error}".rstrip(": ")
            raise Unreachable(words, sent=bool(left)) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody cancelled the caller: all connections are being closed, and the one that it waited for with them.
            raise Unreachable("the connections were closed", sent=bool(left)) from error

    async def close(self) -> None:
        """Close all connections, those of calls that are under way as well."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, request: Request, left: list[bool]) -> tuple[Answer, bool]:
        async with self._opened().request(
            request.method,
            _address(request.url),
            headers=request.headers,
            # A POST without a body says so by its length; some servers refuse one that says nothing.
            data=request.body or (b"" if request.method == "POST" else None),
            allow_redirects=False,
            trace_request_ctx=left,
        ) as response:
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > self._largest_bytes:
                    break
            headers = tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.raw_headers
            )
        whole = len(body) <= self._largest_bytes
        return Answer(response.status, headers, bytes(body[: self._largest_bytes])), whole

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            leaving = aiohttp.TraceConfig()
            leaving.on_request_headers_sent.append(_note_leaving)
            self._session = aiohttp.ClientSession(
                connector=self._connect(),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_ADDED,
                timeout=self._limits,
                trace_configs=[leaving],
                middlewares=[_once],
                max_line_size=_LONGEST_LINE_BYTES,
                max_field_size=_LONGEST_LINE_BYTES,
            )
        return self._session


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep the engine from sending again what could have been carried out: it takes PUT and DELETE for harmless."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method == "GET" or isinstance(error, aiohttp.ClientConnectorError):
            raise
        raise aiohttp.ClientConnectionError(f"{type(error).__name__}: {error}") from error


async def _note_leaving(session: aiohttp.ClientSession, context: Any, told: Any) -> None:
    """Told before the first byte of a request is handed to its connection."""
    context.trace_request_ctx.append(True)


def _address(url: str) -> URL:
    """The address, with its path exactly as it is given. Raises ValueError for what is none, and for one with a name
    and a password, of which the engine would make a header.
    """
    address = URL(url, encoded=True)
    if address.raw_user is not None or address.raw_password is not None:
        raise ValueError("an address with a name or a password in it")
    return address
