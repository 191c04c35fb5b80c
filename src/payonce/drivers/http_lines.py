"""Kept connections, each in a pool of its own: whoever calls takes the one to his address that was used last.

The pool below looks at every idle connection before and after each call, by a question to the system for each. With
fifty of them that was most of the time of a call. Here a call looks at the one that it is handed. What stayed idle
for too long is closed by whoever calls next; nothing is remembered beside the connections.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import httpcore2

Origin = tuple[str, str]


class KeptLines:
    """Up to `most` connections at a time. `make` gives an empty pool, which is used for one connection only; one that
    was idle for `idle_seconds` is closed."""

    def __init__(self, make: Callable[[], httpcore2.AsyncConnectionPool], most: int, idle_seconds: float) -> None:
        self._make: Final = make
        self._idle_seconds = idle_seconds
        self._free = asyncio.Semaphore(most)
        # By address; the one that was used last stands last, with when that was.
        self._idle: dict[Origin, deque[tuple[float, httpcore2.AsyncConnectionPool]]] = {}
        self._lent: set[httpcore2.AsyncConnectionPool] = set()

    @asynccontextmanager
    async def line_to(self, url: str) -> AsyncIterator[httpcore2.AsyncConnectionPool]:
        """A pool with at most one connection, which leads to the address of `url`, for one call."""
        parts = urlsplit(url)
        origin = (parts.scheme, parts.netloc)
        async with self._free:
            await self._close_old()
            waiting = self._idle.get(origin)
            line = waiting.pop()[1] if waiting else self._make()
            self._lent.add(line)
            try:
                yield line
            finally:
                if line in self._lent:
                    self._lent.discard(line)
                    self._idle.setdefault(origin, deque()).append((monotonic(), line))

    async def close(self) -> None:
        """Close all connections, those of calls that are under way as well."""
        idle = [line for waiting in self._idle.values() for _, line in waiting]
        lent, self._lent = self._lent, set()
        self._idle.clear()
        for line in (*idle, *lent):
            await line.aclose()

    async def _close_old(self) -> None:
        """Close what nobody used for long."""
        old: list[httpcore2.AsyncConnectionPool] = []
        oldest = monotonic() - self._idle_seconds
        for origin, waiting in list(self._idle.items()):
            while waiting and waiting[0][0] < oldest:
                old.append(waiting.popleft()[1])
            if not waiting:
                del self._idle[origin]
        for line in old:
            await line.aclose()
