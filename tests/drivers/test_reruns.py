"""When a closure is run again, and when not: rivals, deadlocks, unique violations, lost connections and COMMITs."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from payonce.base.errors import Bug, Conflict, PayonceError, Refused, Unavailable
from payonce.drivers.failures import ConnectionCut, constraint_of
from payonce.drivers.transaction import Moment
from payonce.store.database import Limits, Query, Tx
from tests.drivers.conftest import ADD, LOCK, PUT, RAISE_ALL, READ, OpenDrive
from tests.support.clocks import HandClock
from tests.support.databases import TestServer
from tests.support.drives import Drive
from tests.support.line import Fate, watched_line
from tests.support.waiting import DEADLINE_SECONDS, until

Things = Callable[[], dict[str, int]]
Rival = psycopg.Connection[Any]


async def put_one(tx: Tx) -> str:
    """Idempotent: says who wrote the row, whatever happened to earlier runs."""
    return "found" if not await tx.run(PUT, name="a", amount=1) else "wrote"


# ---- rivals


def test_after_a_serialization_failure_the_closure_sees_what_the_rival_did(
    open_drive: OpenDrive, rival: Rival, things: Things
) -> None:
    rival.execute("INSERT INTO things VALUES ('a', 1)")
    seen: list[int] = []

    async def work(tx: Tx) -> None:
        row = await tx.one(READ, name="a")
        assert row is not None
        seen.append(row.amount)
        if len(seen) == 1:
            rival.execute("UPDATE things SET amount = 10")
        await tx.run(RAISE_ALL, by=row.amount)

    open_drive(limits=Limits(serializable=True)).transact(work)
    assert seen == [1, 10]
    assert things() == {"a": 20}


def test_the_victim_of_a_deadlock_runs_again(
    open_drive: OpenDrive, rival: Rival, things: Things, things_url: str
) -> None:
    rival.execute("INSERT INTO things VALUES ('a', 1), ('b', 1)")
    # The first to lose its patience is the victim; this decides that it is ours.
    rival.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {rival.info.dbname} SET deadlock_timeout = '10ms'")
    rival.execute("SET deadlock_timeout = '60s'")
    runs: list[int] = []
    rivals_end = threading.Event()

    def lock_the_other_way_round() -> None:
        rival.execute("UPDATE things SET amount = amount + 10 WHERE name = 'a'")
        rival.execute("COMMIT")
        rivals_end.set()

    async def work(tx: Tx) -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            rival.execute("BEGIN")
            rival.execute("UPDATE things SET amount = amount + 10 WHERE name = 'b'")
        else:
            # Who waits for a row has no turn: before the rival went on, the next run could take the row once more.
            assert rivals_end.wait(DEADLINE_SECONDS)
        await tx.run(LOCK, name="a")
        if len(runs) == 1:
            threading.Thread(target=lock_the_other_way_round).start()
            until(lambda: _is_waiting(things_url, rival.info.backend_pid))
        await tx.run(RAISE_ALL, by=100)

    open_drive().transact(work)
    assert len(runs) == 2
    assert things() == {"a": 111, "b": 111}


def _is_waiting(dsn: str, pid: int) -> bool:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    return found == ("Lock",)


def test_pauses_between_runs_grow_and_are_the_clocks(open_drive: OpenDrive, clock: HandClock) -> None:
    async def cut(moment: Moment) -> None:
        if moment.stage == "before_statements":
            raise ConnectionCut

    drive = open_drive(observer=cut, limits=Limits(runs=4, first_pause_seconds=1, longest_pause_seconds=3))
    with pytest.raises(Unavailable) as error:
        drive.transact(put_one)
    assert error.value.code == "store_unavailable"
    first, second, third = clock.slept
    assert (0.5 <= first < 1, 1 <= second < 2, 1.5 <= third < 3) == (True, True, True)


# ---- unique violations


def test_after_a_unique_violation_the_closure_runs_again_and_finds_the_row(
    drive: Drive, rival: Rival, things: Things
) -> None:
    """A12: two that both saw nothing cannot both write; the database says so, and the second reads again."""
    runs: list[bool] = []

    async def work(tx: Tx) -> int:
        row = await tx.one(READ, name="a")
        runs.append(row is not None)
        if row is not None:
            return int(row.amount)
        rival.execute("INSERT INTO things VALUES ('a', 7)")
        await tx.run(ADD, name="a", amount=1)
        return 1

    assert drive.transact(work) == 7
    assert runs == [False, True]
    assert things() == {"a": 7}


def test_a_unique_violation_that_the_closure_swallowed_reruns_it_all_the_same(
    drive: Drive, rival: Rival, things: Things
) -> None:
    runs: list[int] = []

    async def work(tx: Tx) -> None:
        runs.append(len(runs))
        if await tx.one(READ, name="a") is None:
            rival.execute("INSERT INTO things VALUES ('a', 7)")
            with suppress(psycopg.Error):
                await tx.run(ADD, name="a", amount=1)

    drive.transact(work)
    assert len(runs) == 2
    assert things() == {"a": 7}


def test_a_unique_violation_at_commit_reruns_too(drive: Drive, rival: Rival, things: Things) -> None:
    runs: list[int] = []

    async def work(tx: Tx) -> None:
        runs.append(len(runs))
        if await tx.one(READ, name="a") is None:
            rival.execute("INSERT INTO things VALUES ('a', 7)")
            tx.later(ADD, name="a", amount=1)

    drive.transact(work)
    assert len(runs) == 2
    assert things() == {"a": 7}


async def _add_always(tx: Tx) -> None:
    await tx.run(ADD, name="a", amount=1)


@pytest.mark.parametrize(
    ("options", "runs", "code"),
    [
        ({}, 3, "bug"),
        ({"meanings": {"thing_once": lambda words: Conflict(words, code="thing_taken")}}, 3, "thing_taken"),
        ({"rerun_constraints": frozenset({"another"})}, 1, "bug"),
    ],
)
def test_a_unique_violation_that_stays_becomes_what_it_means(
    open_drive: OpenDrive, rival: Rival, clock: HandClock, options: dict[str, Any], runs: int, code: str
) -> None:
    rival.execute("INSERT INTO things VALUES ('a', 7)")
    with pytest.raises(PayonceError) as error:
        open_drive(limits=Limits(runs=3), **options).transact(_add_always)
    assert error.value.code == code
    assert constraint_of(error.value) == "thing_once"
    assert len(clock.slept) == runs - 1


@pytest.mark.parametrize(("known", "code"), [(True, "too_little"), (False, "bug")])
def test_a_check_that_fails_means_what_the_table_of_meanings_says(
    open_drive: OpenDrive, things: Things, clock: HandClock, known: bool, code: str
) -> None:
    async def work(tx: Tx) -> None:
        await tx.run(ADD, name="b", amount=1)
        await tx.run(ADD, name="a", amount=-1)

    meanings = {"thing_not_negative": lambda words: Conflict(words, code="too_little")} if known else {}
    with pytest.raises(PayonceError) as error:
        open_drive(meanings=meanings).transact(work)
    assert error.value.code == code
    assert constraint_of(error.value) == "thing_not_negative"
    assert (things(), clock.slept) == ({}, [])


# ---- lost connections


def test_a_connection_that_is_killed_between_statements_costs_a_run_and_nothing_else(
    drive: Drive, rival: Rival, things: Things
) -> None:
    runs: list[int] = []

    async def work(tx: Tx) -> str:
        runs.append(len(runs))
        pid = await tx.one(Query("pid", "SELECT pg_backend_pid() AS pid", "Who serves us."))
        assert pid is not None
        first = await put_one(tx)
        if len(runs) == 1:
            rival.execute("SELECT pg_terminate_backend(%s)", [pid.pid])
        tx.later(RAISE_ALL, by=1)
        return first

    assert drive.transact(work) == "wrote"
    assert things() == {"a": 2}


@pytest.mark.parametrize(("fate", "answer"), [("cut before", "wrote"), ("cut after", "found")])
def test_when_the_answer_to_commit_is_lost_the_closure_finds_out_by_running_again(
    open_drive: OpenDrive, things_url: str, things: Things, fate: Fate, answer: str
) -> None:
    """B6: the answer is lost, and whether it happened is not: the row is written once."""
    with watched_line(things_url) as line:
        drive = open_drive(line.dsn)
        line.fates = [fate]
        assert drive.transact(put_one) == answer
        assert line.commits == 2
    assert things() == {"a": 1}


def test_when_every_answer_to_commit_is_lost_the_error_says_that_the_outcome_is_unknown(
    open_drive: OpenDrive, things_url: str, things: Things
) -> None:
    """B6: the caller gets an error that may be tried again."""
    with watched_line(things_url) as line:
        drive = open_drive(line.dsn, limits=Limits(runs=3))
        line.fates = ["cut after"] * 3
        with pytest.raises(Unavailable) as error:
            drive.transact(put_one)
    assert (error.value.code, error.value.detail["outcome"]) == ("store_unavailable", "unknown")
    assert error.value.retryable and error.value.retry_after_seconds
    assert things() == {"a": 1}


def test_a_commit_that_gets_no_answer_in_time_counts_as_unknown_and_is_not_taken_back(
    open_drive: OpenDrive, things_url: str, things: Things
) -> None:
    with watched_line(things_url) as line:
        drive = open_drive(line.dsn, limits=Limits(runs=1, commit_seconds=0.2))
        line.fates = ["hold"]
        with pytest.raises(Unavailable) as error:
            drive.transact(put_one)
    assert error.value.detail["outcome"] == "unknown"
    assert things() == {"a": 1}


def test_a_server_that_is_away_for_long_is_reached_soon_after_it_is_back(
    open_drive: OpenDrive, things_url: str, things: Things
) -> None:
    """B6: nobody waits for pauses that grew while it was away: nine in vain would be minutes of them."""
    with watched_line(things_url) as line:
        line.refusals = 9
        drive = open_drive(line.dsn, limits=Limits(connection_seconds=60))
        assert drive.transact(put_one) == "wrote"
    assert (line.refusals, things()) == (0, {"a": 1})


def test_a_server_that_hangs_with_open_connections_is_given_up_and_the_closure_runs_again(
    open_drive: OpenDrive, things_url: str, things: Things
) -> None:
    """D2: a frozen primary answers no statement, and its connections look alive."""
    with watched_line(things_url) as line:
        drive = open_drive(line.dsn, limits=Limits(runs=2, answer_seconds=0.5))
        assert drive.transact(put_one) == "wrote"
        line.hang()
        assert drive.transact(put_one) == "found"
    assert things() == {"a": 1}


def test_a_migration_may_be_silent_for_longer_than_any_request(open_drive: OpenDrive) -> None:
    slow = Query("slow", "SELECT pg_sleep(0.5)", "Takes longer than the patience.")

    async def work(tx: Tx) -> str:
        await tx.rows(slow)
        return "done"

    drive = open_drive(limits=Limits(runs=1, answer_seconds=0.1))
    assert drive.transact(work, name="migrate.0001") == "done"
    with pytest.raises(Unavailable):
        drive.transact(work, name="settle")


@pytest.fixture
def absent_standby(postgres: TestServer) -> Iterator[Rival]:
    """Every COMMIT waits for a standby that is not there; yields a connection that does not wait."""
    with psycopg.connect(postgres.server.dsn("postgres"), autocommit=True) as admin:
        admin.execute("SET synchronous_commit = local")
        admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        admin.execute("SELECT pg_reload_conf()")
        try:
            yield admin
        finally:
            admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            admin.execute("SELECT pg_reload_conf()")
            until(lambda: admin.execute("SHOW synchronous_standby_names").fetchone() == ("",))


@contextmanager
def cancelled_waits(absent_standby: Rival) -> Iterator[None]:
    """The first COMMIT that waits for the standby is cut off, and from then on none waits."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"

    def cancel_the_wait() -> None:
        until(lambda: absent_standby.execute(waiting).fetchone() is not None)
        absent_standby.execute("ALTER SYSTEM RESET synchronous_standby_names")
        (pid,) = absent_standby.execute(waiting).fetchone() or (0,)
        absent_standby.execute("SELECT pg_cancel_backend(%s)", [pid])
        absent_standby.execute("SELECT pg_reload_conf()")

    until(lambda: absent_standby.execute("SHOW synchronous_standby_names").fetchone() == ("nobody",))
    canceller = threading.Thread(target=cancel_the_wait)
    canceller.start()
    yield
    canceller.join()


def test_a_commit_whose_wait_for_the_standby_was_cancelled_is_unknown_and_runs_again(
    drive: Drive, absent_standby: Rival, things: Things
) -> None:
    """The server answers COMMIT and adds a notice: committed here, perhaps nowhere else."""
    runs: list[str] = []

    async def work(tx: Tx) -> str:
        runs.append(await put_one(tx))
        return runs[-1]

    with cancelled_waits(absent_standby):
        assert drive.transact(work) == "found"
    assert runs == ["wrote", "found"]
    assert things() == {"a": 1}


def test_a_refusal_of_a_server_that_cannot_commit_is_nobodys_answer(
    drive: Drive, absent_standby: Rival, rival: Rival
) -> None:
    """Section 7: a leader that was replaced remembers no order that was placed since, and would refuse its payer."""
    rival.execute("SET synchronous_commit = local")
    runs: list[str] = []

    async def work(tx: Tx) -> str:
        tx.otherwise(PUT, name="receipt", amount=1)
        found = await tx.one(READ, name="order")
        runs.append("unknown" if found is None else "known")
        if found is None:
            # The next run comes to a server that knows it.
            rival.execute("INSERT INTO things VALUES ('order', 1)")
            raise Refused("there is no such order", code="order_unknown")
        return runs[-1]

    with cancelled_waits(absent_standby):
        assert drive.transact(work) == "known"
    assert runs == ["unknown", "known"]


# ---- not now


def test_a_server_that_is_not_there_is_unavailable(open_drive: OpenDrive) -> None:
    drive = open_drive("postgresql://x@/x?host=/nowhere", limits=Limits(connection_seconds=0.1))
    with pytest.raises(Unavailable) as error:
        drive.transact(put_one)
    assert error.value.code == "store_unavailable"


@pytest.mark.parametrize("limits", [Limits(statement_seconds=0.05), Limits(lock_seconds=0.05)])
def test_a_statement_that_takes_too_long_is_unavailable_and_is_not_tried_again(
    open_drive: OpenDrive, rival: Rival, clock: HandClock, things: Things, limits: Limits
) -> None:
    rival.execute("INSERT INTO things VALUES ('b', 1)")
    rival.execute("BEGIN")
    rival.execute("UPDATE things SET amount = 2")

    async def work(tx: Tx) -> None:
        await put_one(tx)
        await tx.run(LOCK, name="b")

    drive = open_drive(limits=limits)
    with pytest.raises(Unavailable):
        drive.transact(work)
    rival.execute("ROLLBACK")
    assert clock.slept == []
    assert things() == {"b": 1}
    assert drive.transact(put_one) == "wrote"


# ---- boundaries

BOUNDARIES = [
    ("before_begin", 0),
    ("before_statements", 1),
    ("before_statements", 2),
    ("before_commit", 3),
    ("after_commit", 0),
]


async def _two_steps(tx: Tx) -> str:
    first = await put_one(tx)
    await tx.rows(READ, name="a")
    tx.later(PUT, name="b", amount=1)
    return first


def test_observers_see_every_boundary_in_order(open_drive: OpenDrive) -> None:
    seen: list[Moment] = []

    async def watch(moment: Moment) -> None:
        seen.append(moment)

    open_drive(observer=watch).transact(_two_steps, name="settle")
    assert [(moment.stage, moment.number) for moment in seen] == BOUNDARIES
    assert {(moment.transaction, moment.run) for moment in seen} == {("settle", 1)}


@pytest.mark.parametrize(("stage", "number"), BOUNDARIES[1:])
def test_a_line_that_breaks_at_any_boundary_changes_nothing_in_the_end(
    open_drive: OpenDrive, things: Things, stage: str, number: int
) -> None:
    async def cut(moment: Moment) -> None:
        if (moment.stage, moment.number, moment.run) == (stage, number, 1):
            raise ConnectionCut

    drive = open_drive(observer=cut)
    assert drive.transact(_two_steps) == ("found" if stage == "after_commit" else "wrote")
    assert things() == {"a": 1, "b": 1}


class Death(BaseException):
    """The process dies here."""


@pytest.mark.parametrize(("stage", "number"), BOUNDARIES)
def test_a_process_that_dies_at_any_boundary_leaves_all_or_nothing(
    open_drive: OpenDrive, things: Things, stage: str, number: int
) -> None:
    async def die(moment: Moment) -> None:
        if (moment.stage, moment.number) == (stage, number):
            raise Death

    with pytest.raises(Death):
        open_drive(observer=die).transact(_two_steps)
    assert things() == ({"a": 1, "b": 1} if stage == "after_commit" else {})


def test_a_bug_in_the_closure_is_not_tried_again(drive: Drive, clock: HandClock, things: Things) -> None:
    async def work(tx: Tx) -> None:
        await put_one(tx)
        raise Bug("broken promise")

    with pytest.raises(Bug, match="broken promise"):
        drive.transact(work)
    assert (clock.slept, things()) == ([], {})


def test_an_error_quotes_no_rows_for_it_may_be_logged(drive: Drive, rival: Rival) -> None:
    """What the database tells beside its sentence has tokens and people in it."""
    person = "jane" + "@" + "example.com"
    rival.execute("INSERT INTO things VALUES (%s, 7)", [person])

    async def double(tx: Tx) -> None:
        await tx.run(ADD, name=person, amount=1)

    async def too_little(tx: Tx) -> None:
        await tx.run(ADD, name=person + "2", amount=-1)

    for work in (double, too_little):
        with pytest.raises(Bug) as bug:
            drive.transact(work)
        assert person not in bug.value.hint + "".join(traceback.format_exception(bug.value))
