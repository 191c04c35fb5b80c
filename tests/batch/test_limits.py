"""What a comparison of files keeps to: its memory, and that no half file appears."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.big_files import compare_apart, compare_files, make_files
from payonce.base.errors import Refused, Unavailable
from payonce.batch.duck import LEAST_MB, DuckEngine, memory_mb
from payonce.batch.extract import AccountKey, extract
from payonce.domain.reconciliation import MoneySource

PAYMENTS = 200_000


def test_of_many_payments_exactly_the_planted_differences_are_found_in_little_memory(tmp_path: Path) -> None:
    """B7: what does not fit is spilled, and what was spilled is gone."""
    make_files(tmp_path, PAYMENTS)
    assert compare_files(tmp_path, f"{LEAST_MB}MB")["found_exactly_the_planted"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours.parquet", "theirs.parquet"]


def test_the_process_takes_no_more_than_the_least_that_it_may_be_allowed(tmp_path: Path) -> None:
    """B7: what `--memory` says is of the whole process, Python and DuckDB included."""
    make_files(tmp_path, PAYMENTS)
    found = compare_apart(tmp_path, f"{LEAST_MB}MB")
    assert found["found_exactly_the_planted"] and found["peak_mb"] <= LEAST_MB


@pytest.mark.parametrize(("text", "mb"), [("512MB", 512), (" 2 gb ", 2048), ("192mb", 192)])
def test_memory_is_said_with_its_unit(text: str, mb: int) -> None:
    assert memory_mb(text) == mb


@pytest.mark.parametrize("text", ["", "512", "0.5GB", "191MB", "-1GB", "1TB"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        memory_mb(text)
    assert refused.value.code == "setting_invalid"


def test_an_extract_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    """B7: half a file would look like missing money."""
    ours = tmp_path / "ours.parquet"
    ours.write_text("the one of yesterday")
    key = AccountKey("default", "stripe", "main", MoneySource("list"))
    with DuckEngine() as engine, pytest.raises(Unavailable):
        extract(engine, "host=/nowhere dbname=none", key, ours, now=datetime(2026, 11, 20, tzinfo=UTC))
    assert [path.name for path in tmp_path.iterdir()] == ["ours.parquet"]
    assert ours.read_text() == "the one of yesterday"
