"""Jobs: each with a switch, a cap and a word about messages; none can create a payment, and no error ends the loop."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from payonce.app import Assembly
from payonce.base.errors import Bug, Refused, Unavailable
from payonce.drivers.stepping import run_to_end
from payonce.installation import Installation
from payonce.jobs.lane import LONGEST_LOOK_SECONDS, MORE_TO_DO_SECONDS, Lane
from payonce.jobs.running import Worker
from payonce.jobs.timetable import NAMES, TIMETABLE, timetable
from payonce.jobs.worker import Hand, Job, Ran, unobserved
from payonce.providers.gateway import ProviderLooker, ProviderRefunder
from payonce.usecases.deliver_effects import OneAfterAnother
from tests.promises.money_back import paid_twice
from tests.support.frames import hand_of, job
from tests.support.house import House
from tests.support.waiting import DEADLINE_SECONDS


def test_no_job_can_create_a_payment(house: House) -> None:
    """A8: what a job is handed reads, finds, closes and verifies; there is no further way to a provider."""
    hand = hand_of(house)
    assert {type(till) for till in hand.world.tills.values()} == {ProviderLooker}
    ways = {name for name, _ in inspect.getmembers(ProviderLooker, inspect.isfunction) if not name.startswith("_")}
    assert ways == {
        "read", "close", "find", "verify", "again", "subscriptions", "own_ref", "acknowledge", "as_looker",
        "as_refunder", "as_silent", "list_page", "money", "money_of_file",
    }  # fmt: skip
    assert {type(till.as_looker()) for till in hand.world.tills.values()} == {ProviderLooker}
    with pytest.raises(Bug):
        hand.world.till("stripe", "main")


def test_only_the_refund_worker_can_send_money_back_and_it_cannot_create_a_payment(house: House) -> None:
    """A8: refunds run in a lane of their own with a client that can only refund."""
    jobs, refunds = house.world.for_jobs(), house.world.for_refunds()
    with pytest.raises(Bug):
        jobs.for_refunds()
    with pytest.raises(Bug):
        jobs.refunder("stripe", "main")
    with pytest.raises(Bug):
        house.world.refunder("stripe", "main")
    assert type(refunds.refunder("stripe", "main")) is ProviderRefunder
    assert not hasattr(ProviderRefunder, "create") and not hasattr(ProviderRefunder, "prepare")
    with pytest.raises(Bug):
        refunds.till("stripe", "main")
    assert [job.name for job in TIMETABLE if job.sends_back] == ["refund"]


REFUNDING = {"prepare_refund", "refund", "look_for_refund"}
CREATES = {"sessions.create", "payment_intents.create"}


def a_busy_house(house: House) -> None:
    """Something to do for every job: surplus to send back, a payment nobody told of, an order past its time, an event
    that failed, an effect that is owed.
    """
    paid_twice(house)
    untold = house.place("fee:untold")
    house.pay(house.checkout(untold))
    house.owed_webhooks()
    house.checkout(house.place("fee:left"))
    house.rows("UPDATE events SET state = 'failed', next_try_at = now() - interval '30 years' RETURNING 1")
    house.clock.move(25 * 3600)


@pytest.mark.parametrize("each", TIMETABLE, ids=NAMES)
def test_no_job_of_the_timetable_creates_a_payment_whatever_there_is_to_do(house: House, each: Job) -> None:
    """A8: each is run over everything that is due, with what the composition root hands it."""
    a_busy_house(house)
    before = len(house.stripe.calls)
    made = Assembly(Installation()).lane(each, house.world, OneAfterAnother(), unobserved)
    kinds = {type(till) for till in made.hand.world.tills.values()}
    assert kinds == ({ProviderRefunder} if each.sends_back else {ProviderLooker})
    for _ in range(3):
        run_to_end(made.step())
        house.clock.move(each.every_seconds)
    assert made.failures == 0, made.last_error
    made_calls = {call.operation for call in list(house.stripe.calls)[before:]}
    assert made_calls & CREATES == set()
    # Only one of them moves money, and it only goes back.
    assert ("refunds.create" in made_calls) == each.sends_back
    with pytest.raises(Bug):
        made.hand.world.till("stripe", "main")


def test_what_sends_money_back_can_do_nothing_else_than_lookers_and_that(house: House) -> None:
    """A8: every public method of it is named here, and whoever adds one has to come by."""
    ways = {name for name, _ in inspect.getmembers(ProviderRefunder, inspect.isfunction) if not name.startswith("_")}
    looking = {name for name, _ in inspect.getmembers(ProviderLooker, inspect.isfunction) if not name.startswith("_")}
    assert ways - looking == REFUNDING


def test_every_job_says_whether_it_may_tell_people() -> None:
    """A13: leaving it out is an error at registration."""
    assert {job.notify for job in TIMETABLE} <= {"never", "preview", "send"}
    unsaid: dict[str, Any] = {"name": "x", "why": "x", "every_seconds": 1.0, "at_most": 1, "use": None}
    with pytest.raises(TypeError, match="notify"):
        Job(**unsaid)
    with pytest.raises(Refused):
        Job(**unsaid | {"notify": "perhaps"})


@pytest.mark.parametrize("name", NAMES)
def test_every_job_has_a_switch(name: str) -> None:
    """A10: switched off, it is not in the timetable of the process."""
    assert name not in [job.name for job in timetable({name: "off"})]
    assert [job.name for job in timetable({name: "on"})] == [job.name for job in TIMETABLE]


def test_a_switch_that_switches_nothing_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        timetable({"delivery": "off"})
    assert refused.value.code == "job_unknown"


def test_one_word_in_the_environment_stops_every_job_of_a_process() -> None:
    """A10: `PAYONCE_JOB_ALL=off`."""
    assert timetable({"all": "off", "close": 60.0}) == []
    assert timetable({"all": "on", "messages": "off"}) == list(TIMETABLE)
    for switches in ({"all": 60.0}, {"messages": 60.0}):
        with pytest.raises(Refused):
            timetable(switches)


def test_the_interval_of_a_job_can_be_set() -> None:
    [job] = [job for job in timetable({"close": 60.0}) if job.name == "close"]
    assert job.every_seconds == 60.0


def test_every_job_of_the_timetable_runs_on_an_empty_house(house: House) -> None:
    for each in TIMETABLE:
        lane = Lane(each, hand_of(house, each), ["default"])
        pause = run_to_end(lane.step())
        assert (lane.failures, lane.last_error) == (0, ""), each.name
        assert 0 < pause <= min(each.every_seconds, LONGEST_LOOK_SECONDS) * 1.2


def test_jobs_settle_what_no_webhook_told(house: House) -> None:
    """A1: the provider is asked about an order whose webhook never came, and it is settled."""
    order = house.place()
    house.pay(house.checkout(order))
    house.clock.move(10 * 60)
    [resolve] = [job for job in TIMETABLE if job.name == "resolve"]
    lane = Lane(resolve, hand_of(house), ["default"])
    run_to_end(lane.step())
    assert house.see(order).state == "paid"
    assert (lane.changed, lane.failures) == (1, 0)


def test_a_step_that_fails_is_counted_and_tried_later_ever_more_slowly(house: House) -> None:
    errors: list[Exception] = [Unavailable("no", code="store_unavailable"), ValueError("odd"), RuntimeError("odd")]

    async def fail(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        if errors:
            raise errors.pop(0)
        return Ran(1)

    lane = Lane(job(fail, every_seconds=1.0), hand_of(house), ["default"])
    rests = []
    for _ in range(3):
        run_to_end(lane.step())
        [(rest, in_a_row)] = house.rows("SELECT rest_until, failures_in_a_row FROM jobs WHERE job = 'test'")
        rests.append((rest - house.clock.now()).total_seconds())
        assert in_a_row == len(rests)
        # Before its rest is over, no process runs it again.
        run_to_end(lane.step())
        assert lane.failures == len(rests)
        house.clock.move(rests[-1] + 1)
    assert rests == [2, 4, 8] and lane.last_success_at is None
    run_to_end(lane.step())
    assert lane.failures == 3 and lane.last_success_at == house.clock.now()
    assert house.rows("SELECT failures_in_a_row, rest_until FROM jobs WHERE job = 'test'") == [(0, None)]


def test_one_merchants_error_does_not_cost_another_its_turn(house: House) -> None:
    seen: list[str] = []

    async def use(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        seen.append(merchant_id)
        if merchant_id == "bad":
            raise ValueError("bad")
        return Ran(1)

    run_to_end(Lane(job(use), hand_of(house), ["bad", "good"]).step())
    assert seen == ["bad", "good"]


def test_a_step_that_took_all_it_may_is_followed_at_once(house: House) -> None:
    async def use(hand: Hand, merchant_id: str, at_most: int) -> Ran:
        return Ran(at_most)

    assert run_to_end(Lane(job(use), hand_of(house), ["default"]).step()) == MORE_TO_DO_SECONDS


class Steps:
    """A job that a test can follow: every step waits until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.news = asyncio.Event()
        self.go = asyncio.Event()

    async def use(self, hand: Hand, merchant_id: str, at_most: int) -> Ran:
        self.begun += 1
        self.news.set()
        await self.go.wait()
        self.ended += 1
        return Ran()

    async def next_begins(self) -> None:
        await asyncio.wait_for(self.news.wait(), 30)
        self.news.clear()


def test_a_worker_that_is_stopped_ends_its_steps_first(house: House) -> None:
    async def run() -> Steps:
        steps = Steps()
        worker = Worker([Lane(job(steps.use), hand_of(house), ["default"])])
        running = asyncio.create_task(worker.run())
        await steps.next_begins()
        stopping = asyncio.create_task(worker.stop())
        await asyncio.sleep(0)
        assert steps.ended == 0
        steps.go.set()
        await asyncio.wait_for(asyncio.gather(stopping, running), 30)
        return steps

    steps = asyncio.run(run())
    assert (steps.begun, steps.ended) == (1, 1)


def test_a_step_that_does_not_end_is_cut_off_when_the_time_to_stop_is_over(house: House) -> None:
    async def run() -> Steps:
        steps = Steps()
        worker = Worker([Lane(job(steps.use), hand_of(house), ["default"])])
        worker.start()
        await steps.next_begins()
        await asyncio.wait_for(worker.stop(within_seconds=0.01), 30)
        return steps

    assert asyncio.run(run()).ended == 0


def test_a_worker_whose_jobs_are_all_switched_off_has_not_failed_and_ends_when_it_is_stopped() -> None:
    """C15: switching everything off stops the jobs, and makes no balancer take the process for broken."""

    async def run() -> bool:
        worker = Worker([])
        worker.start()
        ended = asyncio.create_task(worker.ended())
        for _ in range(5):
            await asyncio.sleep(0)
        was_running = not ended.done()
        await worker.stop()
        await asyncio.wait_for(ended, DEADLINE_SECONDS)
        return was_running

    assert asyncio.run(run())


def test_a_worker_that_is_woken_does_not_wait_for_its_interval(house: House) -> None:
    async def run() -> int:
        steps = Steps()
        steps.go.set()
        worker = Worker(
            [Lane(job(steps.use, wakes=True, is_worker=True, every_seconds=3600.0), hand_of(house), ["default"])]
        )
        worker.start()
        await steps.next_begins()
        worker.wake()
        await steps.next_begins()
        await worker.stop()
        return steps.begun

    assert asyncio.run(run()) == 2


def test_a_worker_that_is_cancelled_ends_its_steps_too(house: House) -> None:
    async def run() -> Steps:
        steps = Steps()
        worker = Worker([Lane(job(steps.use), hand_of(house), ["default"])])
        running = asyncio.create_task(worker.run())
        await steps.next_begins()
        running.cancel()
        await asyncio.sleep(0)
        steps.go.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, DEADLINE_SECONDS)
        return steps

    assert asyncio.run(run()).ended == 1
