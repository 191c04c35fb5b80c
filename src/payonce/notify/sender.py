"""The way out to receivers of webhooks: one deadline for a whole call, a small answer, no redirects, checked addresses.

Built on aiohttp like the way out to providers, but anybody may be on the other end: it takes no proxies and
credentials from the environment, follows nowhere, and reads no more of an answer than people look at. Refuses, as a
Bug, to call out while a transaction is open.
"""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Final, Self

import aiohttp
import httpcore2

from payonce.drivers.http_calls import Calls
from payonce.notify.addresses import AddressRefused, Resolve, checked_connector, resolve
from payonce.providers.transport import Answer, Request

# More of an answer is not read: the status says what counts, and a receiver could send for ever.
LARGEST_ANSWER_BYTES: Final = 64 * 1024
# As many calls as one process has lanes for; a receiver that wants fewer at once answers 429.
MOST_CONNECTIONS: Final = 64
# Shorter than any server's own limit, so that a call is hardly ever sent into a connection that is just being closed.
IDLE_SECONDS: Final = 4.0
# One address of several may be dead; the others get a turn within the deadline.
CONNECT_SECONDS: Final = 4.0


class HttpSender:
    """A `Transport` on asyncio. `allow_private` only for addresses from the operator's own settings."""

    def __init__(
        self, *, allow_private: bool = False, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        context = tls or httpcore2.default_ssl_context()

        def connector() -> aiohttp.TCPConnector:
            return checked_connector(
                allow_private=allow_private, resolve=resolve, ssl=context, limit=MOST_CONNECTIONS,
                keepalive_timeout=IDLE_SECONDS,
            )  # fmt: skip

        self._calls = Calls(
            connector, largest_bytes=LARGEST_ANSWER_BYTES, connect_seconds=CONNECT_SECONDS, failures=[AddressRefused]
        )

    async def send(self, request: Request) -> Answer:
        """Send `request`; the answer, its body cut off after 64 kB. Raises Unreachable when there is none in time."""
        answer, _ = await self._calls.send(request)
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
