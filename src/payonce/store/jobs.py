"""Jobs, runs and switches: reading what a turn depends on, and writing how far a run is. See `jobs.sql`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from payonce.domain.job_run import JobState
from payonce.domain.switch import ALL, MESSAGES, Switch
from payonce.store import queries
from payonce.store.database import Tx

JOBS: Final = queries.load("jobs")
SWITCHES: Final = queries.load("switches")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as its row is to be. `ended_at` and `state` belong together."""

    run_id: UUID
    job: str
    slot_at: datetime | None
    state: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    lease_until: datetime | None
    fence: int
    slots: int
    counters: Mapping[str, int]
    most_rows: int | None = None
    most_messages: int | None = None
    stopped_why: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)


async def read_job(tx: Tx, job: str) -> tuple[JobState | None, list[Switch]]:
    """The job's row and the switches that concern it, in one round trip."""
    found, switches = await tx.all(
        (JOBS.job_state, {"job": job}), (SWITCHES.read_switches, {"names": [job, ALL, MESSAGES]})
    )
    return (JobState(*found[0]) if found else None), [_switch(row) for row in switches]


async def read_switches(tx: Tx, names: list[str] | None = None) -> list[Switch]:
    """Switches that were ever pulled, by name."""
    return [_switch(row) for row in await tx.rows(SWITCHES.read_switches, names=names)]


def write_run(tx: Tx, row: RunRow) -> None:
    """Write the run's row, with the COMMIT."""
    tx.later(
        JOBS.write_run, run_id=row.run_id, job=row.job, slot_at=row.slot_at, state=row.state,
        started_by=row.started_by, started_at=row.started_at, ended_at=row.ended_at, lease_until=row.lease_until,
        fence=row.fence, slots=row.slots, most_rows=row.most_rows, most_messages=row.most_messages,
        stopped_why=row.stopped_why, report=json.dumps(row.report), **row.counters,
    )  # fmt: skip


def _switch(row: Any) -> Switch:
    return Switch(row.name, row.is_off, tuple(row.allow), row.reason, row.actor, row.at)
