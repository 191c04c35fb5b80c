"""Chance by name: every decision of a simulation is drawn from the seed and the decision's own name, nothing else.

There is no stream that is used up. So when one order, one person or one fault is taken out of a run, every other
decision stays as it was, and what failed can be made smaller without becoming something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, TypeVar

T = TypeVar("T")

_RANGE: Final = float(1 << 64)


class Draw:
    """The decisions of one seed."""

    def __init__(self, seed: int) -> None:
        self._key: Final = seed.to_bytes(8, "big", signed=True)

    def raw(self, size: int, *name: object) -> bytes:
        """`size` bytes."""
        text = "\x1f".join(map(str, name)).encode()
        found = blake2b(text, digest_size=min(size, 64), key=self._key).digest()
        while len(found) < size:
            found += blake2b(found[-64:] + text, digest_size=min(size - len(found), 64), key=self._key).digest()
        return found

    def uniform(self, *name: object) -> float:
        """A number in [0, 1)."""
        return int.from_bytes(self.raw(8, *name), "big") / _RANGE

    def happens(self, probability: float, *name: object) -> bool:
        """Whether something of that probability happens."""
        return probability > 0.0 and self.uniform(*name) < probability

    def between(self, low: float, high: float, *name: object) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.uniform(*name)

    def whole(self, low: int, high: int, *name: object) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.uniform(*name) * (high - low + 1))

    def choose(self, weights: Mapping[T, float], *name: object) -> T:
        """One of the keys, each as likely as its weight says."""
        left = self.uniform(*name) * sum(weights.values())
        chosen = next(iter(weights))
        for choice, weight in weights.items():
            chosen = choice
            if left < weight:
                break
            left -= weight
        return chosen

    def latency(self, usual: float, *name: object) -> float:
        """Seconds that something takes: mostly about `usual`, one time in thirty far longer."""
        found = self.uniform(*name)
        return usual * (0.3 + found) if found < 0.97 else usual * 3000 * (found - 0.967)


class NamedChance:
    """The core's source of randomness for one actor: it counts, so that no two numbers are the same."""

    def __init__(self, draw: Draw, name: str) -> None:
        self._draw = draw
        self._name = name
        self._count = 0

    def uniform(self) -> float:
        """A number in [0, 1)."""
        self._count += 1
        return self._draw.uniform("chance", self._name, self._count)

    def token(self, n: int) -> bytes:
        """`n` bytes."""
        self._count += 1
        return self._draw.raw(n, "chance", self._name, self._count)
