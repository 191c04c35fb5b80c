"""How often a caller may ask. Kept in memory, bounded in size: what is forgotten is only forgiven.

`Allowances` hold callers to so many calls in any minute (E9) and tell each when to come again, so that whoever comes
then is never refused (X11), also with several tabs open: what one tab was promised is kept free when another one
asks.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from payonce.base.clock import Clock

K = TypeVar("K")

# E9: five requests a minute for each order and caller.
CALLS: Final = 5
SPAN: Final = timedelta(seconds=60)
# E8: the page that waits asks after 5, 10, 20 and then every 40 seconds.
BACKOFF_SECONDS: Final = (5.0, 10.0, 20.0, 40.0)
_LONGEST_PAUSE: Final = len(BACKOFF_SECONDS) - 1
# A caller comes a little later than told, never earlier; plans leave room for that.
SLACK: Final = timedelta(seconds=5)
# Beyond this many tabs of one caller, promises are no longer kept apart.
MOST_TABS: Final = 8
# About 500 bytes each; a forgotten caller starts anew.
MOST_CALLERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether this call is answered, and in how many seconds the next one certainly is."""

    granted: bool
    retry_after_seconds: float


@dataclass(slots=True)
class _Caller:
    """When one caller was answered within the last minute, and what each of its tabs was promised, after which poll."""

    uses: list[datetime] = field(default_factory=list)
    promises: dict[str, tuple[datetime, int]] = field(default_factory=dict)


class Allowances(Generic[K]):
    """The callers, by whatever names them. Not for several threads."""

    def __init__(self, clock: Clock, *, calls: int = CALLS, span: timedelta = SPAN, most: int = MOST_CALLERS) -> None:
        self._clock = clock
        self._calls = calls
        self._span = span
        self._most = most
        self._callers: OrderedDict[K, _Caller] = OrderedDict()

    def ask(self, key: K, *, tab: str | None = "") -> Allowance:
        """Take one call, and a promise for the next. `tab` tells several windows of one caller apart; None waits for
        no next one."""
        now, caller = self._clock.now(), self._caller(key)
        polls = self._forget_promise(caller, tab)
        granted = len(caller.uses) < self._calls
        if granted:
            caller.uses.append(now)
        return Allowance(
            granted, self._promise(caller, tab, polls + granted, BACKOFF_SECONDS[min(polls, _LONGEST_PAUSE)])
        )

    def start_over(self, key: K, *, tab: str | None = "") -> float:
        """Seconds until the first poll of a page that was just loaded; its pauses begin again with the shortest."""
        caller = self._caller(key)
        self._forget_promise(caller, tab)
        return self._promise(caller, tab, 1, BACKOFF_SECONDS[0])

    def _forget_promise(self, caller: _Caller, tab: str | None) -> int:
        """Drop what is past and what this tab was promised; how often the tab has polled."""
        now = self._clock.now()
        # What lies in the future was before the clock was set back.
        caller.uses = [use for use in caller.uses if now - self._span < use <= now]
        _, polls = (now, 0) if tab is None else caller.promises.pop(tab, (now, 0))
        caller.promises = {name: kept for name, kept in caller.promises.items() if kept[0] > now - SLACK}
        return polls

    def _promise(self, caller: _Caller, tab: str | None, polls: int, pause_seconds: float) -> float:
        now = self._clock.now()
        due = self._next_free(caller, now + timedelta(seconds=pause_seconds))
        if tab is not None and len(caller.promises) < MOST_TABS:
            caller.promises[tab] = (due, polls)
        return (due - now).total_seconds()

    def _caller(self, key: K) -> _Caller:
        caller = self._callers.get(key)
        if caller is None:
            caller = self._callers[key] = _Caller()
            if len(self._callers) > self._most:
                self._callers.popitem(last=False)
        self._callers.move_to_end(key)
        return caller

    def _next_free(self, caller: _Caller, earliest: datetime) -> datetime:
        """The first instant from `earliest` on that leaves every minute, ours and promised, within the allowance."""
        taken = sorted([*caller.uses, *(due for due, _ in caller.promises.values())])
        room = self._span + SLACK
        candidates = sorted({earliest, *(use + room for use in taken if use + room > earliest)})
        return next((at for at in candidates if self._fits(taken, at, room)), candidates[-1])

    def _fits(self, taken: list[datetime], at: datetime, room: timedelta) -> bool:
        together = list(taken)
        insort(together, at)
        pairs = zip(together, together[self._calls :], strict=False)
        return all(late - early >= room for early, late in pairs)


class Misses(Generic[K]):
    """Counts failures of callers and says when one has had too many, so that guessing is slow. Bounded like the
    rest."""

    def __init__(self, clock: Clock, *, most_misses: int, span: timedelta = SPAN, most: int = MOST_CALLERS) -> None:
        self._clock = clock
        self._most_misses = most_misses
        self._span = span
        self._most = most
        self._seen: OrderedDict[K, list[datetime]] = OrderedDict()

    def wait_seconds(self, key: K) -> float:
        """How long the caller must wait; 0 when it may go on."""
        now = self._clock.now()
        recent = [at for at in self._seen.get(key, ()) if now - self._span < at <= now]
        if len(recent) < self._most_misses:
            return 0.0
        return (recent[-self._most_misses] + self._span - now).total_seconds()

    def note(self, key: K) -> None:
        """Count one failure."""
        now = self._clock.now()
        recent = [at for at in self._seen.get(key, ()) if now - self._span < at <= now]
        self._seen[key] = [*recent, now][-self._most_misses :]
        self._seen.move_to_end(key)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
