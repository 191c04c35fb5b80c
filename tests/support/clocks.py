"""Time and chance in the hands of a test."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from payonce.base.clock import Clock
from payonce.drivers.clock import BlockingClock


class HandClock:
    """Stands still until it is moved; sleeping moves it and is remembered."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> None:
        self.instant = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The instant it was moved to."""
        return self.instant

    async def sleep(self, seconds: float) -> None:
        """Move on by `seconds`, at once."""
        self.slept.append(seconds)
        self.move(seconds)

    def move(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self.instant += timedelta(seconds=seconds)


class PausingClock:
    """Tells the time of another clock, and really pauses: of rivals that gave way at the same moment, each lets others
    go first. Nobody's time moves by it.
    """

    def __init__(self, other: Clock) -> None:
        self.now = other.now
        self.sleep = BlockingClock().sleep


class SeededChance:
    """The same numbers for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def token(self, n: int) -> bytes:
        """`n` bytes."""
        return self._random.randbytes(n)
