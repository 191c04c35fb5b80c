"""Columns packed by us arrive as what they are, whatever is in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from payonce.base.errors import Bug
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.columns import PACKED, packed, single_of
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Query, Tx

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
SAMPLES: dict[str, list[Any]] = {
    "text": ["", "a", "ß, 字, 😀", 'quote " and {brace}', "a"],
    "uuid": [UUID(int=0), UUID(int=2**128 - 1), UUID(int=7)],
    "bytea": [b"", b"\0\1\xff", b"x" * 5000, memoryview(b"view")],
    "bigint": [0, -1, 2**63 - 1, -(2**63)],
    "integer": [0, -1, 2**31 - 1, -(2**31)],
    "smallint": [0, -1, 2**15 - 1, -(2**15)],
    "boolean": [True, False, True],
    "timestamptz": [NOON, NOON - timedelta(days=20_000), datetime(1970, 1, 1, tzinfo=UTC)],
}


def read_back(database_url: str, kind: str, values: list[Any]) -> list[Any]:
    """The column as the server gives it back, row by row."""
    text = f"SELECT value FROM unnest(%(values)s::{kind}[]) WITH ORDINALITY AS given (value, place) ORDER BY place"
    query = Query("test.read_back", text, "Gives a column back.")

    async def ask(tx: Tx) -> list[Any]:
        return [row.value for row in await tx.rows(query, values=values)]

    with SyncDatabase(database_url, clock=BlockingClock(), chance=SystemChance()) as database:
        return run_to_end(database.transaction(ask, name="test"))


def test_every_packed_type_has_a_sample() -> None:
    assert SAMPLES.keys() == PACKED


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_column_comes_back_as_it_was_given(database_url: str, kind: str) -> None:
    values = SAMPLES[kind]
    for given in (values, [None, *values, None], [None], [], values[:1], values[-1:]):
        found = read_back(database_url, kind, given)
        assert [bytes(one) if kind == "bytea" and one is not None else one for one in found] == [
            bytes(one) if kind == "bytea" and one is not None else one for one in given
        ]


def test_a_number_that_does_not_fit_its_type_is_refused_by_the_server(database_url: str) -> None:
    with pytest.raises(Bug) as refused:
        read_back(database_url, "integer", [2**31])
    assert isinstance(refused.value.__cause__, psycopg.errors.NumericValueOutOfRange)


def test_what_is_packed_is_what_the_driver_would_have_sent(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for kind, values in SAMPLES.items():
            [(sent,)] = connection.execute(f"SELECT array_send(%s::{kind}[])", [values]).fetchall()
            if kind not in ("integer", "smallint"):
                assert packed(kind, values) == bytes(sent), kind


# How the server writes a value of the type.
SENDS = {
    "text": "textsend", "uuid": "uuid_send", "bytea": "byteasend", "bigint": "int8send", "boolean": "boolsend",
    "timestamptz": "timestamptz_send",
}  # fmt: skip
SINGLES: dict[str, list[Any]] = {
    kind: values for kind, values in SAMPLES.items() if kind not in ("integer", "smallint")
}


def sent_alone(database_url: str, kind: str, value: Any) -> Any:
    """One value as the server gives it back."""
    query = Query("test.sent_alone", f"SELECT %(value)s::{kind} AS value", "Gives a value back.")

    async def ask(tx: Tx) -> Any:
        row = await tx.one(query, value=value)
        assert row is not None
        return row.value

    with SyncDatabase(database_url, clock=BlockingClock(), chance=SystemChance()) as database:
        return run_to_end(database.transaction(ask, name="test"))


@pytest.mark.parametrize("kind", sorted(SINGLES))
def test_a_single_value_is_what_the_driver_would_have_sent(database_url: str, kind: str) -> None:
    with psycopg.connect(database_url) as connection:
        for value in SINGLES[kind]:
            mine = single_of(value)
            if mine is None:
                continue
            [(sent,)] = connection.execute(f"SELECT {SENDS[kind]}(%s::{kind})", [value]).fetchall()
            assert mine[0] == bytes(sent)
            assert sent_alone(database_url, kind, value) == value


# What a single value may be and is not packed by us: the driver says what it says.
ODD = [("text", "a\0b"), ("bigint", 2**63), ("bigint", -(2**63) - 1), ("text", "\ud800")]


@pytest.mark.parametrize(("kind", "value"), ODD, ids=["a NUL", "too large", "too small", "half a pair"])
def test_a_single_value_that_no_column_holds_is_refused(database_url: str, kind: str, value: Any) -> None:
    with pytest.raises((Bug, psycopg.Error, UnicodeEncodeError, OverflowError)):
        sent_alone(database_url, kind, value)


def test_a_time_without_a_zone_goes_the_drivers_way() -> None:
    assert single_of(NOON.replace(tzinfo=None)) is None
