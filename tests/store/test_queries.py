"""Named queries: every file can be loaded, and what is not in the agreed shape is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from payonce.base.errors import Bug
from payonce.store import queries
from payonce.store.queries import load, parse

NOUNS = sorted(path.stem for path in queries.FOLDER.glob("*.sql") if path.stem != "schema")


@pytest.mark.parametrize("noun", NOUNS)
def test_every_file_of_queries_can_be_loaded_and_says_why_each_exists(noun: str) -> None:
    found = load(noun)
    assert len(found)
    assert [query.name for query in found if not query.why] == []


def test_a_query_is_found_by_its_name_and_keeps_its_reason() -> None:
    found = parse(
        "-- A tour of the file.\n\n-- name: lock_order\n-- Holds the order;\n-- two settlements queue up.\n\n"
        "SELECT 1 -- not; two\nFROM orders;\n\n-- name: other\n-- Another.\nSELECT 2\n",
        "orders.sql",
    )
    assert list(found) == ["lock_order", "other"]
    assert found["lock_order"].name == "orders.lock_order"
    assert found["lock_order"].why == "Holds the order; two settlements queue up."
    assert found["lock_order"].sql == "SELECT 1 -- not; two\nFROM orders"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELECT 1", "t.sql:1: SQL without"),
        ("-- name: Upper\n-- Why.\nSELECT 1", "t.sql:1: a name is lower case"),
        ("-- name: a\nSELECT 1", "t.sql:1: a does not say why"),
        ("-- name: a\n-- Why.\n", "t.sql:1: a has no SQL"),
        ("-- name: a\n-- Why.\nSELECT 1;\nSELECT 2", "t.sql:1: a must be one statement"),
        ("-- name: a\n-- Why.\nSELECT 1\n-- name: a\n-- Why.\nSELECT 1", "t.sql:4: a second query"),
        ("-- name: a\n-- Why.\nSELECT '10%'", "t.sql:1: a has a % that"),
        ("-- name: a\n-- Why.\nSELECT %s", "t.sql:1: a has a % that"),
        ("-- name: a\n-- Why.\nSELECT %(A)s", "t.sql:1: a has a % that"),
    ],
)
def test_what_is_not_in_the_agreed_shape_is_refused_where_it_stands(text: str, complaint: str) -> None:
    with pytest.raises(Bug, match="^" + complaint):
        parse(text, "t.sql")


def test_a_file_or_a_query_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(Bug, match=r"nouns\.sql"):
        load("nouns")
    with pytest.raises(AttributeError, match=r"migrate\.sql has no query named nothing"):
        load("migrate").nothing  # noqa: B018  (looking is the point)
