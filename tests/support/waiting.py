"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# Far above what anything here takes; reached only when the condition never comes.
DEADLINE_SECONDS: Final = 30.0


def until(condition: Callable[[], object], *, what: str = "") -> None:
    """Return when `condition()` is true. Fails the test when that does not come."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"did not come: {what or condition}"
        time.sleep(0.005)
