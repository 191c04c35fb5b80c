"""What every simulated provider's books begin with: time, ids, a lock, and what is due by the clock alone.

All of it lives in memory and moves only when somebody calls; the same calls at the same instants with the same ids
give the same books.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from threading import RLock
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from payonce.providers.simulator.world import Now, ObjectIds

P = ParamSpec("P")
R = TypeVar("R")
HasBooks = TypeVar("HasBooks", bound="_HasBooks")


class _HasBooks(Protocol):
    @property
    def books(self) -> Agenda: ...


@dataclass(slots=True)
class Agenda:
    """The clock as the books see it, and the acts that wait for it. `base_url` is where payers reach the pages."""

    clock: Now
    ids: ObjectIds
    base_url: str
    lock: RLock = field(default_factory=RLock, repr=False, kw_only=True)
    _pinned: float | None = field(default=None, init=False)
    _acts: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list, init=False)
    _order: Iterator[int] = field(default_factory=itertools.count, init=False)

    def now(self) -> float:
        """Unix seconds. While something that was due earlier is done late, this is the instant at which it was due."""
        return self.clock.now().timestamp() if self._pinned is None else self._pinned

    def plan(self, at: float, act: Callable[[], object]) -> None:
        """Do `act` when the clock has reached `at` (unix seconds)."""
        heapq.heappush(self._acts, (at, next(self._order), act))

    def catch_up(self) -> None:
        """Do everything that is due, in order, each as of its own instant."""
        now = self.clock.now().timestamp()
        while self._acts and self._acts[0][0] <= now and self._pinned is None:
            at, _, act = heapq.heappop(self._acts)
            self._pinned = at
            try:
                self.carry_out(act)
            finally:
                self._pinned = None

    def carry_out(self, act: Callable[[], object]) -> None:
        """Do what the clock alone brings; books that name causes say here that nobody caused it."""
        act()

    def next_due(self) -> float | None:
        """When the clock alone will change something again, or None."""
        return self._acts[0][0] if self._acts else None


def alone(
    method: Callable[Concatenate[HasBooks, P], R],
) -> Callable[Concatenate[HasBooks, P], R]:
    """Run a method with the books locked and up to date: a test's thread and the server's thread may both call."""

    @wraps(method)
    def locked(self: HasBooks, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.books.lock:
            self.books.catch_up()
            return method(self, *args, **kwargs)

    return locked
