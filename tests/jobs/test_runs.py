"""Runs: one for each slot, however many processes; taken over when one dies; resumed where they stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from payonce.base.errors import Conflict
from payonce.domain.job_run import slot_of
from payonce.drivers.stepping import run_to_end
from payonce.jobs.lane import Lane
from payonce.jobs.worker import Hand, Ran
from payonce.store.database import Tx
from payonce.usecases.expire_data import EXPIRY
from payonce.usecases.list_jobs import list_jobs, list_runs, show_job
from payonce.usecases.pull_switch import pause, resume, retire, set_interval
from tests.support.frames import SELDOM_SECONDS, Rows, drive, job, lane, step
from tests.support.house import House

DAY = 24 * 3600.0
LEASE = 61.0


def runs(house: House, name: str = "test") -> list[Any]:
    """The kept runs of a job, the oldest first."""
    found = house.run(list_runs(house.world, name, limit=1000))
    return sorted(found, key=lambda run: run.started_at)


def pull(house: House, name: str, **more: Any) -> None:
    house.run(pause(house.world, name, by="linh", reason="INC-4", **more))


def put_back(house: House, name: str) -> None:
    house.run(resume(house.world, name, by="linh", reason="mended"))


@pytest.mark.parametrize(("name", "minutes"), [("recover", 15), ("monitor", 30), ("close", 60), ("reconcile", 1440)])
def test_of_two_services_on_one_database_each_slot_of_a_day_ran_once(house: House, name: str, minutes: int) -> None:
    """A20: every run is a row of its own; C11, C15, C20: hourly, every 15 and every 30 minutes."""
    began: list[str] = []

    def service(number: int) -> Lane:
        async def use(hand: Hand, merchant_id: str, at_most: int) -> Ran:
            began.append(f"service {number}")
            return Ran(1, 1)

        each = job(use, name=name, every_seconds=minutes * 60.0)
        return lane(house, each, longest_look_seconds=SELDOM_SECONDS)

    began_at = house.clock.now()
    drive(house, [service(1), service(2)], DAY)
    first = slot_of(began_at, minutes * 60.0, name)
    slots = [run.slot_at for run in runs(house, name)]
    assert slots == [first + number * timedelta(minutes=minutes) for number in range(len(slots))]
    # The last slot may have begun a moment ago, so that nobody has looked yet.
    assert slots[-1] >= house.clock.now() - timedelta(minutes=minutes + 5)
    assert len(began) == len(slots) == len({run.id for run in runs(house, name)})
    assert {run.state for run in runs(house, name)} == {"done"}
    if minutes < 60:
        assert set(began) == {"service 1", "service 2"}


def test_a_job_of_every_two_seconds_runs_once_for_each_slot_and_fills_no_table(house: House) -> None:
    """A15: a job that finds nothing leaves no row each time, and shows for how long it found nothing."""
    looked: list[Any] = []

    async def use(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        looked.append(slot_of(hand.world.clock.now(), 2.0, "test"))
        return Ran()

    began_at = house.clock.now()
    drive(house, [lane(house, job(use, every_seconds=2.0)) for _ in range(3)], 300)
    assert len(looked) == len(set(looked)) >= 149
    assert runs(house) == []
    view = house.run(show_job(house.world, "test"))
    assert (view.idle_runs, view.idle_since) == (len(looked), began_at)
    assert view.last_success_at is not None and house.clock.now() - view.last_success_at < timedelta(seconds=5)


def test_a_run_that_found_something_ends_the_silence(house: House) -> None:
    """A15: the history shows when something was found again."""
    rows = Rows(0)
    quick = lane(house, job(rows.use, every_seconds=2.0))
    drive(house, [quick], 10)
    rows.left = [1, 2, 3]
    drive(house, [quick], 2.5)
    [run] = runs(house)
    assert (run.taken, run.state) == (3, "done")
    drive(house, [quick], 4)
    assert house.run(show_job(house.world, "test")).idle_runs in (1, 2)


def test_a_job_never_overlaps_itself(house: House) -> None:
    """C20: while a run takes longer than its interval, no second one begins."""
    rows = Rows(100)
    first, second = lane(house, job(rows.use)), lane(house, job(rows.use))
    step(first)
    for _ in range(3):
        house.clock.move(50)
        step(first)
    house.clock.move(900)
    # The lease is kept by every batch; so long without one, the other would take it over.
    step(first)
    step(second)
    assert second.held is None and len(set(rows.runs)) == 1


def test_a_run_whose_process_died_is_taken_over_after_its_lease_and_goes_on(house: House) -> None:
    """A20: the same run goes on, with the same id, and nothing is taken up twice."""
    rows = Rows(35)
    dead, alive = lane(house, job(rows.use)), lane(house, job(rows.use))
    step(dead)
    step(dead)
    step(alive)
    assert len(rows.taken) == 20 and alive.held is None
    house.clock.move(LEASE)
    drive(house, [alive], 10)
    [run] = runs(house)
    assert rows.taken == list(range(35)) and set(rows.runs) == {run.id}
    assert (run.state, run.taken, run.fence, run.batches) == ("done", 35, 2, 4)


def test_one_that_slept_past_its_lease_touches_nothing_more(house: House) -> None:
    """A20: the fence tells it, before its next batch."""
    rows = Rows(100)
    asleep, awake = lane(house, job(rows.use)), lane(house, job(rows.use))
    step(asleep)
    house.clock.move(LEASE)
    step(awake)
    touched: list[bool] = []

    async def touch(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        async def work(tx: Tx) -> None:
            touched.append(True)

        await hand.world.database.transaction(work, name="test")
        return Ran(at_most)

    asleep.job = job(touch)
    step(asleep)
    assert asleep.held is None and touched == []
    drive(house, [awake], 5)
    [run] = runs(house)
    assert (run.state, run.fence, len(rows.taken)) == ("done", 2, 100)


def test_one_that_sleeps_in_the_middle_of_a_batch_learns_it_before_its_next_transaction(house: House) -> None:
    """A20: a process that was stopped for minutes writes nothing when it goes on."""
    wrote: list[str] = []
    rows = Rows(1)
    other = lane(house, job(rows.use))

    async def use(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        async def work(tx: Tx) -> None:
            wrote.append("the sleeper")

        await hand.world.database.transaction(work, name="test")
        house.clock.move(LEASE)
        step(other)
        await hand.world.database.transaction(work, name="test")
        return Ran(1)

    sleeper = lane(house, job(use))
    step(sleeper)
    assert wrote == ["the sleeper"] and rows.taken == [0]
    [run] = runs(house)
    assert (run.state, run.taken, run.fence, sleeper.held) == ("done", 1, 2, None)


def test_a_provider_that_is_silent_for_long_costs_a_run_no_lease(house: House) -> None:
    """A20: what takes minutes renews its lease as it goes, and stays the only run."""
    rows = Rows(10)
    other = lane(house, job(rows.use))

    async def use(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        async def work(tx: Tx) -> None:
            return None

        for _ in range(20):
            house.clock.move(25)
            await hand.world.database.transaction(work, name="test")
            step(other)
        return Ran(1)

    slow = lane(house, job(use))
    step(slow)
    [run] = runs(house)
    assert (run.state, run.fence, rows.taken, other.held) == ("done", 1, [], None)


def test_a_process_that_stops_hands_its_run_to_the_others_at_once(house: House) -> None:
    rows = Rows(30)
    first, second = lane(house, job(rows.use)), lane(house, job(rows.use))
    step(first)
    run_to_end(first.leave())
    drive(house, [second], 5)
    [run] = runs(house)
    assert (run.state, run.taken, run.fence, rows.taken) == ("done", 30, 2, list(range(30)))


def test_slots_that_nobody_was_there_for_are_one_run_that_says_so(house: House) -> None:
    """A15: after a night in which nothing ran, a scan runs once, and its row tells for how many slots it stands."""
    rows = Rows(1000)
    each = lane(house, job(rows.use))
    each.job = job(rows.use, at_most=2000)
    step(each)
    house.clock.move(5 * 3600)
    step(each)
    step(each)
    assert [run.slots for run in runs(house)] == [1, 20]


def test_a_slot_from_a_clock_that_was_wrong_stops_nobody(house: House) -> None:
    """C20: a host that was an hour ahead and is gone does not keep the others waiting for that hour."""
    rows = Rows(1)
    each = job(rows.use)
    house.clock.move(3600)
    step(lane(house, each))
    house.clock.move(-3600)
    drive(house, [lane(house, each, longest_look_seconds=SELDOM_SECONDS)], 1800)
    assert len(runs(house)) >= 3 and len({run.slot_at for run in runs(house)}) == len(runs(house))


def test_a_retired_job_runs_no_more_and_can_come_back(house: House) -> None:
    """A15: without a deploy."""
    rows = Rows(0)
    each = lane(house, job(rows.use))
    step(each)
    house.run(retire(house.world, "test", by="linh", reason="nothing uses it"))
    drive(house, [each], 2000)
    assert len(rows.runs) == 1
    assert house.run(show_job(house.world, "test")).state == "retired"
    house.run(retire(house.world, "test", by="linh", reason="it is needed", is_retired=False))
    drive(house, [each], 100)
    assert len(rows.runs) == 2


def test_a_job_that_is_retired_while_it_runs_ends_after_its_batch(house: House) -> None:
    """A15: also the run that is under way."""
    rows = Rows(100)
    each = lane(house, job(rows.use))
    step(each)
    house.run(retire(house.world, "test", by="linh", reason="nothing uses it"))
    drive(house, [each], 30)
    [run] = runs(house)
    assert (run.state, run.stopped_why, len(rows.taken)) == ("stopped", "it was retired", 20)


def test_another_interval_needs_no_deploy(house: House) -> None:
    """A15: the next look knows it."""
    rows = Rows(0)
    each = lane(house, job(rows.use))
    step(each)
    house.run(set_interval(house.world, "test", 60.0, by="linh", reason="a bad day"))
    drive(house, [each], 600)
    assert 9 <= len(rows.runs) - 1 <= 11
    house.run(set_interval(house.world, "test", None, by="linh", reason="it is over"))
    assert house.run(show_job(house.world, "test")).every_seconds == 900.0
    before = len(rows.runs)
    drive(house, [each], 600)
    assert len(rows.runs) - before <= 1


def test_a_switch_pulled_in_the_middle_of_10000_stops_within_a_batch_and_goes_on_without_repeating(
    house: House, database_url: str
) -> None:
    """A10: it takes effect within one batch, also while the job runs; A15: the row says who stopped it and why."""
    _insert_calls(database_url, 10_000)

    async def erase(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        async def work(tx: Tx) -> int:
            before = tx.now - timedelta(days=180)
            found = await tx.rows(EXPIRY.erase_evidence, merchant_id=merchant_id, before=before, limit=at_most)
            return len(found)

        count = await hand.world.database.transaction(work, name="erase")
        return Ran(count, count)

    lanes = [lane(house, job(erase, at_most=1000)) for _ in range(2)]
    for _ in range(3):
        step(lanes[0])
    pull(house, "test")
    drive(house, lanes, 60)
    [(left,)] = house.rows("SELECT count(*) FROM evidence WHERE address IS NOT NULL")
    [run] = runs(house)
    # The batch that had begun, and no further one.
    assert (left, run.state, run.taken) == (6000, "stopped", 4000)
    assert run.stopped_why == "linh paused test: INC-4"
    put_back(house, "test")
    drive(house, lanes, 60)
    [run] = runs(house)
    assert house.rows("SELECT count(*) FROM evidence WHERE address IS NOT NULL") == [(0,)]
    # Each row once: counted twice, it would be more than there are.
    assert (run.state, run.taken, run.stopped_why) == ("done", 10_000, None)


def test_a_run_stops_at_its_cap_and_never_beyond(house: House) -> None:
    """A14, A19: the cap holds to the row, and the rest waits for the next slot."""
    rows = Rows(100)
    each = lane(house, job(rows.use, most_rows=25))
    drive(house, [each], 10)
    [run] = runs(house)
    assert (run.state, run.taken, run.most_rows, len(rows.taken)) == ("stopped", 25, 25, 25)
    assert run.stopped_why is not None and "25" in run.stopped_why
    drive(house, [each], 900)
    assert len(rows.taken) == 50


def test_a_run_that_failed_is_tried_again_before_its_next_slot(house: House) -> None:
    """C20: an hourly job whose database was away for a moment does not wait for the next hour."""
    errors = [OSError("away"), OSError("away")]

    def fail(hand: Hand) -> None:
        if errors:
            raise errors.pop()

    rows = Rows(3, before=fail)
    lanes = [lane(house, job(rows.use, every_seconds=3600.0)) for _ in range(2)]
    drive(house, lanes, 30)
    assert [(run.state, run.failures) for run in runs(house)] == [("failed", 1)]
    drive(house, lanes, 240)
    # The next slot may have begun meanwhile.
    run, *_ = runs(house)
    assert (run.state, run.failures, run.fence, rows.taken) == ("done", 2, 3, [0, 1, 2])
    view = house.run(show_job(house.world, "test"))
    assert (view.failures_in_a_row, view.last_error) == (0, None)


def test_a_run_that_keeps_failing_gives_its_slot_up(house: House) -> None:
    """C20: and the next slot has a run of its own."""

    def fail(hand: Hand) -> None:
        raise OSError("away")

    rows = Rows(3, before=fail)
    each = lane(house, job(rows.use, every_seconds=3600.0))
    drive(house, [each], 3600)
    run, *_ = runs(house)
    assert (run.state, run.failures) == ("failed", 5)
    drive(house, [each], 3600)
    assert len(runs(house)) >= 2
    view = house.run(show_job(house.world, "test"))
    assert view.failures_in_a_row >= 5 and view.last_error == "OSError: away"


def test_a_run_that_rests_after_a_failure_goes_on_when_somebody_asks_for_it(house: House) -> None:
    """C20: nobody has to wait for a rest, and what was asked for by hand and failed is over."""
    errors = [OSError("away"), OSError("away")]

    def fail(hand: Hand) -> None:
        if errors:
            raise errors.pop()

    rows = Rows(3, before=fail)
    each = lane(house, job(rows.use, every_seconds=3600.0))
    step(each)
    assert [run.state for run in runs(house)] == ["failed"]
    for state in ("failed", "done"):
        run_to_end(each.run_now("linh"))
        assert runs(house)[0].state == state
    assert (len(runs(house)), rows.taken) == (1, [0, 1, 2])
    errors.append(OSError("away"))
    for _ in range(2):
        house.clock.move(1)
        run_to_end(each.run_now("linh"))
    assert [(run.state, run.slot_at) for run in runs(house)][1:] == [("failed", None), ("done", None)]


def test_a_run_that_somebody_asks_for_is_beside_the_slots(house: House) -> None:
    """A20: its row says who asked."""
    rows = Rows(25)
    step(lane(house, job(rows.use, name="other")))
    asked = run_to_end(lane(house, job(rows.use)).run_now("linh"))
    [run] = runs(house)
    assert (run.id, run.started_by, run.slot_at, run.state, run.taken) == (asked.run_id, "linh", None, "done", 15)
    step(lane(house, job(rows.use)))
    assert [each.started_by for each in runs(house)].count("timetable") == 1


@pytest.mark.parametrize("why", ["job_running", "job_paused", "job_retired"])
def test_nobody_runs_by_hand_what_runs_or_must_not(house: House, why: str) -> None:
    """A10: a switch holds for people too, until it is put back."""
    rows = Rows(100)
    step(lane(house, job(rows.use)))
    if why == "job_paused":
        pull(house, "all")
    if why == "job_retired":
        house.run(retire(house.world, "test", by="linh", reason="nothing uses it"))
    before = (list(rows.taken), house.rows("SELECT j::text FROM jobs AS j"))
    with pytest.raises(Conflict) as refused:
        run_to_end(lane(house, job(rows.use)).run_now("linh"))
    assert refused.value.code == why
    assert (rows.taken, house.rows("SELECT j::text FROM jobs AS j")) == before


def test_a_worker_has_one_row_for_its_life_and_one_that_fell_silent_is_called_lost(house: House) -> None:
    """A20: what a worker sends can name the run that sent it."""
    rows = Rows(64)
    dead, alive = (lane(house, job(rows.use, is_worker=True, every_seconds=1.0)) for _ in range(2))
    step(dead)
    assert [(run.state, run.slot_at, run.taken) for run in runs(house)] == [("running", None, 10)]
    house.clock.move(301)
    drive(house, [alive], 130)
    states = {run.id: (run.state, run.started_by) for run in runs(house)}
    assert states[rows.runs[0]] == ("lost", "worker") and states[rows.runs[-1]] == ("running", "worker")
    run_to_end(alive.leave())
    assert {run.state for run in runs(house)} == {"lost", "done"}
    assert sum(run.taken for run in runs(house)) == 64


def test_every_job_is_listed_with_how_it_stands(house: House) -> None:
    """A15: what runs, what waits, what is stopped and by whom."""
    rows = Rows(100)
    step(lane(house, job(rows.use, name="a")))
    step(lane(house, job(Rows(0).use, name="b")))
    step(lane(house, job(Rows(0).use, name="c")))
    pull(house, "c")
    found = {view.name: view for view in house.run(list_jobs(house.world))}
    assert {name: view.state for name, view in found.items()} == {"a": "running", "b": "waiting", "c": "paused"}
    assert found["b"].next_at is not None and found["c"].next_at is None
    switch = found["c"].switch
    assert switch is not None and (switch.actor, switch.reason) == ("linh", "INC-4")


def _insert_calls(database_url: str, count: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO evidence (merchant_id, evidence_id, order_id, at, call, address)"
            " SELECT 'default', gen_random_uuid(), gen_random_uuid(), '2020-01-01', 'pay', '203.0.113.7'"
            " FROM generate_series(1, %s)",
            [count],
        )
