"""What only the asynchronous driver can meet: cancellation, many at once, a pool that is used up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from payonce.base.errors import Unavailable
from payonce.drivers.clock import SystemClock
from payonce.drivers.postgres_async import AsyncDatabase
from payonce.store.database import Limits, Query, Tx
from payonce.testing.serving import free_port
from tests.drivers.conftest import PUT, READ
from tests.support.clocks import SeededChance
from tests.support.line import watched_line
from tests.support.waiting import until

Things = Callable[[], dict[str, int]]
SLEEP = Query("sleep", "SELECT pg_sleep(600)", "Takes longer than any test.")


def opened(dsn: str, *, connections: int = 10, limits: Limits | None = None) -> AsyncDatabase:
    return AsyncDatabase(
        dsn, clock=SystemClock(), chance=SeededChance(), connections=connections, limits=limits or Limits()
    )


def test_a_server_that_refuses_connections_is_named_and_no_pool() -> None:
    """What an operator reads must not be "raise the pool's size" where nobody listens."""

    async def scenario() -> None:
        away = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
        async with opened(away, limits=Limits(connection_seconds=0.2)) as database:
            await database.transaction(put_one, name="put")

    with pytest.raises(Unavailable) as raised:
        asyncio.run(scenario())
    assert "Connection refused" in raised.value.hint and "pool" not in raised.value.hint


async def put_one(tx: Tx) -> str:
    return "found" if not await tx.run(PUT, name="a", amount=1) else "wrote"


@pytest.fixture
def slow_commit(things_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Every COMMIT after a write waits, in the server, for the lock that this connection holds."""
    with psycopg.connect(things_url, autocommit=True) as holder:
        holder.execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END'"
        )
        holder.execute(
            "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION wait()"
        )
        holder.execute("SELECT pg_advisory_lock(1)")
        yield holder


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_a_commit_on_its_way_is_reached_by_no_cancellation(
    things_url: str, things: Things, slow_commit: psycopg.Connection[Any], how: str
) -> None:
    def is_committing() -> bool:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
        return slow_commit.execute(waiting).fetchone() is not None

    async def scenario() -> None:
        async with opened(things_url, connections=1) as database:
            task = asyncio.create_task(database.transaction(put_one, name="test"))
            await asyncio.to_thread(until, is_committing)
            if how == "cancel":
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(task, 0.01)
            assert is_committing()
            slow_commit.execute("SELECT pg_advisory_unlock(1)")
            # The only connection comes back when its COMMIT is answered, and serves the next.
            assert await database.transaction(put_one, name="test") == "found"

    asyncio.run(scenario())
    assert things() == {"a": 1}


def test_closing_waits_for_commits_on_their_way(things_url: str, things: Things) -> None:
    async def scenario(dsn: str) -> None:
        database = opened(dsn)
        await database.open()
        line.fates = ["hold"]
        task = asyncio.create_task(database.transaction(put_one, name="test"))
        await asyncio.to_thread(until, line.held.is_set)
        task.cancel()
        closing = asyncio.create_task(database.close())
        await asyncio.wait({task})
        assert not closing.done()
        line.release.set()
        await closing

    with watched_line(things_url) as line:
        asyncio.run(scenario(line.dsn))
    assert things() == {"a": 1}


def test_a_cancelled_statement_rolls_back_and_its_connection_is_replaced(things_url: str, things: Things) -> None:
    async def work(tx: Tx) -> None:
        await put_one(tx)
        await tx.rows(SLEEP)

    def is_sleeping() -> bool:
        with psycopg.connect(things_url, autocommit=True) as watcher:
            sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
            return watcher.execute(sleeping).fetchone() is not None

    async def scenario() -> None:
        async with opened(things_url, connections=1) as database:
            task = asyncio.create_task(database.transaction(work, name="test"))
            # A server that is asked to cancel what it has not begun yet does not hear it.
            await asyncio.to_thread(until, is_sleeping)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert things() == {}
            assert await database.transaction(put_one, name="test") == "wrote"

    asyncio.run(scenario())


def test_many_transactions_at_once_each_keep_to_themselves(things_url: str, things: Things) -> None:
    async def put(number: int) -> int:
        async def work(tx: Tx) -> int:
            await tx.run(PUT, name=f"n{number}", amount=number)
            row = await tx.one(READ, name=f"n{number}")
            return int(row.amount) if row else -1

        return await database.transaction(work, name="test")

    async def scenario() -> list[int]:
        async with database:
            return await asyncio.gather(*(put(number) for number in range(200)))

    database = opened(things_url, connections=4)
    assert asyncio.run(scenario()) == list(range(200))
    assert things() == {f"n{number}": number for number in range(200)}


def test_when_all_connections_stay_in_use_the_next_is_told_to_try_later(things_url: str) -> None:
    """The hint says what an operator can do about it."""

    async def scenario() -> None:
        async with opened(things_url, connections=1, limits=Limits(connection_seconds=0.2)) as database:
            waits, taken = asyncio.Event(), asyncio.Event()

            async def work(tx: Tx) -> str:
                taken.set()
                await waits.wait()
                return await put_one(tx)

            first = asyncio.create_task(database.transaction(work, name="first"))
            await taken.wait()
            with pytest.raises(Unavailable, match="try again") as error:
                await database.transaction(put_one, name="second")
            assert "pool" in error.value.hint
            waits.set()
            assert await first == "wrote"

    asyncio.run(scenario())


def test_after_a_restart_of_the_server_dead_connections_do_not_use_up_the_runs(things_url: str) -> None:
    async def scenario() -> None:
        async with opened(things_url, connections=5, limits=Limits(runs=2)) as database:
            together = asyncio.Barrier(5)

            async def work(tx: Tx) -> None:
                await tx.rows(READ, name="a")
                await together.wait()

            await asyncio.gather(*(database.transaction(work, name="test") for _ in range(5)))
            with psycopg.connect(things_url, autocommit=True) as killer:
                killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert await database.transaction(put_one, name="test") == "wrote"

    asyncio.run(scenario())


def test_of_a_server_that_hangs_no_idle_connection_is_used_again(things_url: str, things: Things) -> None:
    """D2: after the first silence all of them are replaced, and none is asked whether it lives."""

    async def scenario() -> str:
        with watched_line(things_url) as line:
            async with opened(line.dsn, connections=5, limits=Limits(runs=2, answer_seconds=0.5)) as database:
                together = asyncio.Barrier(5)

                async def work(tx: Tx) -> None:
                    await tx.rows(READ, name="a")
                    await together.wait()

                await asyncio.gather(*(database.transaction(work, name="test") for _ in range(5)))
                line.hang()
                return await database.transaction(put_one, name="test")

    assert asyncio.run(scenario()) == "wrote"
    assert things() == {"a": 1}
