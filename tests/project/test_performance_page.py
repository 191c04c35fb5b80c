"""What is said of speed is what was measured."""

from __future__ import annotations

import json

from benchmarks import page
from benchmarks.figures import TARGETS, judged
from benchmarks.settling import Side, lacking

SIDE = Side("payonce", 1.0, rows={"orders": 1.0, "postings": 2.0})


def test_the_page_of_performance_says_what_the_last_run_measured() -> None:
    result = json.loads(page.LATEST.read_text("utf-8"))
    written = page.PAGE.read_text("utf-8")
    assert page.written(written, result) == written, "run `python -m benchmarks.page`"


def test_the_last_run_judged_every_figure_by_its_target() -> None:
    result = json.loads(page.LATEST.read_text("utf-8"))
    found = {
        f"{figure}.{part}": value for figure, told in result["figures"].items() for part, value in told["value"].items()
    }
    assert found.keys() == {f"{target.figure}.{target.part}" for target in TARGETS}
    again = judged({name: value for name, value in found.items() if value is not None})
    assert {name: told["met"] for name, told in result["figures"].items()} == {
        name: told["met"] for name, told in again.items()
    }


def test_a_figure_that_was_not_measured_is_not_met() -> None:
    assert {told["met"] for told in judged({}).values()} == {False}


def test_a_floor_that_writes_fewer_rows_than_payonce_is_found() -> None:
    assert lacking(Side("floor", 1.0, rows={"orders": 1.0, "postings": 2.0}), SIDE) == []
    assert lacking(Side("floor", 1.0, rows={"orders": 1.0, "postings": 1.0}), SIDE) == ["postings"]
    assert lacking(Side("floor", 1.0, rows={"postings": 2.0}), SIDE) == ["orders"]
