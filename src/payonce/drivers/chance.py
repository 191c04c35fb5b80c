"""The real source of randomness: the operating system's, for secrets and jitter alike."""

from __future__ import annotations

import os
import secrets
from collections import deque
from typing import Final

_RANDOM = secrets.SystemRandom()
# The tail of an id. Asked for by the hundred, because each question to the system costs as much as the rest of an id.
_ID_BYTES: Final = 8
_AT_ONCE: Final = 128
_waiting: deque[bytes] = deque()
# A child that is forked off must not make the ids that its parent makes.
os.register_at_fork(after_in_child=_waiting.clear)


class SystemChance:
    """Unpredictable numbers."""

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return _RANDOM.random()

    def token(self, n: int) -> bytes:
        """`n` random bytes, which nobody was given before. Safe for threads: taking from a deque is one step."""
        if n != _ID_BYTES:
            return secrets.token_bytes(n)
        try:
            return _waiting.popleft()
        except IndexError:
            many = secrets.token_bytes(_ID_BYTES * _AT_ONCE)
            _waiting.extend(many[at : at + _ID_BYTES] for at in range(_ID_BYTES, len(many), _ID_BYTES))
            return many[:_ID_BYTES]
