"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# Far above what anything here takes, on a busy machine too; reached only when the condition never comes.
DEADLINE_SECONDS: Final = 180.0


def until(condition: Callable[[], object], *, what: str | Callable[[], object] = "") -> None:
    """Return when `condition()` is true. Fails the test, saying `what` did not come, when it never is; what is to be
    said as it is then is asked for then.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = 0.005
    while not condition():
        assert time.monotonic() < deadline, f"did not come: {(what() if callable(what) else what) or condition}"
        time.sleep(pause)
        # What takes long is not hurried by being asked often.
        pause = min(pause * 1.2, 0.1)
