"""Keep the row of a worker: one for its whole life, because it takes up rows by their own leases, many times a second.

It holds no job and has no slot: workers run in every process at once. Its row says how much it did and that it lives;
one that fell silent is called lost by the next that writes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from payonce.domain.switch import only_kinds, say_stopped, stopped_by
from payonce.store.database import Tx
from payonce.store.jobs import JOBS, RunRow, read_job, write_run
from payonce.usecases.hold_run import NotNow
from payonce.usecases.run_context import RunContext
from payonce.usecases.world import World

# How often its row is written: once a minute says enough, and costs nothing beside the work.
EVERY: Final = timedelta(minutes=1)
# Silent for so long, it is gone.
LEASE: Final = timedelta(minutes=5)


async def look_at_switches(world: World, context: RunContext, every_seconds: float) -> NotNow | float:
    """Whether the worker may work now: its interval, or which switch stops it. It is told to the context as well."""

    async def work(tx: Tx) -> NotNow | float:
        state, switches = await read_job(tx, context.job)
        context.only_kinds = only_kinds(switches)
        every = every_seconds if state is None else state.every_seconds
        stopped = stopped_by(context.job, switches)
        if stopped is not None:
            context.stop_because = say_stopped(stopped)
            return NotNow(every, stopped)
        if state is not None and state.is_retired:
            context.stop_because = "it was retired"
            return NotNow(every)
        context.stop_because = ""
        return every

    return await world.database.transaction(work, name="look_at_switches", read_only=True)


async def write_worker(
    world: World, context: RunContext, started_at: datetime, *, worked: bool, ended: bool = False, error: str = ""
) -> None:
    """Write how far the worker is, call those lost that fell silent, and say on the job that it lives.

    `worked`: whether it found something since the last time. One that never did has no row.
    """

    async def work(tx: Tx) -> None:
        state = "done" if ended else "running"
        if context.taken or context.failures:
            write_run(
                tx,
                RunRow(
                    context.run_id, context.job, None, state, "worker", started_at, tx.now if ended else None,
                    None if ended else tx.now + LEASE, 0, 1, context.counters(), context.most_rows,
                    context.most_messages, None, context.report,
                ),
            )  # fmt: skip
        tx.later(JOBS.lose_workers, job=context.job, now=tx.now)
        tx.later(
            JOBS.note_work, job=context.job, now=tx.now, succeeded_at=None if error else tx.now, found=worked,
            last_error=error or None,
        )  # fmt: skip

    await world.database.transaction(work, name="write_worker")
