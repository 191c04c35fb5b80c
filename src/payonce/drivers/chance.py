"""The real source of randomness: the operating system's, for secrets and jitter alike."""

from __future__ import annotations

import secrets

_RANDOM = secrets.SystemRandom()


class SystemChance:
    """Unpredictable numbers."""

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return _RANDOM.random()

    def token(self, n: int) -> bytes:
        """`n` random bytes."""
        return secrets.token_bytes(n)
