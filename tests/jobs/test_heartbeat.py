"""The dead man's switch: it is called while all is well, and falls silent for every reason why nobody would be told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from payonce.domain.alert import Route
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.jobs.heartbeat import LONGEST_STEP, Beat, Heartbeat
from payonce.jobs.lane import Lane
from payonce.jobs.worker import Hand, Job, Ran
from payonce.providers.transport import Answer, Request, Unreachable
from payonce.store.database import Limits
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.register_jobs import JobFacts, register_jobs
from payonce.usecases.vital_signs import WATCHER, vital_signs
from tests.support.alarms import Alarms
from tests.support.house import House
from tests.support.line import watched_line

URL = "https://watch.example/secret"


class Watcher:
    """Whoever waits for the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.answers: list[int | Unreachable] = []

    async def send(self, request: Request) -> Answer:
        self.calls.append(f"{request.method} {request.url}")
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Unreachable):
            raise answer
        return Answer(answer, (), b"OK")


async def _works(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    return Ran()


async def _fails(hand: Hand, merchant_id: str, at_most: int) -> Ran:
    raise ValueError("broken")


def lane_of(house: House, use: Any = _works) -> Lane:
    """A worker's lane."""

    async def describe(merchant_id: str, order_ids: Any) -> dict[Any, Any]:
        return {}

    job = Job(
        name="deliver", why="x", every_seconds=1.0, at_most=10, notify="never", use=use, is_worker=True
    )  # fmt: skip
    return Lane(job, Hand(house.world.for_jobs(), Handlers(describe)), ["default"])


def heart(house: House, watcher: Watcher, *lanes: Lane, heard: Any = None) -> Heartbeat:
    """A heart over the house."""
    more = {"heard": heard} if heard else {}
    return Heartbeat(URL, timedelta(minutes=5), watcher, house.world, lanes, **more)


def test_while_all_is_well_the_address_is_called(house: House) -> None:
    watcher, lane = Watcher(), lane_of(house)
    house.run(lane.step())
    heard: list[tuple[Beat, datetime]] = []
    beating = heart(house, watcher, lane, heard=lambda beat, at: heard.append((beat, at)))
    assert house.run(beating.beat()) == "sent"
    assert watcher.calls == [f"GET {URL}"]
    assert heard == [("sent", house.clock.now())]


def test_a_job_that_fails_again_and_again_withholds_it_and_one_that_recovers_does_not(house: House) -> None:
    watcher, lane = Watcher(), lane_of(house, _fails)
    beating = heart(house, watcher, lane)
    for _ in range(4):
        house.run(lane.step())
    assert house.run(beating.beat()) == "sent"
    house.run(lane.step())
    assert house.run(beating.beat()) == "withheld"
    lane.job = replace(lane.job, use=_works)
    house.run(lane.step())
    assert house.run(beating.beat()) == "sent"
    assert len(watcher.calls) == 2


def test_a_worker_that_stands_still_withholds_it(house: House) -> None:
    watcher, lane = Watcher(), lane_of(house)
    beating = heart(house, watcher, lane)
    house.run(lane.step())
    house.clock.move(LONGEST_STEP.total_seconds() + 1)
    assert house.run(beating.beat()) == "withheld"
    house.run(lane.step())
    assert house.run(beating.beat()) == "sent"


@pytest.mark.parametrize(("minutes", "beat"), [(89, "sent"), (91, "withheld")])
def test_nobody_having_looked_for_findings_lately_withholds_it(house: House, minutes: int, beat: str) -> None:
    house.run(register_jobs(house.world, [JobFacts(WATCHER, "x", False, "never", 1800.0)]))
    house.clock.move(minutes * 60)
    assert house.run(heart(house, Watcher()).beat()) == beat


def test_a_watch_that_was_retired_withholds_it(house: House) -> None:
    house.run(register_jobs(house.world, [JobFacts(WATCHER, "x", False, "never", 1800.0)]))
    house.rows("UPDATE jobs SET is_retired = true RETURNING 1")
    assert house.run(vital_signs(house.world)) == ["the job monitor is retired, so nobody looks for what is wrong"]


def test_a_database_that_does_not_answer_withholds_it(house: House, database_url: str) -> None:
    watcher = Watcher()
    with watched_line(database_url) as line:
        impatient = Limits(runs=2, connection_seconds=0.2)
        with SyncDatabase(line.dsn, clock=house.clock, chance=house.world.chance, limits=impatient) as cut:
            house.world = replace(house.world, database=cut)
            beating = heart(house, watcher)
            assert house.run(beating.beat()) == "sent"
            line.close()
            assert house.run(beating.beat()) == "withheld"
    assert len(watcher.calls) == 1


@pytest.mark.parametrize("answer", [500, Unreachable("ConnectError: watch.example/secret", sent=False)])
def test_a_call_that_fails_is_told_without_the_address_and_made_again(
    house: House, answer: int | Unreachable, capfd: pytest.CaptureFixture[str]
) -> None:
    watcher = Watcher()
    watcher.answers = [answer]
    beating = heart(house, watcher)
    assert house.run(beating.beat()) == "failed"
    assert house.run(beating.beat()) == "sent"
    said = capfd.readouterr()
    assert "heartbeat_failed" in said.out + said.err and "secret" not in said.out + said.err


def test_it_beats_until_the_process_ends(house: House) -> None:
    async def live() -> int:
        watcher, third = Watcher(), asyncio.Event()

        def heard(beat: Beat, at: datetime) -> None:
            if len(watcher.calls) >= 3:
                third.set()

        beating = Heartbeat(URL, timedelta(milliseconds=5), watcher, house.world, [], heard)
        task = asyncio.create_task(beating.run())
        async with asyncio.timeout(10):
            await third.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(watcher.calls)

    assert asyncio.run(live()) >= 3


def test_alerts_and_their_worker_are_no_reason_while_they_work(house: House) -> None:
    alarms = Alarms(house, Route("ops", group=timedelta()))
    alarms.find()
    alarms.step()
    assert house.run(vital_signs(house.world)) == []
