"""Plans that are kept for a second: what a lone event pays for planning is half of what it costs the server.

Left alone the server plans most statements of a settling anew each time, because it takes every array for ten long,
and one element looks cheaper. Told to keep plans it keeps them for ever, also one that was made while a table was empty
and that reads all of it. So in transactions that are worth it plans are kept, and all of a connection's are thrown away
when they are a second old: a table cannot grow by more in that time than can be read at once. The plans of the foreign
keys' own look-ups go with them; those are kept for ever otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from payonce.store.database import Call, Query

KEPT_SECONDS: Final = 1.0
# The transactions that are worth it: every statement of theirs names whole keys, so that no value wants a plan of its
# own. What lists and pages is planned for what it is asked.
KEEPING: Final = frozenset({"receive", "read_order", "checkout", "created"})

_WHY: Final = "Plans that are kept for a second; see `plans.py`."
KEEP: Final[Call] = (Query("transaction.keep_plans", "SET LOCAL plan_cache_mode = force_generic_plan", _WHY), {})
FORGET: Final[Call] = (Query("transaction.forget_plans", "DISCARD PLANS", _WHY), {})


class Plans:
    """The plans of one connection. `seconds` counts up, whatever the clock on the wall does."""

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._thrown_away_at = seconds()

    def calls_for(self, name: str) -> Sequence[Call]:
        """What goes behind BEGIN of the transaction `name`."""
        if name not in KEEPING:
            return ()
        now = self._seconds()
        if now - self._thrown_away_at < KEPT_SECONDS:
            return (KEEP,)
        self._thrown_away_at = now
        return (KEEP, FORGET)
