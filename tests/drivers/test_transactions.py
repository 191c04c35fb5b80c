"""What a transaction is, over every driver: whole or not at all, and no more round trips than it needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest

from payonce.base.errors import Bug, Conflict, Refused, Unavailable
from payonce.store.database import Awaited, Limits, Query, Tx, in_transaction
from tests.drivers.conftest import ADD, PUT, RAISE_ALL, READ, READ_ALL, OpenDrive
from tests.support.clocks import HandClock
from tests.support.drives import Drive
from tests.support.line import watched_line

Things = Callable[[], dict[str, int]]


@dataclass(frozen=True)
class Thing:
    name: str
    amount: int


def test_what_a_closure_wrote_is_there_when_the_transaction_returns(drive: Drive, things: Things) -> None:
    async def work(tx: Tx) -> str:
        await tx.run(ADD, name="a", amount=1)
        await tx.all((ADD, {"name": "b", "amount": 2}), (ADD, {"name": "c", "amount": 3}))
        tx.later(RAISE_ALL, by=10)
        return "done"

    assert drive.transact(work) == "done"
    assert things() == {"a": 11, "b": 12, "c": 13}


def test_a_refusal_changes_nothing_and_passes_through_as_it_is(drive: Drive, things: Things) -> None:
    refusal = Refused("no", code="no")

    async def work(tx: Tx) -> None:
        await tx.run(ADD, name="a", amount=1)
        tx.later(ADD, name="b", amount=2)
        raise refusal

    with pytest.raises(Refused) as raised:
        drive.transact(work)
    assert raised.value is refusal
    assert things() == {}
    test_what_a_closure_wrote_is_there_when_the_transaction_returns(drive, things)


def test_what_is_to_be_written_otherwise_is_written_where_the_closure_refuses(drive: Drive, things: Things) -> None:
    async def work(tx: Tx, ends: Exception | None) -> str:
        tx.otherwise(PUT, name="refused", amount=1)
        await tx.run(ADD, name="a", amount=1)
        awaited = tx.read_later(READ_ALL)
        tx.later(ADD, name="b", amount=2)
        if ends is None:
            return "done"
        with suppress(Bug):
            assert not awaited.rows
        raise ends

    for refusal in (Refused("no", code="no"), Conflict("no more", code="no")):
        with pytest.raises(type(refusal)) as raised:
            drive.transact(partial(work, ends=refusal))
        assert raised.value is refusal
        assert things() == {"refused": 1}
    for other in (Unavailable("later", code="later"), Bug("wrong"), ValueError()):
        with pytest.raises(type(other)):
            drive.transact(partial(work, ends=other))
    assert things() == {"refused": 1}
    assert drive.transact(partial(work, ends=None)) == "done"
    assert things() == {"refused": 1, "a": 1, "b": 2}


def test_a_refusal_costs_one_round_trip_with_what_is_written_of_it(open_drive: OpenDrive, things_url: str) -> None:
    async def read_first(tx: Tx) -> None:
        tx.otherwise(PUT, name="refused", amount=1)
        await tx.rows(READ_ALL)
        raise Refused("no", code="no")

    async def at_once(tx: Tx) -> None:
        tx.otherwise(PUT, name="at once", amount=1)
        raise Refused("no", code="no")

    with watched_line(things_url) as line:
        drive = open_drive(line.dsn)
        for work, trips in ((read_first, 2), (at_once, 1)):
            before = line.round_trips
            with pytest.raises(Refused):
                drive.transact(work)
            assert line.round_trips - before == trips


def test_rows_are_read_by_name_and_fill_a_class(drive: Drive, rival: psycopg.Connection[Any]) -> None:
    rival.execute("INSERT INTO things VALUES ('a', 1), ('b', 2)")

    async def work(tx: Tx) -> None:
        [first, second] = await tx.rows(READ_ALL)
        assert (first.name, first.amount) == ("a", 1)
        assert Thing(*second) == Thing("b", 2)
        assert await tx.one(READ, name="nobody") is None
        one = await tx.one(READ, name="b")
        assert one is not None and one.amount == 2
        with pytest.raises(Bug, match="2 rows"):
            await tx.one(READ_ALL)

    drive.transact(work)


def test_a_write_says_how_many_rows_it_touched(drive: Drive, rival: psycopg.Connection[Any]) -> None:
    rival.execute("INSERT INTO things VALUES ('a', 1), ('b', 2)")

    async def work(tx: Tx) -> list[int]:
        return [await tx.run(RAISE_ALL, by=1), await tx.run(PUT, name="a", amount=1), await tx.run(READ_ALL)]

    assert drive.transact(work) == [2, 0, 2]


def test_begin_travels_with_the_first_statements_and_commit_with_the_last(
    open_drive: OpenDrive, things_url: str
) -> None:
    async def work(tx: Tx) -> None:
        await tx.all((READ_ALL, {}), (READ, {"name": "a"}), (READ, {"name": "b"}))
        tx.later(PUT, name="a", amount=1)
        tx.later(PUT, name="b", amount=2)

    async def only_later(tx: Tx) -> None:
        tx.later(PUT, name="c", amount=1)

    with watched_line(things_url) as line:
        drive = open_drive(line.dsn)
        drive.transact(work)
        for work_of, trips in ((work, 2), (only_later, 1)):
            before = line.round_trips
            drive.transact(work_of)
            assert line.round_trips - before == trips


def test_what_is_read_with_the_commit_sees_what_was_written_and_costs_no_round_trip(
    open_drive: OpenDrive, things_url: str
) -> None:
    async def work(tx: Tx) -> tuple[Awaited, Awaited]:
        before = tx.read_later(READ, name="a")
        tx.later(PUT, name="a", amount=7)
        after = tx.read_later(READ, name="a")
        with pytest.raises(Bug, match="before its COMMIT"):
            _ = after.rows
        return before, after

    with watched_line(things_url) as line:
        drive = open_drive(line.dsn)
        before, after = drive.transact(work)
        trips = []
        for _ in range(4):
            seen = line.round_trips
            before, after = drive.transact(work)
            trips.append(line.round_trips - seen)
        # A pool may be opening its second connection beside one of them.
        assert min(trips) == 1
    assert [row.amount for row in (*before.rows, *after.rows)] == [7, 7]


def test_what_was_to_be_read_with_a_commit_that_failed_is_never_told(drive: Drive, things: Things) -> None:
    kept: list[Awaited] = []

    async def work(tx: Tx) -> None:
        kept.append(tx.read_later(READ_ALL))
        tx.later(ADD, name="a", amount=-1)

    with pytest.raises(Bug):
        drive.transact(work)
    assert kept and things() == {}
    with pytest.raises(Bug, match="before its COMMIT"):
        _ = kept[-1].rows


def test_a_closure_that_needs_no_statement_costs_no_round_trip(open_drive: OpenDrive, things_url: str) -> None:
    async def warm(tx: Tx) -> None:
        await tx.rows(READ_ALL)

    async def work(tx: Tx) -> int:
        return len(await tx.all())

    with watched_line(things_url) as line:
        drive = open_drive(line.dsn)
        drive.transact(warm)
        before = line.round_trips
        assert drive.transact(work) == 0
        assert line.round_trips == before


def test_a_statement_that_failed_cannot_be_swallowed(drive: Drive, things: Things) -> None:
    async def work(tx: Tx) -> None:
        await tx.run(ADD, name="a", amount=1)
        with pytest.raises(psycopg.Error):
            await tx.run(ADD, name="b", amount=-1)
        with pytest.raises(Bug, match="after another one failed"):
            await tx.rows(READ_ALL)

    with pytest.raises(Bug):
        drive.transact(work)
    assert things() == {}


def test_a_transaction_cannot_be_used_after_its_end(drive: Drive, things: Things) -> None:
    kept: list[Tx] = []

    async def work(tx: Tx) -> None:
        kept.append(tx)

    async def late(tx: Tx) -> None:
        await tx.rows(READ_ALL)
        await kept[0].rows(READ_ALL)

    drive.transact(work)
    with pytest.raises(Bug, match="after the end"):
        drive.transact(late)
    with pytest.raises(Bug, match="after the end"):
        kept[0].later(ADD, name="a", amount=1)
    assert things() == {}


def test_code_can_ask_whether_it_runs_inside_a_transaction(drive: Drive) -> None:
    async def work(tx: Tx) -> bool:
        return in_transaction()

    async def fail(tx: Tx) -> None:
        raise Refused("no", code="no")

    assert not in_transaction()
    assert drive.transact(work)
    with pytest.raises(Refused):
        drive.transact(fail)
    assert not in_transaction()


def test_the_instant_of_a_transaction_is_the_clocks_and_stands_still(drive: Drive, clock: HandClock) -> None:
    before = clock.now()

    async def work(tx: Tx) -> None:
        clock.move(5)
        assert tx.now == before
        assert tx.now.tzinfo is UTC

    drive.transact(work)


def test_a_read_only_transaction_refuses_to_write(drive: Drive, things: Things) -> None:
    async def work(tx: Tx) -> None:
        await tx.run(ADD, name="a", amount=1)

    with pytest.raises(Bug) as bug:
        drive.transact(work, read_only=True)
    assert bug.value.detail["sqlstate"] == "25006"
    assert things() == {}


@pytest.mark.parametrize("serializable", [False, True])
def test_the_isolation_is_the_one_in_the_settings(open_drive: OpenDrive, serializable: bool) -> None:
    show = Query("show", "SELECT current_setting('transaction_isolation') AS level", "Asks the server.")

    async def work(tx: Tx) -> str:
        row = await tx.one(show)
        assert row is not None
        return str(row.level)

    drive = open_drive(limits=Limits(serializable=serializable))
    assert drive.transact(work) == ("serializable" if serializable else "read committed")
    assert drive.transact(work, read_only=True) == ("serializable" if serializable else "read committed")


@pytest.mark.parametrize(
    "params", [{}, {"name": "a"}, {"name": "a", "amount": 1, "more": 2}, {"name": "a", "amont": 1}]
)
def test_missing_and_unknown_parameters_are_a_bug_before_anything_is_sent(
    drive: Drive, things: Things, params: dict[str, object]
) -> None:
    async def work(tx: Tx) -> None:
        await tx.all((ADD, {"name": "z", "amount": 1}), (ADD, params))

    with pytest.raises(Bug, match="was given"):
        drive.transact(work)
    assert things() == {}


def test_values_of_every_kind_come_back_as_they_went(drive: Drive, clock: HandClock) -> None:
    values = {
        "flag": (True, "boolean"),
        "small": (1, "bigint"),
        "large": (10**15, "bigint"),
        "none": (None, "bigint"),
        "text": ("tab\t'%s\\ é", "text"),
        "raw": (b"\0\xff", "bytea"),
        "id": (UUID(int=7), "uuid"),
        "at": (clock.now(), "timestamptz"),
        "tree": ({"a": [1, None, "x"]}, "jsonb"),
        "numbers": ([1, 2, None, 70000], "bigint[]"),
        "few": ([1, 2], "bigint[]"),
        "nothing": ([], "uuid[]"),
        "texts": (["a", "", None, '"{'], "text[]"),
        "raws": ([b"", b"\0"], "bytea[]"),
        "ids": ([UUID(int=1), UUID(int=2)], "uuid[]"),
        "times": ([clock.now(), None], "timestamptz[]"),
        "trees": ([{"a": 1}, {}], "jsonb[]"),
    }
    columns = ", ".join(f"%({name})s::{sql_type} AS {name}" for name, (_, sql_type) in values.items())
    query = Query("echo", f"SELECT {columns}", "Says what it heard.")

    async def work(tx: Tx) -> None:
        for _ in range(2):
            row = await tx.one(query, **{name: value for name, (value, _) in values.items()})
            assert row is not None
            assert {name: getattr(row, name) for name in values} == {name: value for name, (value, _) in values.items()}

    drive.transact(work)


def test_a_statement_is_prepared_once_however_large_its_numbers_are(drive: Drive) -> None:
    number = Query("number", "SELECT %(one)s::bigint AS one, %(many)s::bigint[] AS many", "Says what it heard.")
    prepared = Query("prepared", "SELECT statement FROM pg_prepared_statements", "What the server keeps.")

    async def work(tx: Tx) -> list[str]:
        for size in (1, 70_000, 10**12):
            await tx.one(number, one=size, many=[size])
        return [row.statement for row in await tx.rows(prepared) if "bigint[]" in row.statement]

    assert len(drive.transact(work)) == 1
    assert len(drive.transact(work)) == 1


def test_much_may_be_sent_and_answered_at_once(drive: Drive) -> None:
    """Neither side may wait for the other to read first: both directions are larger than the buffers between them."""
    echo = Query("echo", "SELECT %(text)s::text AS text", "Says what it heard.")
    text = "x" * 1_000_000

    async def work(tx: Tx) -> int:
        return sum(len(rows[0].text) for rows in await tx.all(*[(echo, {"text": text})] * 20))

    assert drive.transact(work) == 20_000_000


def test_a_percent_sign_is_written_twice(drive: Drive) -> None:
    query = Query("percent", "SELECT 'a%%' AS sign, 7 %% 4 AS rest, %(a)s::text AS a, %(a)s::text AS again", "Escapes.")

    async def work(tx: Tx) -> tuple[Any, ...]:
        return tuple(await tx.one(query, a="%s") or ())

    assert drive.transact(work) == ("a%", 3, "%s", "%s")


def test_wrong_sql_is_a_bug_that_names_its_transaction(drive: Drive) -> None:
    async def work(tx: Tx) -> None:
        await tx.rows(Query("wrong", "SELECT nothing FROM nowhere", "Wrong."))

    with pytest.raises(Bug) as bug:
        drive.transact(work, name="settle")
    assert bug.value.detail == {"transaction": "settle", "sqlstate": "42P01", "constraint": None}


def test_a_table_that_a_migration_changed_below_a_prepared_statement_is_read_anew(
    drive: Drive, rival: psycopg.Connection[Any]
) -> None:
    async def work(tx: Tx) -> int:
        return len(await tx.rows(Query("columns", "SELECT * FROM things", "Reads all columns.")))

    drive.transact(work)
    rival.execute("ALTER TABLE things ADD colour text")
    assert drive.transact(work) == 0
