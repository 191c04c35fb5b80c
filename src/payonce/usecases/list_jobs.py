"""Show jobs with their switches, their runs, and who switched what. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain import job_run
from payonce.domain.switch import Switch, stopped_by
from payonce.store.database import Tx
from payonce.store.jobs import JOBS, SWITCHES, read_switches
from payonce.usecases.world import World

# A page that people read and programs hold at once.
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it stands. `state`: running, waiting, paused, or retired.

    `idle_runs` since `idle_since` found nothing to do (A15). `switch` is what stops it: its own, or `all`. Of a worker,
    which runs in every process at once, there is no next time.
    """

    name: str
    why: str
    is_worker: bool
    notify: str
    every_seconds: float
    timetable_seconds: float
    state: Literal["running", "waiting", "paused", "retired"]
    switch: Switch | None
    most_rows: int | None
    most_messages: int | None
    run_id: UUID | None
    failures_in_a_row: int
    idle_runs: int
    idle_since: datetime | None
    last_run_at: datetime | None
    last_success_at: datetime | None
    last_error: str | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run: what it took up and changed, what it told whom, and how it ended. `slots`: how many it stood for."""

    id: UUID
    job: str
    slot_at: datetime | None
    state: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    lease_until: datetime | None
    fence: int
    slots: int
    batches: int
    taken: int
    changed: int
    messages: int
    people: int
    suppressed: int
    failures: int
    most_rows: int | None
    most_messages: int | None
    stopped_why: str | None
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """Who switched what, when and why. `act`: pause, resume, every, retire, revive."""

    id: UUID
    name: str
    act: str
    detail: str
    reason: str
    actor: str
    at: datetime


async def list_jobs(world: World) -> list[JobView]:
    """Every job, by name."""
    return await _jobs(world, None)


async def show_job(world: World, job: str) -> JobView:
    """One job. Raises Refused `job_unknown` (404)."""
    found = await _jobs(world, job)
    if not found:
        raise Refused(f"there is no job {job!r:.60}", code="job_unknown", param="job", status=404)
    return found[0]


async def list_runs(
    world: World, job: str | None = None, *, limit: int = 20, before: UUID | None = None
) -> list[RunView]:
    """Runs of a job, or of all, the newest first; `before` is the last id of the page before."""
    return await _runs(world, job, None, limit, before)


async def show_run(world: World, run_id: UUID) -> RunView:
    """One run. Raises Refused `run_unknown` (404)."""
    found = await _runs(world, None, run_id, 1, None)
    if not found:
        raise Refused("there is no such run", code="run_unknown", param="run", status=404)
    return found[0]


async def list_switches(world: World) -> list[Switch]:
    """Every switch that was ever pulled, by name; what is not among them is on."""

    async def work(tx: Tx) -> list[Switch]:
        return await read_switches(tx)

    return await world.database.transaction(work, name="list_switches", read_only=True)


async def list_changes(world: World, name: str | None = None, *, limit: int = 20) -> list[Change]:
    """Who switched what, the newest first."""

    async def work(tx: Tx) -> list[Change]:
        rows = await tx.rows(SWITCHES.list_changes, name=name, limit=min(limit, MOST_ROWS))
        return [Change(*row) for row in rows]

    return await world.database.transaction(work, name="list_changes", read_only=True)


async def _jobs(world: World, job: str | None) -> list[JobView]:
    async def work(tx: Tx) -> list[JobView]:
        rows, switches = await tx.rows(JOBS.list_jobs, job=job), await read_switches(tx)
        return [_job(row, switches, tx.now) for row in rows]

    return await world.database.transaction(work, name="list_jobs", read_only=True)


async def _runs(world: World, job: str | None, run_id: UUID | None, limit: int, before: UUID | None) -> list[RunView]:
    async def work(tx: Tx) -> list[RunView]:
        rows = await tx.rows(JOBS.list_runs, job=job, run_id=run_id, before=before, limit=min(limit, MOST_ROWS))
        return [RunView(*row) for row in rows]

    return await world.database.transaction(work, name="list_runs", read_only=True)


def _job(row: Any, switches: Sequence[Switch], now: datetime) -> JobView:
    switch = stopped_by(row.job, switches)
    running = job_run.is_leased(row.lease_until, now)
    state: Literal["running", "waiting", "paused", "retired"] = (
        "running" if running else "retired" if row.is_retired else "paused" if switch else "waiting"
    )
    next_at = None
    if state == "waiting" and not row.is_worker:
        slot = job_run.slot_of(now, row.every_seconds, row.job)
        is_due = row.slot_at is None or row.slot_at < slot
        next_at = slot if is_due else slot + timedelta(seconds=row.every_seconds)
    return JobView(
        row.job, row.why, row.is_worker, row.notify, row.every_seconds, row.timetable_seconds, state, switch,
        row.most_rows, row.most_messages, row.run_id, row.failures_in_a_row, row.idle_runs, row.idle_since,
        row.last_run_at, row.last_success_at, row.last_error, next_at,
    )  # fmt: skip
