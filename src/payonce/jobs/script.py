"""Scripts: what somebody runs once by hand, in the frame of a run like any job. Its messages, its caps and its name on
all that it writes are those of a run; without a word it tells nobody (A13).

What it is handed can look at providers and close there, and cannot create a payment (A8). A script does not overlap
itself, obeys the switch `all`, and has one of its own by the name `script:<file>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from payonce.base.errors import PayonceError, Refused, RunStopped
from payonce.jobs.guard import GuardedDatabase
from payonce.usecases.count_run import count_run
from payonce.usecases.hold_run import Held, end_run, renew_run, take_by_hand
from payonce.usecases.register_jobs import JobFacts, register_jobs
from payonce.usecases.run_context import NOTIFY, Notify, RunContext, RunLost
from payonce.usecases.trip_breaker import ArmedDatabase, trip_breaker
from payonce.usecases.world import World

# A script is looked over by whoever wrote it, so that less is a surprise than of a job: a screenful of messages.
MOST_ROWS: Final = 1_000
MOST_MESSAGES: Final = 100
# Nobody schedules it; the table of jobs asks for an interval.
NEVER_SECONDS: Final = timedelta(days=3650).total_seconds()
# The error by which PostgreSQL refuses to write in a transaction that may only read.
READ_ONLY: Final = "25006"


def script_facts(name: str, notify: str, most_rows: int = MOST_ROWS, most_messages: int = MOST_MESSAGES) -> JobFacts:
    """The script as the table of jobs has it. Raises Refused `job_notify_missing`."""
    if notify not in NOTIFY:
        raise Refused(
            f"a script tells never, preview or send; not {notify!r:.40}", code="job_notify_missing", param="notify"
        )
    said: Notify = "never" if notify == "never" else "preview" if notify == "preview" else "send"
    tidy = re.sub(r"[^a-z0-9_-]+", "-", name.lower())[:60].strip("-") or "unnamed"
    why = "somebody ran it by hand"
    return JobFacts(f"script:{tidy}", why, False, said, NEVER_SECONDS, most_rows, most_messages)


async def begin_script(world: World, facts: JobFacts, by: str) -> tuple[Held, World]:
    """Begin the run, and what its script is handed. Raises Conflict `job_running`, `job_paused`."""
    await register_jobs(world, [facts])
    held = await take_by_hand(world, facts, by)

    async def ask() -> None:
        if not await renew_run(world, held):
            raise RunLost
        if held.context.stop_because:
            raise RunStopped(held.context.stop_because)

    guard = GuardedDatabase(world.database, world.clock, ask, world.clock.now())
    return held, replace(world.for_jobs(), database=ArmedDatabase(guard, held.context, world.breaker), run=held.context)


async def end_script(
    world: World, merchant_id: str, merchants: Sequence[str], held: Held, error: Exception | None
) -> RunContext:
    """End the run as its script ended: done, failed with the error, or stopped because it came to a cap or a switch."""
    context = held.context
    if isinstance(error, RunStopped):
        context.stop(await trip_breaker(world, merchant_id, context, error))
    elif error is not None:
        context.failures += 1
    context.batches = 1
    await count_run(world, context, merchants)
    context.changed = context.taken
    await end_run(world, held, error=str(error)[:300] if error is not None else "")
    return context


def dry_world(world: World, facts: JobFacts) -> World:
    """What a script is handed that only shows what it would do: nothing can be written, and nobody is called (S17)."""
    run = RunContext(world.ids.new(), facts.name, "never", facts.most_messages, facts.most_rows, is_dry=True)
    return replace(world.for_looking(), run=run)


def first_write(error: PayonceError) -> str | None:
    """The transaction in which a dry script came to its first write; None: it met another error."""
    return str(error.detail.get("transaction")) if error.detail.get("sqlstate") == READ_ONLY else None
