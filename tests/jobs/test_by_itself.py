"""What runs by itself: with the service, every job of the timetable starts, and none needs a cron of anybody's."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import payonce
from payonce.installation import Installation
from payonce.jobs.timetable import TIMETABLE
from payonce.providers.simulator.serve import serve_in_thread
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.usecases.list_jobs import JobView, list_jobs, list_runs
from payonce.usecases.pull_switch import pause, resume
from tests.support.waiting import DEADLINE_SECONDS

SECRET = "whsec_of_the_engine_1234567890"


@pytest.fixture
def stripe() -> Iterator[StripeSimulator]:
    with serve_in_thread(StripeSimulator()) as running:
        yield running.sim


def service(database_url: str, stripe: StripeSimulator, **jobs: Any) -> payonce.Payonce:
    """One process of the service, started by nobody yet."""
    account = payonce.Stripe(api_key="sk_test_of_the_engine_1234", webhook_secrets=[SECRET], api_base=stripe.base_url)
    return payonce.Payonce(installation=Installation(database_url=database_url, accounts=(account,), jobs=jobs))


async def until(service: payonce.Payonce, holds: Any) -> list[JobView]:
    """Wait until it holds of the jobs."""
    found: list[JobView] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = await list_jobs(service.world)
        if holds(found):
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never held: {found}")


def test_every_job_starts_by_itself_with_the_service(database_url: str, stripe: StripeSimulator) -> None:
    """C20, C21: closing, recovery, the monitor and all others, without a word of anybody."""

    async def work() -> None:
        began = time.monotonic()
        async with service(database_url, stripe) as one, service(database_url, stripe):
            scheduled = {job.name for job in TIMETABLE if not job.is_worker}
            found = await until(one, lambda jobs: {j.name for j in jobs if j.last_success_at} >= scheduled)
            assert {job.name for job in found} == {job.name for job in TIMETABLE}
            every = {job.name: job.every_seconds for job in TIMETABLE}
            assert {job.name: job.every_seconds for job in found} == every
            kept = [run for run in await list_runs(one.world, limit=1000) if every[run.job] >= 60]
            # Two services began at once: each of these had one run, or one more for each interval that passed since.
            runs, passed = Counter(run.job for run in kept), time.monotonic() - began
            assert runs and {job: many for job, many in runs.items() if many > 1 + passed // every[job]} == {}
            assert len({(run.job, run.slot_at) for run in kept}) == len(kept)
            assert {(run.started_by, run.state) for run in kept} == {("timetable", "done")}

    asyncio.run(work())


def test_a_switch_reaches_running_services(database_url: str, stripe: StripeSimulator) -> None:
    """A10: pulled in one process, it stops the jobs of another; put back, they go on."""

    async def work() -> None:
        async with service(database_url, stripe) as one, service(database_url, stripe) as other:
            await until(one, lambda jobs: any(job.name == "retry" and job.last_success_at for job in jobs))
            await pause(one.world, "retry", by="linh", reason="INC-4")
            [lane] = [lane for lane in other.worker().lanes if lane.job.name == "retry"]
            await until(one, lambda jobs: lane.is_paused and lane.held is None)
            [before] = [job for job in await list_jobs(one.world) if job.name == "retry"]
            steps = lane.steps
            await until(one, lambda jobs: lane.steps > steps)
            [after] = [job for job in await list_jobs(one.world) if job.name == "retry"]
            assert (after.last_run_at, after.idle_runs) == (before.last_run_at, before.idle_runs)
            await resume(one.world, "retry", by="linh", reason="mended")
            await until(one, lambda jobs: any(j.name == "retry" and j.last_run_at > after.last_run_at for j in jobs))

    asyncio.run(work())


def test_another_interval_of_the_environment_is_the_interval_of_all(database_url: str, stripe: StripeSimulator) -> None:
    """A15: and a process that leaves a job out says nothing about it."""

    async def work() -> None:
        async with service(database_url, stripe, close=600.0) as one:
            async with service(database_url, stripe, close="off") as other:
                assert "close" not in [lane.job.name for lane in other.worker().lanes]
                assert {job.name: job.every_seconds for job in await list_jobs(one.world)}["close"] == 600.0

    asyncio.run(work())
