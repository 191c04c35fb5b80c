"""A day is compared in slices that can end anywhere, among moments that many share; what it finds is the same."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any

import psycopg
import pytest

from benchmarks.reconcile import At, world_over
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import MoneyRecord, MoneySource
from payonce.drivers.chance import SystemChance
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store import reconciliation as store
from payonce.store.database import Tx
from payonce.store.reconciliation import WindowKey
from payonce.usecases import reconcile_comparing
from payonce.usecases.reconcile_finding import find_and_close
from tests.batch.planted import DAYS, FROM, Planting, compared_there, keep_records
from tests.batch.test_same_answer import LINES, NOW
from tests.support.waiting import until

OBJECTS = 120
COUNTS = "SELECT day, state, records, matched, foreign_records FROM reconcile_windows ORDER BY day"
SUMS = (
    "SELECT day, currency, charges, gross_minor, fees_minor, refunds_minor, disputes_minor, other_minor, net_minor,"
    " ours_gross_minor, ours_refunds_minor, ours_disputes_minor FROM reconcile_sums ORDER BY day, currency"
)
# The same of the records and of what came in themselves, day by day, however they are compared.
ADDED = """
SELECT w.day, m.currency, sum(m.charges)::bigint, sum(m.gross)::bigint, sum(m.fees)::bigint, sum(m.net)::bigint,
    sum(m.ours)::bigint
FROM reconcile_windows AS w
JOIN LATERAL (
    SELECT currency, count(*) FILTER (WHERE nature = 'charge') AS charges,
        COALESCE(sum(amount_minor) FILTER (WHERE nature = 'charge'), 0) AS gross, sum(fee_minor) AS fees,
        sum(amount_minor - fee_minor) AS net, 0 AS ours
    FROM money_records
    WHERE day = w.day AND withdrawn_at IS NULL
    GROUP BY currency
    UNION ALL
    SELECT currency, 0, 0, 0, 0, sum(captured_minor)
    FROM captures
    WHERE captured_at >= w.from_at AND captured_at < w.to_at
    GROUP BY currency
    UNION ALL
    SELECT currency, 0, 0, 0, 0, 0
    FROM returns
    WHERE first_seen_at >= w.from_at AND first_seen_at < w.to_at
) AS m ON true
GROUP BY w.day, m.currency
ORDER BY w.day, m.currency
"""
# What a slice and an answer hold at most, so small that every place of a day is the end of one sooner or later.
SMALL = ((3, 1000), (17, 1000), (1000, 1), (50, 3), (5, 50))


def _found(url: str) -> tuple[list[Any], list[Any]]:
    """The lines; and what was counted and added up."""
    with psycopg.connect(url) as connection:
        lines, counts, sums = (connection.execute(sql).fetchall() for sql in (LINES, COUNTS, SUMS))
    return lines, counts + sums


def _sums_are_right(url: str) -> bool:
    """Whether the sums of every day are those of its records and of what came in here."""
    with psycopg.connect(url) as connection:
        sums, added = (connection.execute(sql).fetchall() for sql in (SUMS, ADDED))
    return bool(sums) and [(*row[:5], *row[8:10]) for row in sums] == added


def _again(url: str, state: str = "comparing_theirs", cursor: str | None = None) -> None:
    """Forget what was found, and set every window to that place."""
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM reconcile_lines")
        connection.execute("DELETE FROM reconcile_sums")
        connection.execute("UPDATE reconcile_windows SET state = %s, cursor = %s", (state, cursor))


@pytest.mark.parametrize("seed", [11, 12])
def test_slices_of_any_size_find_the_same(database_url: str, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """B7: a slice or an answer may be full between any two records, also of one moment."""
    with psycopg.connect(database_url) as connection:
        planting = Planting(seed, connection)
        planting.plant(OBJECTS)
    with SyncDatabase(database_url, clock=At(NOW), chance=SystemChance()) as database:
        world = world_over(database, NOW)
        compared_there(world, planting.records)
        lines, counts = _found(database_url)
        assert len(lines) > OBJECTS / 4 and all(row[2] > 0 for row in counts) and _sums_are_right(database_url)
        for records, rows in SMALL:
            monkeypatch.setattr(reconcile_comparing, "SLICE", records)
            monkeypatch.setattr(reconcile_comparing, "MOST_ROWS", rows)
            _again(database_url)
            compared_there(world, [])
            now_lines, now_counts = _found(database_url)
            assert (set(now_lines) ^ set(lines), now_counts) == (set(), counts), (records, rows)


@pytest.mark.parametrize(
    ("state", "cursor"),
    [
        ("comparing_theirs", '["2026-11-19T12:00:00+00:00", "txn_charge_9_0"]'),
        ("comparing_ours", None),
        ("comparing_ours", '["captures", "2026-11-19T12:00:00+00:00", "payment_intent", "charge_9"]'),
        (
            "comparing_theirs",
            '{"theirs": ["2026-11-19T12:00:00+00:00", ""], "ours": ["2026-11-19T12:00:00+00:00", "", ""]}',
        ),
    ],
)
def test_a_day_that_an_older_version_had_under_way_is_compared_from_its_beginning(
    database_url: str, state: str, cursor: str | None
) -> None:
    """X4: its places mean nothing by now, and nothing is left out for it, or counted twice."""
    with psycopg.connect(database_url) as connection:
        planting = Planting(13, connection)
        planting.plant(100)
    with SyncDatabase(database_url, clock=At(NOW), chance=SystemChance()) as database:
        world = world_over(database, NOW)
        compared_there(world, planting.records)
        before = _found(database_url)
        _again(database_url, state, cursor)
        compared_there(world, [])
        assert _found(database_url) == before and before[0]


def test_a_day_that_an_older_version_compared_to_its_end_is_not_closed_without_its_sums(database_url: str) -> None:
    """X4: it added up when it closed a day."""
    with psycopg.connect(database_url) as connection:
        planting = Planting(13, connection)
        planting.plant(100)
    with SyncDatabase(database_url, clock=At(NOW), chance=SystemChance()) as database:
        world = world_over(database, NOW)
        windows = compared_there(world, planting.records)
        before = _found(database_url)
        _again(database_url, "finding")
        for window in windows:
            window.state, window.cursor = "finding", None
            step = run_to_end(find_and_close(world, "default", window))
            assert step is not None and (step.window.state, step.window.cursor) == ("comparing_theirs", None)
        compared_there(world, [])
        assert _found(database_url) == before and _sums_are_right(database_url)


def test_two_records_of_one_object_that_are_kept_at_the_same_time_are_both_seen(database_url: str) -> None:
    """B7: two processes read two days; whoever comes second waits, and neither takes its record for the only one."""
    with psycopg.connect(database_url) as connection:
        Planting(14, connection).plant(1)

    def record(ref: str, days: int) -> MoneyRecord:
        about = Ref("payment_intent", "pi_of_both")
        return MoneyRecord(ref, "charge", "charge", FROM + timedelta(days=days), 500, 3, "USD", about, 500, "USD")

    def keep_second() -> None:
        with SyncDatabase(database_url, clock=At(NOW), chance=SystemChance()) as database:
            keep_records(world_over(database, NOW), [record("txn_second", 1)], DAYS[2])

    second = Thread(target=keep_second)

    async def keep(tx: Tx) -> None:
        window = await store.lock(tx, "default", WindowKey("stripe", "main", DAYS[1]))
        assert window is not None
        await store.stage(tx, "default", window, MoneySource("list"), [record("txn_first", 0)])
        second.start()
        until(lambda: _waiting(database_url), what="whoever comes second waits")

    with SyncDatabase(database_url, clock=At(NOW), chance=SystemChance()) as database:
        run_to_end(database.transaction(keep, name="first"))
    second.join()
    with psycopg.connect(database_url) as connection:
        kept = "SELECT record_ref, is_first FROM money_records WHERE object_ref = 'pi_of_both' ORDER BY 1"
        assert connection.execute(kept).fetchall() == [("txn_first", False), ("txn_second", False)]


def _waiting(url: str) -> bool:
    """Whether somebody waits for a lock of the database."""
    with psycopg.connect(url) as connection:
        asked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return connection.execute(asked).fetchone() is not None
