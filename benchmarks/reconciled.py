"""F9: what reconciling millions of payments on files takes.

`make bench-reconcile` measures more: the database beside its floor, 30 million payments, and memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from benchmarks.reconcile import measure_files

# The figure's parts, and how its files are compared.
WAYS = {"parquet_seconds": "unlimited", "limited_seconds": "512MB"}


def parts(payments: int) -> dict[str, Callable[[], float]]:
    """The parts of F9 for so many payments; none for none. Each raises RuntimeError when it found anything but what was
    planted."""
    compared = cache(lambda: measure_files(payments))
    return {part: partial(_seconds, compared, way) for part, way in WAYS.items()} if payments else {}


def _seconds(compared: Callable[[], dict[str, Any]], way: str) -> float:
    found = compared()[way]
    if not found["found_exactly_the_planted"]:
        raise RuntimeError(f"{way}: what was planted was not found exactly")
    return float(found["seconds"])
