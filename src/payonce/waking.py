"""A database that says when something may be owed, so that effects go out at once and not at the next interval.

It wraps the port and changes nothing of it. Only transactions that can owe an effect count: one that only delivers must
not wake the one who delivers, for that would never end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from payonce.store.database import Database, T, Tx

# The names of the transactions that join observations, move orders, or make an effect due.
OWING: Final = frozenset(
    "adopt cancel_order close close_orders created find join_answers owe_effect place_order read receive refresh "
    "resolve retry_effect retry_event".split()
)


class WakingDatabase:
    """The port over `inner`; calls `wake` after the COMMIT of a transaction that may owe something."""

    def __init__(self, inner: Database, wake: Callable[[], None]) -> None:
        self._inner = inner
        self._wake = wake

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work` in a transaction of the inner database; see the port."""
        result = await self._inner.transaction(work, name=name, read_only=read_only)
        if name in OWING:
            self._wake()
        return result
