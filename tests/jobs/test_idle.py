"""What a service costs that has nothing to do: it looks, and hardly writes; and what comes is not overlooked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from payonce.domain.effect import EffectKind
from payonce.jobs.lane import Lane
from payonce.jobs.timetable import TIMETABLE, find_job
from payonce.jobs.worker import Job
from payonce.usecases.list_jobs import list_runs, show_job
from payonce.usecases.pull_switch import pause, resume
from tests.support.frames import drive, lane
from tests.support.house import House

PAY = EffectKind("pay", "payout.due", on_unknown="resend")
QUICK = [job.name for job in TIMETABLE if job.looks_first]


def service(house: House, jobs: Any = TIMETABLE) -> list[Lane]:
    """One process with its jobs."""
    return [lane(house, each) for each in jobs]


def writes(house: House) -> int:
    """How many transactions have written anything on this server, which only this test uses; this look is none."""
    [(count,)] = house.rows("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    return int(count)


def test_an_idle_minute_of_two_services_writes_a_handful_of_times(house: House) -> None:
    """Every job of the timetable looks, most of them each second or two; together they looked thousands of times."""
    lanes = service(house) + service(house)
    drive(house, lanes, 180)
    before, steps = writes(house), sum(each.steps for each in lanes)
    drive(house, lanes, 60)
    assert sum(each.steps for each in lanes) - steps > 400
    # Each process's three workers say that they live, and each of four jobs has a run or two, of two or three writes.
    assert writes(house) - before <= 40
    assert sum(each.failures for each in lanes) == 0


def test_what_was_looked_at_counts_and_shows_in_the_row_of_its_job(house: House) -> None:
    """A15: a job that found nothing for a long time shows, and that it goes well does too."""
    began_at = house.clock.now()
    drive(house, service(house, [find_job("retry")]), 600)
    view = house.run(show_job(house.world, "retry"))
    assert view.idle_since == began_at
    assert 530 <= view.idle_runs <= 601
    assert view.last_success_at is not None
    assert house.clock.now() - view.last_success_at < timedelta(seconds=70)


@pytest.mark.parametrize("name", QUICK)
def test_a_job_is_put_back_and_shows_at_once_that_it_runs(house: House, name: str) -> None:
    """A10: nobody waits for a minute to see it."""
    lanes = service(house, [find_job(name)])
    drive(house, lanes, 10)
    house.run(pause(house.world, name, by="linh", reason="INC-4"))
    drive(house, lanes, 10)
    house.run(resume(house.world, name, by="linh", reason="mended"))
    at = house.clock.now()
    drive(house, lanes, 10)
    view = house.run(show_job(house.world, name))
    assert view.last_run_at is not None and view.last_run_at >= at


def paid_late(house: House) -> None:
    """An order that was paid, and no webhook told it: `resolve` finds it by asking."""
    house.pay(house.checkout(house.place()))
    house.owed_webhooks()


def test_what_comes_is_taken_up_within_a_slot_by_one_run_for_one_slot(house: House) -> None:
    """A1: a look that finds something is followed by the run at once, and its slots were not missed."""
    lanes = service(house, [find_job("resolve")])
    drive(house, lanes, 30)
    paid_late(house)
    # It is asked about once it is five minutes old.
    drive(house, lanes, 295)
    assert house.rows("SELECT state FROM orders") == [("open",)]
    drive(house, lanes, 10)
    assert house.rows("SELECT state FROM orders") == [("paid",)]
    [run] = house.run(list_runs(house.world, "resolve"))
    assert (run.taken, run.slots) == (1, 1)


def test_a_run_that_somebody_left_is_taken_over_where_nothing_else_is_due(house: House) -> None:
    """A20: a process that died held the job; the look finds nothing, and the run ends all the same."""
    lanes = service(house, [find_job("resolve")])
    drive(house, lanes, 10)
    house.rows(
        "UPDATE jobs SET run_id = gen_random_uuid(), run_slot_at = %(at)s, lease_until = %(at)s, fence = fence + 1"
        " WHERE job = 'resolve' RETURNING 1",
        at=house.clock.now(),
    )  # fmt: skip
    drive(house, lanes, 5)
    assert house.rows("SELECT run_id FROM jobs WHERE job = 'resolve'") == [(None,)]


def test_a_share_that_is_free_again_is_seen_by_the_look_of_payouts(house: House) -> None:
    """E12: what was held back while a finding was open is freed, and paid out where somebody is told."""
    house.world.kinds.append(PAY)
    lanes = service(house, [find_job("payout")])
    drive(house, lanes, 5)
    order = house.place(payouts=[{"payee": "coach", "amount_minor": 700}])
    house.pay(house.checkout(order))
    house.deliver_owed()
    house.rows("UPDATE accruals SET state = 'held', held_because = 'disputed' RETURNING 1")
    drive(house, lanes, 10)
    assert house.rows("SELECT amount_minor FROM payouts") == [(700,)]


def test_every_job_that_looks_first_has_a_look() -> None:
    """A14: without one it could not say whether there is anything to do."""
    jobs: list[Job] = [find_job(name) for name in QUICK]
    assert QUICK == ["retry", "resolve", "payout"] and all(job.look is not None for job in jobs)
