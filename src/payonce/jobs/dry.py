"""A dry run: what a job would take up now. The database itself keeps it from writing, and nobody is called (S17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from payonce.base.errors import Refused
from payonce.jobs.worker import Hand, Job, Would
from payonce.usecases.run_context import RunContext


async def look(job: Job, hand: Hand, merchants: Sequence[str]) -> dict[str, Would]:
    """What a run would begin with, of each merchant: its first batch. Raises Refused `job_not_dry`."""
    if job.look is None:
        raise Refused(f"{job.name} cannot say beforehand what it would do", code="job_not_dry", param="job")
    run = RunContext(hand.world.ids.new(), job.name, "never", job.most_messages, job.most_rows, is_dry=True)
    looking = replace(hand, world=replace(hand.world.for_looking(), run=run))
    most = job.at_most if job.most_rows is None else min(job.at_most, job.most_rows)
    return {merchant_id: await job.look(looking, merchant_id, most) for merchant_id in merchants}
