"""What only the synchronous driver can meet: threads, forks, coroutines that wait after all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from payonce.base.errors import Bug, Unavailable
from payonce.drivers.clock import BlockingClock
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Limits, Query, Tx, in_transaction
from tests.drivers.conftest import PUT, READ
from tests.support.clocks import SeededChance
from tests.support.waiting import DEADLINE_SECONDS

Things = Callable[[], dict[str, int]]
PID = Query("pid", "SELECT pg_backend_pid() AS pid", "Who serves us.")


def opened(dsn: str, *, connections: int = 10, limits: Limits | None = None) -> SyncDatabase:
    return SyncDatabase(
        dsn, clock=BlockingClock(), chance=SeededChance(), connections=connections, limits=limits or Limits()
    )


async def put_one(tx: Tx) -> str:
    return "found" if not await tx.run(PUT, name="a", amount=1) else "wrote"


async def server_process(tx: Tx) -> int:
    row = await tx.one(PID)
    assert row is not None
    return int(row.pid)


class Answer:
    """Something that comes only later."""

    def __await__(self) -> Generator[str]:
        yield "for an answer"


def test_a_coroutine_that_really_waits_is_a_bug() -> None:
    async def wait() -> None:
        await Answer()

    with pytest.raises(Bug, match="for an answer"):
        run_to_end(wait())


def test_one_connection_serves_one_thread_after_the_other(things_url: str) -> None:
    with opened(things_url) as database:
        pids = {run_to_end(database.transaction(server_process, name="test")) for _ in range(3)}
        assert len(pids) == 1


def test_threads_use_one_database_each_in_a_transaction_of_its_own(things_url: str, things: Things) -> None:
    def put(number: int) -> bool:
        async def work(tx: Tx) -> bool:
            await tx.run(PUT, name=f"n{number}", amount=number)
            row = await tx.one(READ, name=f"n{number}")
            return row is not None and row.amount == number and in_transaction()

        return run_to_end(database.transaction(work, name="test"))

    with opened(things_url, connections=3) as database, ThreadPoolExecutor(8) as threads:
        assert all(threads.map(put, range(100)))
    assert things() == {f"n{number}": number for number in range(100)}


def test_when_all_connections_stay_in_use_the_next_is_told_to_try_later(things_url: str) -> None:
    taken, waits = threading.Event(), threading.Event()

    async def hold(tx: Tx) -> str:
        taken.set()
        assert waits.wait(DEADLINE_SECONDS)
        return await put_one(tx)

    with opened(things_url, connections=1, limits=Limits(connection_seconds=0.1)) as database:
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(lambda: run_to_end(database.transaction(hold, name="first")))
            assert taken.wait(DEADLINE_SECONDS)
            with pytest.raises(Unavailable):
                run_to_end(database.transaction(put_one, name="second"))
            waits.set()
            assert first.result() == "wrote"
        assert run_to_end(database.transaction(put_one, name="third")) == "found"


def test_after_a_restart_of_the_server_dead_connections_do_not_use_up_the_runs(things_url: str) -> None:
    together = threading.Barrier(5)

    async def meet(tx: Tx) -> None:
        await tx.rows(READ, name="a")
        together.wait(DEADLINE_SECONDS)

    with opened(things_url, limits=Limits(runs=2)) as database:
        with ThreadPoolExecutor(5) as threads:
            list(threads.map(lambda _: run_to_end(database.transaction(meet, name="test")), range(5)))
        with psycopg.connect(things_url, autocommit=True) as killer:
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert run_to_end(database.transaction(put_one, name="test")) == "wrote"


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_forked_process_leaves_the_connections_of_its_parent_alone(things_url: str) -> None:
    """A web server loads the application, then forks its workers."""
    with opened(things_url) as database:
        parents = run_to_end(database.transaction(server_process, name="parent"))
        child = os.fork()
        if child == 0:
            # No exception may leave the child, for it would run the rest of the tests a second time.
            mine = -1
            try:
                mine = run_to_end(database.transaction(server_process, name="child"))
            finally:
                os._exit(0 if mine not in (-1, parents) else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert run_to_end(database.transaction(server_process, name="parent")) == parents
