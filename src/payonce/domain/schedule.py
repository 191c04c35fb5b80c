"""When something is tried again: exponential backoff with jitter, bounded. Pure; chance is handed in as a number."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# The first retry comes soon, because most failures pass; doubling to six hours spreads them.
FIRST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(hours=6)


def backoff(tries: int, uniform: float, *, first: timedelta = FIRST, longest: timedelta = LONGEST) -> timedelta:
    """How long to wait after the `tries`-th failed try (from 1): doubled each time, times a number in [0.5, 1)."""
    doubled = first * (1 << min(max(tries, 1) - 1, 30))
    return min(doubled, longest) * (0.5 + uniform / 2)
