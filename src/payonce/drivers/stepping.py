"""Run a coroutine of the core without an event loop and without a thread: what a synchronous application needs.

With synchronous drivers underneath, nothing in the core ever really waits, so the first step is also the last.
Refuses, as a Bug, a coroutine that wants to wait: then an asynchronous driver was put under a synchronous engine.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from payonce.base.errors import Bug

T = TypeVar("T")


def run_to_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """What `coroutine` returns or raises. Raises Bug when it really waits for something."""
    try:
        waited_for = coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise Bug(f"a synchronous engine was given something that waits: {waited_for!r:.100}")
