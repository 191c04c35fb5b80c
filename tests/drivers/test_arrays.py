"""Columns of a batch are the bytes that psycopg would send, for every type that our statements take; nothing else is
packed by us."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.types.numeric import Int8BinaryDumper

from payonce.drivers.arrays import packed
from payonce.drivers.pipeline import Pipeline
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Query

INSTANTS = st.datetimes(timezones=st.just(UTC))
TYPES: list[st.SearchStrategy[Any]] = [
    st.text(), st.uuids(), st.integers(-(2**63), 2**63 - 1), st.booleans(), INSTANTS, st.binary(),
]  # fmt: skip
COLUMNS = st.one_of([st.lists(st.none() | values, max_size=8) for values in TYPES])


class _Plain:
    """A context without a connection, with integers as the pipeline sends them."""

    def __init__(self) -> None:
        self.connection = None
        self.adapters = AdaptersMap(psycopg.adapters)
        self.adapters.register_dumper(int, Int8BinaryDumper)


def _by_psycopg(values: list[Any]) -> tuple[bytes | None, int, int]:
    transformer = Transformer(_Plain())
    [value] = transformer.dump_sequence([values], [PyFormat.BINARY])
    assert transformer.types is not None and transformer.formats is not None
    return None if value is None else bytes(value), transformer.types[0], transformer.formats[0]


@given(COLUMNS)
def test_a_packed_column_is_what_psycopg_would_send(values: list[Any]) -> None:
    ours = packed(values)
    assert ours is not None
    assert ours == _by_psycopg(values)


def test_times_of_other_zones_are_the_same_instant() -> None:
    there = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=7)))
    assert packed([there]) == packed([there.astimezone(UTC)])


@pytest.mark.parametrize(
    "values",
    [
        [1, "two"], [True, 1], [2**63], [[1], [2]], [{"a": 1}], [1.5], [timedelta(1)], ["\ud800"],
        [datetime(2026, 1, 1)],  # noqa: DTZ001
        [uuid4(), str(UUID(int=0))],
    ],
)  # fmt: skip
def test_what_is_no_column_of_ours_is_left_to_psycopg(values: list[Any]) -> None:
    assert packed(values) is None


def test_a_connection_in_another_encoding_gets_the_same_texts(database_url: str) -> None:
    query = Query("test.names", "SELECT %(names)s::text[] AS names", "What comes back is what was sent.")
    with psycopg.connect(database_url, client_encoding="latin1") as connection:

        async def wait(generator: PQGen[Any]) -> Any:
            return connection.wait(generator)

        [reply] = run_to_end(Pipeline(connection, wait).exchange([(query, {"names": ["é", None]})]))
    assert reply.rows[0].names == ["é", None]
