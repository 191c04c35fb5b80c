"""The port inside a transaction of the application: its commit is ours, its rollback too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import psycopg
import pytest

from payonce.base.errors import Bug, Conflict, PayonceError, Refused, Unavailable
from payonce.drivers.postgres_joined import JoinedDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Tx, in_transaction
from tests.drivers.conftest import ADD, PUT, READ_ALL
from tests.support.clocks import HandClock

T = TypeVar("T")
Things = Callable[[], dict[str, int]]
Application = psycopg.Connection[Any]


@pytest.fixture
def application(things_url: str) -> Iterator[Application]:
    with psycopg.connect(things_url, autocommit=True) as connection:
        yield connection


def join(connection: Application, work: Callable[[Tx], Awaitable[T]], **options: Any) -> T:
    return run_to_end(JoinedDatabase(connection, clock=HandClock(), **options).transaction(work, name="place"))


async def add_two(tx: Tx) -> int:
    await tx.run(ADD, name="a", amount=1)
    tx.later(ADD, name="b", amount=2)
    return len(await tx.rows(READ_ALL))


def test_what_is_queued_is_sent_before_the_application_goes_on(application: Application, things: Things) -> None:
    with application.transaction():
        assert join(application, add_two) == 1
        assert application.execute("SELECT count(*) FROM things").fetchone() == (2,)
        assert things() == {}
    assert things() == {"a": 1, "b": 2}


def test_the_applications_rollback_undoes_everything(application: Application, things: Things) -> None:
    with application.transaction(force_rollback=True):
        join(application, add_two)
    assert things() == {}


def test_a_connection_that_begins_by_itself_can_be_joined_before_its_first_statement(
    things_url: str, things: Things
) -> None:
    with psycopg.connect(things_url) as connection:
        join(connection, add_two)
        connection.rollback()
        assert things() == {}
        join(connection, add_two)
        connection.commit()
    assert things() == {"a": 1, "b": 2}


def test_without_an_open_transaction_there_is_nothing_to_join(application: Application, things: Things) -> None:
    with pytest.raises(Refused) as refusal:
        join(application, add_two)
    assert refusal.value.code == "transaction_required"
    assert things() == {}


def test_a_transaction_that_has_failed_already_is_not_joined(application: Application) -> None:
    application.execute("BEGIN")
    with pytest.raises(psycopg.Error):
        application.execute("SELECT nothing")
    with pytest.raises(Refused) as refusal:
        join(application, add_two)
    assert refusal.value.code == "transaction_failed"


def _refuse(error: Exception) -> Callable[[Tx], Awaitable[None]]:
    async def work(tx: Tx) -> None:
        await tx.run(ADD, name="a", amount=1)
        raise error

    return work


async def _break_a_rule(tx: Tx) -> None:
    await tx.run(ADD, name="a", amount=1)
    tx.later(ADD, name="b", amount=-1)


@pytest.mark.parametrize(
    ("work", "code"),
    [(_refuse(Refused("no", code="no")), "no"), (_break_a_rule, "too_little")],
)
def test_a_refusal_leaves_the_applications_own_work_alone(
    application: Application, things: Things, work: Callable[[Tx], Awaitable[None]], code: str
) -> None:
    meanings = {"thing_not_negative": lambda words: Conflict(words, code="too_little")}
    with application.transaction():
        application.execute("INSERT INTO things VALUES ('own', 1)")
        with pytest.raises(PayonceError) as refusal:
            join(application, work, meanings=meanings)
        assert refusal.value.code == code
        join(application, add_two)
    assert things() == {"own": 1, "a": 1, "b": 2}


def test_nothing_is_run_again_for_only_the_application_can_do_that(application: Application, things_url: str) -> None:
    """The driver's own error is the cause, for those who rerun on it."""
    runs: list[int] = []

    async def work(tx: Tx) -> None:
        runs.append(1)
        with psycopg.connect(things_url, autocommit=True) as rival:
            rival.execute("UPDATE things SET amount = 5")
        await tx.run(PUT, name="b", amount=len(await tx.rows(READ_ALL)))
        await tx.run(ADD, name="a", amount=1)

    application.execute("INSERT INTO things VALUES ('a', 1)")
    application.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    application.execute("SELECT count(*) FROM things")
    with pytest.raises(PayonceError) as error:
        join(application, work)
    assert isinstance(error.value.__cause__, psycopg.errors.UniqueViolation)
    assert runs == [1]


def test_a_connection_in_a_pipeline_is_not_joined(application: Application) -> None:
    with application.pipeline(), pytest.raises(Refused) as refusal:
        join(application, add_two)
    assert refusal.value.code == "pipeline_open"


def test_a_connection_that_breaks_is_unavailable(application: Application, things_url: str) -> None:
    async def work(tx: Tx) -> None:
        await tx.rows(READ_ALL)
        with psycopg.connect(things_url, autocommit=True) as rival:
            rival.execute("SELECT pg_terminate_backend(%s)", [application.info.backend_pid])
        await tx.rows(READ_ALL)

    application.execute("BEGIN")
    with pytest.raises(Unavailable) as error:
        join(application, work)
    assert error.value.code == "store_unavailable"


def test_the_applications_connection_is_left_as_it_was(application: Application) -> None:
    """Its row factory, its adapters and its prepared statements are its own."""
    before = application.execute("SELECT 1::bigint AS a, 'x' AS b").fetchone()
    with application.transaction():
        join(application, add_two)
    assert application.execute("SELECT 1::bigint AS a, 'x' AS b").fetchone() == before == (1, "x")
    assert application.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
    assert application.execute("SELECT pg_typeof(%s)", [1]).fetchone() == ("smallint",)


def test_a_joined_transaction_is_a_transaction_too(application: Application) -> None:
    """Calling out is refused inside; joining from within the closure is a bug of the same database only."""
    joined = JoinedDatabase(application, clock=HandClock())

    async def inner(tx: Tx) -> bool:
        return in_transaction()

    async def outer(tx: Tx) -> bool:
        return await joined.transaction(inner, name="inner")

    with application.transaction():
        assert run_to_end(joined.transaction(inner, name="outer"))
        with pytest.raises(Bug, match="inside a transaction"):
            run_to_end(joined.transaction(outer, name="outer"))


def test_an_asynchronous_connection_is_joined_the_same_way(things_url: str, things: Things) -> None:
    async def scenario() -> None:
        async with await psycopg.AsyncConnection.connect(things_url, autocommit=True) as connection:
            joined = JoinedDatabase(connection, clock=HandClock())
            async with connection.transaction(force_rollback=True):
                await joined.transaction(add_two, name="place")
            async with connection.transaction():
                assert await joined.transaction(add_two, name="place") == 1

    asyncio.run(scenario())
    assert things() == {"a": 1, "b": 2}
