"""Running one job to its end, as a process does it that finds its slot due, or as a person does who asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from payonce.drivers.stepping import run_to_end
from payonce.jobs.lane import Lane
from payonce.jobs.timetable import find_job
from payonce.jobs.worker import Hand, Job
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.run_context import RunContext
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import House


async def _describe(merchant_id: str, order_ids: Any) -> dict[Any, Any]:
    return {order_id: {} for order_id in order_ids}


def lane_of(house: House, job: Job | str, handlers: Handlers | None = None, **more: Any) -> Lane:
    """The job on its way in the house; `more` is said of the job in other words than the timetable's."""
    job = replace(find_job(job) if isinstance(job, str) else job, **more)
    world = house.world.for_refunds() if job.sends_back else house.world.for_jobs()
    return Lane(job, Hand(world, handlers or Handlers(_describe)), [DEFAULT_MERCHANT])


def run_job(house: House, job: Job | str, **more: Any) -> RunContext:
    """Run the job to its end because a person asks for it."""
    return run_to_end(lane_of(house, job, **more).run_now("a test"))


def run_slot(house: House, job: Job | str, **more: Any) -> Lane:
    """Let a process work on the next slot of the job until its run ends."""
    lane = lane_of(house, job, **more)
    house.clock.move(lane.job.every_seconds)
    run_to_end(lane.step())
    while lane.held is not None:
        run_to_end(lane.step())
    return lane
