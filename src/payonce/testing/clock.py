"""Clocks that obey: one that stands still until it is moved, and one that goes on by itself and can be moved ahead."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

# Any instant does; one in working hours, so that a test that adds some hours meets no midnight by accident.
START: Final = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class MovableClock:
    """Shows `start` until it is moved. Who sleeps by it moves it and does not wait. Several threads may ask it."""

    def __init__(self, start: datetime = START) -> None:
        self._lock = Lock()
        self._now = start

    def now(self) -> datetime:
        """The present instant, aware."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; time never goes back."""
        with self._lock:
            self._now += timedelta(seconds=max(0.0, seconds))

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass without waiting for them."""
        self.advance(seconds)


class RunningClock:
    """The machine's time, which a test moves ahead: for an engine and a provider that are really served. Who sleeps by
    it waits, on the loop where one runs.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The present instant, aware."""
        with self._lock:
            return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; time never goes back."""
        with self._lock:
            self._ahead += timedelta(seconds=max(0.0, seconds))

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # An engine without a loop is stepped by its own thread.
            time.sleep(seconds)  # noqa: ASYNC251
            return
        await asyncio.sleep(seconds)
