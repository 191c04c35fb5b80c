"""Hold a run: take a job's turn, renew its lease between batches, end it, or leave it for somebody else.

Whoever takes a turn holds the job by a lease and a fence. Each further word about the run asks for the fence, so that a
process that slept past its lease learns it at the next one, and touches nothing more. Runs that found nothing leave no
row where the job comes every few seconds; they are counted on the job instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from payonce.base.errors import Conflict, Refused
from payonce.domain import job_run
from payonce.domain.job_run import JobState, Turn, next_turn
from payonce.domain.switch import Switch, only_kinds, say_stopped, stopped_by
from payonce.store.database import Query, Tx
from payonce.store.jobs import JOBS, RunRow, read_job, write_run
from payonce.usecases.register_jobs import JobFacts
from payonce.usecases.run_context import RunContext
from payonce.usecases.world import World

# Who starts runs that nobody asked for.
TIMETABLE = "timetable"


@dataclass(slots=True)
class Held:
    """A run that this process holds until `lease_until`. `is_kept`: it has a row, whatever it finds."""

    context: RunContext
    every_seconds: float
    failures_in_a_row: int
    slot_at: datetime | None
    slots: int
    started_by: str
    started_at: datetime
    lease_until: datetime
    is_kept: bool
    # Failures of parts that came before; whether this part fails is told by its own.
    failures_before: int = 0
    # Slots before this one that this process looked at and let pass, because nothing was to be done.
    idle_looks: int = 0


@dataclass(frozen=True, slots=True)
class NotNow:
    """There is nothing to run: after how many seconds to look again, and which switch stops it, if one does."""

    look_again_seconds: float
    stopped: Switch | None = None


async def take_turn(world: World, job: JobFacts, idle_looks: int = 0) -> Held | NotNow:
    """Take the job's turn if it is due: a new run for its slot, or one that was left. Reads only, where it is not.
    `idle_looks`: so many slots before it were looked at and let pass.
    """
    taken = await _take(world, job, TIMETABLE, by_hand=False, idle_looks=idle_looks)
    if isinstance(taken, Held):
        taken.idle_looks = idle_looks
    return taken


async def look_at_turn(world: World, job: JobFacts) -> Turn | NotNow:
    """The job's turn as `take_turn` would take it. Reads only."""

    async def work(tx: Tx) -> Turn | NotNow:
        state, switches = await read_job(tx, job.name)
        if state is None:
            raise Refused(f"there is no job {job.name!r}", code="job_unknown", param="job")
        stopped = stopped_by(job.name, switches)
        turn = next_turn(state, tx.now) if stopped is None else None
        return turn or NotNow(job_run.seconds_to_next(state, tx.now), stopped)

    return await world.database.transaction(work, name="look_at_turn", read_only=True)


async def take_by_hand(world: World, job: JobFacts, by: str) -> Held:
    """Begin a run that somebody asked for, beside the slots. Raises Conflict `job_running`, `job_paused`,
    `job_retired`; Refused `job_unknown`.
    """
    taken = await _take(world, job, by, by_hand=True)
    if isinstance(taken, NotNow):
        raise Conflict("the job is at work in another process", code="job_running")
    return taken


async def _take(world: World, job: JobFacts, by: str, *, by_hand: bool, idle_looks: int = 0) -> Held | NotNow:
    new_id = world.ids.new()

    async def work(tx: Tx) -> Held | NotNow:
        state, switches = await read_job(tx, job.name)
        if state is None:
            raise Refused(f"there is no job {job.name!r}", code="job_unknown", param="job")
        stopped = stopped_by(job.name, switches)
        if by_hand:
            _refuse_by_hand(state, stopped)
        if stopped is not None:
            return NotNow(job_run.seconds_to_next(state, tx.now), stopped)
        turn = _turn(state, tx.now, new_id, by_hand)
        if turn is None:
            return NotNow(job_run.seconds_to_next(state, tx.now))
        if turn.run_id is None:
            # Slots that were looked at were not missed.
            turn = replace(turn, slots=max(1, turn.slots - idle_looks))
        return await _begin(tx, job, state, turn, new_id, by, switches)

    return await world.database.transaction(work, name="take_turn")


def _turn(state: JobState, now: datetime, new_id: UUID, by_hand: bool) -> Turn | None:
    if state.run_id == new_id:
        # It was taken by this very call, whose COMMIT went unanswered.
        return Turn(new_id, state.run_slot_at, 1)
    if not by_hand:
        return next_turn(state, now)
    if state.run_id is None:
        return Turn(None, None, 1)
    # A run that rests, or whose process died, is gone on with: who asks for it now need not wait.
    return None if job_run.is_leased(state.lease_until, now) else Turn(state.run_id, state.run_slot_at, 1)


async def _begin(
    tx: Tx, job: JobFacts, state: JobState, turn: Turn, new_id: UUID, by: str, switches: list[Switch]
) -> Held | NotNow:
    run_id, until = turn.run_id or new_id, tx.now + job_run.LEASE
    row = await tx.one(
        JOBS.take_job, job=job.name, run_id=run_id, run_slot_at=turn.slot_at, held_by=state.run_id, fence=state.fence,
        held_until=state.lease_until,
        slot_at=turn.slot_at if turn.run_id is None else None, lease_until=until, now=tx.now,
    )  # fmt: skip
    if row is None:
        return NotNow(job_run.seconds_to_next(state, tx.now))
    context = RunContext(
        run_id, job.name, job.notify, job.most_messages, job.most_rows, row.fence, only_kinds=only_kinds(switches)
    )
    taken_over = turn.run_id is not None
    is_kept = taken_over or by != TIMETABLE or state.every_seconds >= job_run.KEPT_FROM_SECONDS
    held = Held(
        context, state.every_seconds, state.failures_in_a_row, turn.slot_at, turn.slots, by, tx.now, until, is_kept
    )
    if is_kept:
        # Written at once, so that what goes on can be seen, and a slot cannot have a second run.
        known = await tx.one(
            JOBS.start_run, run_id=run_id, job=job.name, slot_at=turn.slot_at, started_by=by, now=tx.now,
            lease_until=until, fence=row.fence, slots=turn.slots, most_rows=job.most_rows,
            most_messages=job.most_messages,
        )  # fmt: skip
        if known is not None:
            _recall(held, known)
    return held


def _recall(held: Held, row: Any) -> None:
    """Go on counting where the run stopped. People are counted from rows; the numbers here are of this part."""
    held.started_at, held.slots = row.started_at, row.slots
    context = held.context
    context.batches, context.taken, context.changed = row.batches, row.taken, row.changed
    context.messages, context.suppressed, context.failures = row.messages, row.suppressed, row.failures
    context.people_before = row.people
    context.report, held.failures_before = dict(row.report), row.failures


def _refuse_by_hand(state: JobState, stopped: Switch | None) -> None:
    if state.is_retired:
        raise Conflict(f"{state.job} is retired", code="job_retired")
    if stopped is not None:
        raise Conflict(
            say_stopped(stopped), code="job_paused", hint=f"`payonce jobs resume {stopped.name}` puts it back."
        )


async def renew_run(world: World, held: Held, *, succeeded: bool = False) -> bool:
    """Prolong the lease, keep the counters, and look at the switches; False: somebody else has the run by now.

    A switch that was pulled is left on the context, which then ends after this batch.
    """
    context = held.context

    async def work(tx: Tx) -> tuple[datetime, list[Switch]] | None:
        until = tx.now + job_run.LEASE
        row = await tx.one(
            JOBS.renew_job, job=context.job, run_id=context.run_id, fence=context.fence, lease_until=until,
            succeeded_at=tx.now if succeeded else None,
        )  # fmt: skip
        if row is None:
            return None
        state, switches = await read_job(tx, context.job)
        if held.is_kept:
            write_run(tx, _row(held, "running", None, until))
        if state is not None and state.is_retired:
            context.stop("it was retired")
        return until, switches

    renewed = await world.database.transaction(work, name="renew_run")
    if renewed is None:
        return False
    held.lease_until, switches = renewed
    context.only_kinds = only_kinds(switches)
    stopped = stopped_by(context.job, switches)
    if stopped is not None:
        context.stopped_by_switch = True
        context.stop(say_stopped(stopped))
    return True


async def end_run(world: World, held: Held, *, error: str = "") -> bool:
    """End the run: done, or failed with an error, or stopped where the context says so; False: it was lost before.

    One that a switch stopped keeps its place, and goes on when the switch is put back. One that failed is tried again
    itself, where its next slot is far away.
    """
    context = held.context
    has_failed = context.failures > held.failures_before
    event = "stopped" if context.stop_because else "failed" if has_failed else "finished"
    state = job_run.MACHINE.target("running", event) or "running"
    found = bool(context.taken or context.failures or context.stop_because)

    async def work(tx: Tx) -> bool:
        query, asked = _end(held, state, found, error, tx.now)
        row = await tx.one(query, **asked)
        if row is None:
            return False
        if found or held.is_kept:
            write_run(tx, _row(held, state, tx.now, None))
        return True

    return await world.database.transaction(work, name="end_run")


async def leave_run(world: World, held: Held) -> None:
    """Let somebody else go on with the run at once: this process stops."""
    context = held.context

    async def work(tx: Tx) -> None:
        row = await tx.one(
            JOBS.suspend_job, now=tx.now, job=context.job, run_id=context.run_id, fence=context.fence
        )  # fmt: skip
        if row is not None:
            write_run(tx, _row(held, "running", None, tx.now))

    await world.database.transaction(work, name="leave_run")


def _end(held: Held, state: str, found: bool, error: str, now: datetime) -> tuple[Query, dict[str, object]]:
    """What becomes of the job's row."""
    context = held.context
    asked: dict[str, object] = {
        "job": context.job, "run_id": context.run_id, "fence": context.fence, "now": now
    }  # fmt: skip
    if context.stopped_by_switch:
        return JOBS.suspend_job, asked
    failures = held.failures_in_a_row + 1 if state == "failed" else 0
    rest_until = now + job_run.rest_after(failures, held.every_seconds) if failures else None
    asked |= {"rest_until": rest_until, "failures_in_a_row": failures, "last_error": error or None}
    # What somebody asked for and saw fail is theirs to ask for again.
    if failures and held.slot_at is not None and job_run.is_tried_again(failures, held.every_seconds):
        return JOBS.rest_job, asked
    succeeded_at = now if state == "done" else None
    return JOBS.leave_job, asked | {"found": found, "succeeded_at": succeeded_at, "idle": 1 + held.idle_looks}


def _row(held: Held, state: str, ended_at: datetime | None, lease_until: datetime | None) -> RunRow:
    context = held.context
    return RunRow(
        context.run_id, context.job, held.slot_at, state, held.started_by, held.started_at, ended_at, lease_until,
        context.fence, held.slots, context.counters(), context.most_rows, context.most_messages,
        context.stop_because or None, context.report,
    )  # fmt: skip
