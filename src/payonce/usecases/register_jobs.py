"""Register jobs: write what the timetable says beside what operators said, so that everybody sees the same jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from payonce.store.database import Tx
from payonce.store.jobs import JOBS
from payonce.usecases.run_context import Notify
from payonce.usecases.world import World


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What the timetable says of a job, as far as it is seen from outside of its process."""

    name: str
    why: str
    is_worker: bool
    notify: Notify
    every_seconds: float
    most_rows: int | None = None
    most_messages: int | None = None


async def register_jobs(world: World, jobs: Sequence[JobFacts], *, only_new: bool = False) -> None:
    """Write the jobs. With `only_new`, rows that are there stay: these jobs are other processes' to run."""

    async def work(tx: Tx) -> None:
        await tx.run(
            JOBS.register_jobs, jobs=[job.name for job in jobs], whys=[job.why for job in jobs],
            workers=[job.is_worker for job in jobs], notify=[job.notify for job in jobs],
            seconds=[job.every_seconds for job in jobs], most_rows=[job.most_rows for job in jobs],
            most_messages=[job.most_messages for job in jobs], only_new=only_new, now=tx.now,
        )  # fmt: skip

    if jobs:
        await world.database.transaction(work, name="register_jobs")
