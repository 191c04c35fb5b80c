"""Time, chance and ids as the simulators need them, never read behind the back of whoever drives one.

Tests and the service take the real ones from here; a simulation hands in its own, and the same inputs then give
the same bytes.
"""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from payonce.base.chance import Chance

LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Each byte as a letter, which makes an id in one step; a simulation makes millions.
AS_LETTERS: Final = bytes(ord(LETTERS[byte % len(LETTERS)]) for byte in range(256))


class Now(Protocol):
    """The part of a clock that a simulator reads."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class ObjectIds(Protocol):
    """Makes the random part of an object's id."""

    def make(self, letters: int) -> str:
        """`letters` letters and digits, never the same twice."""
        ...


class ShiftedClock:
    """The real time plus a shift, so that a person can let 24 hours pass in a moment."""

    def __init__(self) -> None:
        self._shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; time never goes back."""
        self._shift += timedelta(seconds=max(0.0, seconds))


class StillClock:
    """Time that only moves when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; time never goes back."""
        self._now += timedelta(seconds=max(0.0, seconds))


class SystemChance:
    """Randomness of the operating system."""

    def uniform(self) -> float:
        return secrets.randbelow(1 << 53) / (1 << 53)

    def token(self, n: int) -> bytes:
        return secrets.token_bytes(n)


class SeededChance:
    """Randomness that a seed decides, for runs that must come out the same again. Nothing secret is made from it."""

    def __init__(self, seed: int) -> None:
        # Repeatable on purpose.
        self._random = random.Random(seed)  # nosec B311

    def reseed(self, seed: int) -> None:
        """Begin again from `seed`."""
        self._random.seed(seed)

    def uniform(self) -> float:
        return self._random.random()

    def token(self, n: int) -> bytes:
        return self._random.randbytes(n)


class RandomIds:
    """Ids drawn from chance."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def make(self, letters: int) -> str:
        return self._chance.token(letters).translate(AS_LETTERS).decode("ascii")
