"""The figures to reach, and how each is worked out of what was measured. A figure that was not measured is not met."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.settling import Side


@dataclass(frozen=True, slots=True)
class Target:
    """One part of a figure: what it says, its unit, and the bound that it must keep (`at_least` or at most)."""

    figure: str
    part: str
    says: str
    unit: str
    bound: float
    at_least: bool = True


TARGETS: Final = (
    Target("F1", "of_floor_e", "settled over HTTP, one process, 64 callers, of floor E", "x", 0.6),
    Target("F2", "of_floor_e", "settled over HTTP, two processes, 256 callers, of floor E", "x", 1.0),
    Target("F2", "of_floor_s", "the same, of floor S", "x", 0.4),
    Target("F3", "of_orm", "two processes, of the hand-written ORM service", "x", 20),
    Target("F3", "of_dj_stripe", "the same, of dj-stripe", "x", 50),
    Target("F4", "p99_ms", "p99 at half the largest rate, open loop", "ms", 25, at_least=False),
    Target("F4", "duplicates", "duplicates answered, of first deliveries", "x", 1.0),
    Target("F5", "of_floor_e", "a lone request, of the latency of floor E with one client", "x", 3, at_least=False),
    Target("F6", "of_empty", "two processes with a past in the tables, of empty tables", "x", 0.8),
    Target("F7", "webhooks", "signed webhooks delivered by two workers", "1/s", 2000),
    Target("F7", "transactional", "transactional effects done by two workers", "1/s", 10_000),
    Target("F8", "checkouts", "checkouts through the guard, two processes", "1/s", 1000),
    Target("F8", "statuses", "status reads, two processes", "1/s", 10_000),
    Target("F9", "parquet_seconds", "10 million payments reconciled from Parquet", "s", 5, at_least=False),
    Target("F9", "limited_seconds", "the same within 512 MB", "s", 15, at_least=False),
    Target("F10", "resident_mb", "the service's memory after the events", "MB", 150, at_least=False),
    Target("F10", "start_seconds", "start to ready with a new embedded server", "s", 3, at_least=False),
    Target("F11", "rushes", "simulated orders over real SQL, of rushes, in which most people just pay", "1/s", 500),
    Target("F11", "storms", "the same, of storms, in which much goes wrong", "1/s", 500),
)


def of_sides(sides: Mapping[str, Sequence[Side]]) -> dict[str, float]:
    """`figure.part` -> value, of the medians of all repetitions."""
    rate = {name: statistics.median(side.rate for side in many) for name, many in sides.items() if many}
    mean = {name: statistics.median(side.mean for side in many) for name, many in sides.items() if many}
    p99 = {name: statistics.median(side.p99 for side in many) for name, many in sides.items() if many}
    # Where something else took the machine for a moment, a slow peer answers next to nothing: its best turn counts.
    rate |= {name: max(side.rate for side in sides[name]) for name in ("ORM service", "dj-stripe") if name in rate}
    quotients = {
        "F1.of_floor_e": ("one process", "floor E"), "F2.of_floor_e": ("two processes", "floor E"),
        "F2.of_floor_s": ("two processes", "floor S"), "F3.of_orm": ("two processes", "ORM service"),
        "F3.of_dj_stripe": ("two processes", "dj-stripe"), "F4.duplicates": ("duplicates", "one process"),
        "F6.of_empty": ("with a past", "two processes"),
    }  # fmt: skip
    found = {
        name: rate[over] / rate[under] for name, (over, under) in quotients.items() if {over, under} <= rate.keys()
    }
    if {"lone", "floor E, lone"} <= mean.keys():
        found["F5.of_floor_e"] = mean["lone"] / mean["floor E, lone"]
    if "half rate" in p99:
        found["F4.p99_ms"] = p99["half rate"]
    return found


def judged(values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Every figure with its value, target and whether it is met; None where it was not measured."""
    told: dict[str, dict[str, Any]] = {}
    for target in TARGETS:
        value = values.get(f"{target.figure}.{target.part}")
        figure = told.setdefault(target.figure, {"value": {}, "target": {}, "met": True})
        figure["value"][target.part] = None if value is None else _rounded(value)
        figure["target"][target.part] = f"{'>=' if target.at_least else '<='} {target.bound:g} {target.unit}"
        is_met = value is not None and (value >= target.bound if target.at_least else value <= target.bound)
        figure["met"] = figure["met"] and is_met
    return told


def _rounded(value: float) -> float:
    return round(value, 2) if value < 100 else round(value)
