"""One deadline for a whole blocking exchange. A limit for each read is not enough: a peer that sends one byte a second
keeps every one of them. The asynchronous transport needs none of this: there a deadline is set around everything.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from time import monotonic
from typing import Any, Final

import httpcore2

# When the exchange that runs in this thread must be over, on the monotonic clock.
DEADLINE: Final[ContextVar[float]] = ContextVar("payonce_http_deadline")


def _left() -> float:
    left = DEADLINE.get() - monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the time for the whole exchange is over")
    return left


class BackendWithDeadline(httpcore2.NetworkBackend):
    """Connects and reads within what is left of DEADLINE, whatever limits it is given."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect."""
        return _Stream(self._inner.connect_tcp(host, port, _left(), local_address, socket_options))


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left()))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
