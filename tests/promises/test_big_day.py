"""A day of very many payments: every planted difference is found and nothing else, in memory that stays flat."""

from __future__ import annotations

import tracemalloc

import psycopg
import pytest

from benchmarks.big_day import FOREIGN, lines_of, make_big_day
from benchmarks.reconcile import compare, world_over
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.postgres_sync import SyncDatabase

# The comparison holds at most a thousand rows; psycopg's own buffers and the rest of Python are a few megabytes.
MOST_BYTES = 8 * 1024 * 1024


# Making a million takes a minute by itself.
PAYMENTS = 200_000


def _found(url: str, payments: int) -> tuple[dict[str, set[str]], dict[str, set[str]], tuple[int, int, int], int]:
    """What was planted, what was found, (records, matched, foreign), and the peak of allocated bytes."""
    with psycopg.connect(url) as connection:
        planted = make_big_day(connection, payments)
    with SyncDatabase(url, clock=BlockingClock(), chance=SystemChance()) as database:
        world = world_over(database)
        tracemalloc.start()
        compare(world)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    found = lines_of(url)
    with psycopg.connect(url) as connection:
        [counts] = connection.execute("SELECT records, matched, foreign_records FROM reconcile_windows").fetchall()
        findings = connection.execute("SELECT count(*) FROM findings WHERE state = 'open'").fetchall()
    assert findings == [(sum(len(refs) for name, refs in planted.items() if name != "timing"),)]
    return planted, found, counts, peak


def test_of_ten_thousand_payments_exactly_the_planted_differences_are_found(database_url: str) -> None:
    """B7: every class at once, among payments that match."""
    planted, found, (records, matched, foreign), peak = _found(database_url, 10_000)
    assert found == planted
    assert (foreign, records - matched - foreign) == (
        FOREIGN, len(planted["differs"]) + len(planted["only_there"]) + 2 * len(planted["duplicate"])
    )  # fmt: skip
    assert peak < MOST_BYTES


@pytest.mark.slow
def test_of_two_hundred_thousand_exactly_the_planted_differences_are_found(database_url: str) -> None:
    """B7: in as little memory as a small day. `make bench-reconcile` does the same with a million."""
    planted, found, (records, _, foreign), peak = _found(database_url, PAYMENTS)
    assert found == planted
    more = len(planted["only_there"]) + len(planted["duplicate"]) + FOREIGN - len(planted["only_here"])
    assert (records, foreign) == (PAYMENTS + more, FOREIGN)
    assert peak < MOST_BYTES
