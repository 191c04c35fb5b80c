"""What the core knows of randomness. The real source lives in `drivers`, seeded ones in tests."""

from __future__ import annotations

from typing import Protocol


class Chance(Protocol):
    """Randomness as it is handed in."""

    def uniform(self) -> float:
        """A number in [0, 1)."""
        ...

    def token(self, n: int) -> bytes:
        """`n` random bytes, unpredictable in production."""
        ...
