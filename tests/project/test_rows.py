"""Tests name requirement rows so that a search finds them."""

from __future__ import annotations

import re

from tests.project.rows import ROWS, docstrings, proofs


def test_rows_are_named_one_by_one_because_a_search_does_not_find_a_range() -> None:
    ranges = re.compile(r"\b[A-EX][0-9]+ ?(?:-|–|—|…|\.\.+|to) ?[A-EX]?[0-9]+\b")
    assert [(test, found[0]) for test, text in docstrings() if (found := ranges.search(text))] == []


def test_every_row_that_a_test_names_exists() -> None:
    assert {row: tests for row, tests in proofs().items() if row not in ROWS} == {}
