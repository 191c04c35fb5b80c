"""Turns at a few connections: who came first is next, and what serves many goes before what serves one.

In the order of asking, a group of 256 webhooks would wait behind a thousand requests, and each request once more behind
all that came after it for each of its transactions.
"""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from time import perf_counter
from typing import Final

from psycopg_pool import PoolTimeout

from payonce.base.came_at import CAME_AT

# A pause of everything is no pace.
_LONGEST_INTERVAL_SECONDS: Final = 1.0
# Of the pace, as much is what was seen last: turns come in heaps of as many as there are connections.
_SHARE: Final = 0.02


class Turns:
    """So many at a time. Not for several threads."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._numbers = count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        # Seconds from one turn to the next while anybody waits, and when the last one began for somebody who did.
        self._interval = 0.0
        self._given_at = 0.0

    @property
    def wait_seconds(self) -> float:
        """How long whoever comes now waits for a turn, at the pace of the last ones."""
        return len(self._waiting) * self._interval

    async def take(self, seconds: float) -> None:
        """Wait for a turn. Raises PoolTimeout after `seconds`."""
        if self._free > 0:
            self._free -= 1
            return
        if not self._waiting:
            self._given_at = perf_counter()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (CAME_AT.get(), next(self._numbers), turn))
        try:
            async with asyncio.timeout(seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():
                # It was given and is not used.
                self.give_back()
            if isinstance(error, TimeoutError):
                raise PoolTimeout(f"no connection was free within {seconds:g} s") from None
            raise

    def give_back(self) -> None:
        """End a turn, and begin the next one."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                now = perf_counter()
                interval = min(now - self._given_at, _LONGEST_INTERVAL_SECONDS)
                self._interval += (interval - self._interval) * _SHARE
                self._given_at = now
                turn.set_result(None)
                return
        self._free += 1
