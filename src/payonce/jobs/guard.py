"""A database that asks, before a transaction, whether the run may go on: whenever a while has passed, even in a batch.

So a batch whose provider is silent keeps its lease, and learns of a switch; and a process that slept past its lease
learns that it lost the run before it touches anything more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from payonce.base.clock import Clock
from payonce.store.database import Database, T, Tx

# A third of a run's lease.
EVERY = timedelta(seconds=20)


class GuardedDatabase:
    """The port over `inner`; `ask` raises RunLost where the run is another's. `asked_at`: when that was last known."""

    def __init__(self, inner: Database, clock: Clock, ask: Callable[[], Awaitable[None]], asked_at: datetime) -> None:
        self._inner = inner
        self._clock = clock
        self._ask = ask
        self._asked_at = asked_at

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work` in a transaction of the inner database; see the port."""
        if abs(self._clock.now() - self._asked_at) >= EVERY:
            await self._ask()
            self._asked_at = self._clock.now()
        return await self._inner.transaction(work, name=name, read_only=read_only)
