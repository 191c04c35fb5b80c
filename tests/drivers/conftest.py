"""A small table of its own for the drivers' tests, and every driver in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import psycopg
import pytest

from payonce.store.database import Query
from tests.support.clocks import HandClock
from tests.support.drives import Drive, Kind, driving

READ: Final = Query("read", "SELECT name, amount FROM things WHERE name = %(name)s::text", "Reads one.")
READ_ALL: Final = Query("read_all", "SELECT name, amount FROM things ORDER BY name", "Reads all.")
LOCK: Final = Query(
    "lock", "SELECT name, amount FROM things WHERE name = %(name)s::text FOR UPDATE", "Reads one and holds it."
)
ADD: Final = Query("add", "INSERT INTO things (name, amount) VALUES (%(name)s::text, %(amount)s::bigint)", "Adds one.")
PUT: Final = Query(
    "put",
    "INSERT INTO things (name, amount) VALUES (%(name)s::text, %(amount)s::bigint) ON CONFLICT (name) DO NOTHING",
    "Adds one unless it is there.",
)
RAISE_ALL: Final = Query("raise_all", "UPDATE things SET amount = amount + %(by)s::bigint", "Changes all.")

OpenDrive = Callable[..., Drive]


@pytest.fixture
def things_url(blank_url: str) -> str:
    """The address of a database with an empty table of things."""
    with psycopg.connect(blank_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE things (name text CONSTRAINT thing_once PRIMARY KEY,"
            " amount bigint NOT NULL CONSTRAINT thing_not_negative CHECK (amount >= 0))"
        )
    return blank_url


@pytest.fixture
def things(things_url: str) -> Callable[[], dict[str, int]]:
    """Reads what is in the table, from outside."""

    def read() -> dict[str, int]:
        with psycopg.connect(things_url) as connection:
            return dict(connection.execute("SELECT name, amount FROM things").fetchall())

    return read


@pytest.fixture
def rival(things_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Somebody else who uses the same database, in autocommit."""
    with psycopg.connect(things_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=["asyncio", "stepped"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every driver in turn."""
    which: Kind = request.param
    return which


@pytest.fixture
def open_drive(kind: Kind, things_url: str, clock: HandClock) -> Iterator[OpenDrive]:
    """Opens a driver with options of the test's own; `dsn` leads elsewhere."""
    with ExitStack() as stack:
        yield lambda dsn=things_url, **options: stack.enter_context(driving(kind, dsn, clock, **options))


@pytest.fixture
def drive(open_drive: OpenDrive) -> Drive:
    """A driver as it comes."""
    return open_drive()
