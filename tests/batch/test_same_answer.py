"""Files give the answer that the database gives: the same lines, whatever the two sides disagree about."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.reconcile import At, world_over
from payonce.batch.compare import Comparison, Span, compare
from payonce.batch.duck import DuckEngine
from payonce.batch.extract import AccountKey, extract
from payonce.batch.ours_file import read_ours
from payonce.batch.theirs_file import days_of, read_theirs
from payonce.domain.reconciliation import LINE_CLASSES, MoneySource
from payonce.drivers.chance import SystemChance
from payonce.drivers.postgres_sync import SyncDatabase
from tests.batch.planted import DAYS, READ, TO, Planting, compared_there

OBJECTS = 400
NOW = TO + timedelta(minutes=40)
LINES = """
SELECT day, class, nature, object_kind, object_ref, theirs_minor, ours_minor, currency, ours_currency, records,
    order_id::text, attempt_id::text, occurred_at
FROM reconcile_lines
WHERE state = 'open'
ORDER BY day, class, object_kind, object_ref
"""


def on_files(engine: DuckEngine, url: str, folder: Path) -> Comparison:
    """The days, extracted and compared."""
    key = AccountKey("default", "stripe", "main", MoneySource("list"))
    ours, theirs = folder / "ours.parquet", folder / "theirs.parquet"
    extract(engine, url, key, ours, now=NOW, theirs=theirs)
    of = read_ours(engine, ours)
    assert (of.provider, of.account, of.now) == ("stripe", "main", NOW)
    read_theirs(engine, theirs, of.source)
    assert days_of(engine, None, None) == (DAYS[0], DAYS[-1])
    return compare(engine, of.source, Span(DAYS[0], DAYS[-1], of.now, *READ))


@pytest.mark.parametrize("seed", range(5))
def test_files_and_the_database_name_the_same_differences(database_url: str, tmp_path: Path, seed: int) -> None:
    """B7: hundreds of objects by chance, of every nature, near every edge, on three days."""
    with psycopg.connect(database_url) as connection:
        planting = Planting(seed, connection)
        planting.plant(OBJECTS)
    with SyncDatabase(database_url, clock=At(NOW), chance=SystemChance()) as database:
        windows = compared_there(world_over(database, NOW), planting.records)
    with psycopg.connect(database_url) as connection:
        there = [tuple(row) for row in connection.execute(LINES)]
    with DuckEngine(threads=2) as engine:
        found = on_files(engine, database_url, tmp_path)
        here = [tuple(line) for line in found.lines()]
        arrow = found.arrow()
        assert hasattr(arrow, "__arrow_c_stream__") and arrow.columns[:2] == ["day", "class"]
    assert len(set(here)) == len(here) and set(here) == set(there)
    assert here == sorted(here, key=lambda line: (line[0], line[1], line[3], line[4]))
    classes = Counter(name for _, name, *_ in here)
    assert classes.keys() == set(LINE_CLASSES) and min(classes.values()) > 1
    counts = (sum(window.records for window in windows), sum(window.foreign_records for window in windows))
    assert (found.records, found.not_ours) == counts and found.not_ours > 0
    assert found.differences == sum(classes.values()) - classes["timing"]
    assert _risk(here) == {(risk.line_class, risk.currency): risk.money_minor for risk in found.risks}


def _risk(lines: list[tuple[Any, ...]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for _, name, _, _, _, theirs, ours, currency, *_ in lines:
        found[name, currency] += abs((theirs or 0) - (ours or 0))
    return found
