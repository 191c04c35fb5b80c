"""How people who wanted to pay were answered, counted without an event loop, from any thread (D13)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.base.clock import Clock
from payonce.drivers.stepping import run_to_end
from payonce.usecases.tally_checkouts import Tally
from payonce.usecases.world import World

# A refusal is told within a minute; one statement in five seconds is nothing to the database.
PAUSE: Final = timedelta(seconds=5)


class SyncTally:
    """Counts that are written by a later click, and at the end. It never fails."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._tally = Tally(world)
        self._clock = clock
        self._lock = threading.Lock()
        self._written_at: datetime | None = None

    def note(self, merchant_id: str, order_id: UUID, outcome: str) -> None:
        """Count one answer."""
        with self._lock:
            self._tally.note(merchant_id, order_id, outcome)

    def write(self, after: timedelta = timedelta()) -> None:
        """Write what was counted, where that was not done for so long. What cannot be written is kept."""
        with self._lock:
            now = self._clock.now()
            if self._written_at is not None and abs(now - self._written_at) < after:
                return
            self._written_at, taken = now, self._tally.take()
        if run_to_end(self._tally.write(taken)):
            with self._lock:
                self._tally.give_back(taken)
