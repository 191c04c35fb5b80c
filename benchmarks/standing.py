"""How soon a new installation answers, and what it holds in memory while events come."""

from __future__ import annotations

from benchmarks.load import Plan
from benchmarks.place import Place
from benchmarks.service import payonce, play


def start_seconds() -> float:
    """Seconds from the command to ready: a new folder, a new embedded server, the whole schema."""
    with payonce(None) as [process]:
        return process.ready_seconds


def memory_mb(place: Place, events: int, parts: int = 4, most_at_once: int = 20_000) -> list[float]:
    """Resident memory of the service before the first event and after each part of `events`.

    Where the template has fewer orders than that, its events come again: what a process holds does not depend on what
    they say.
    """
    place.fresh()
    held = []
    with payonce(place.dsn()) as [process]:
        held.append(process.resident_mb())
        for _ in range(parts):
            left = events // parts
            while left > 0:
                count = min(left, most_at_once)
                play(Plan(ports=[process.port], count=count, seconds=600, warm=0, wants='"verdict"'))
                left -= count
            held.append(process.resident_mb())
    return [round(mb, 1) for mb in held]
