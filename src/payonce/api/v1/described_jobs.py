"""What the API answers about jobs, runs and switches, as it is described in OpenAPI."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from payonce.api.v1.described_base import Described


class Switch(Described):
    """A switch: of a job, of `all` background work, or of `messages` to customers, but of the kinds in `allow`."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "name": "close",
                    "object": "switch",
                    "off": True,
                    "allow": [],
                    "reason": "oversell, INC-4",
                    "by": "linh",
                    "at": "2026-11-20T17:02:00.000Z",
                }
            ]
        },
    )

    name: str
    object: Literal["switch"]
    off: bool
    allow: list[str]
    reason: str
    by: str
    at: str


class SwitchList(Described):
    """Every switch that was ever pulled, by name. What is not among them is on."""

    object: Literal["list"]
    data: list[Switch]
    has_more: Literal[False]


class Job(Described):
    """A job. A scheduled one runs once for each slot, whatever the number of processes; a worker works in all of them.

    `idle_runs` in a row since `idle_since` found nothing to do. `paused_by` is the switch that stops it: its own, or
    `all`.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "name": "close",
                    "object": "job",
                    "why": "open orders that nobody pays are closed after their time (C11)",
                    "kind": "scheduled",
                    "notify": "send",
                    "state": "waiting",
                    "every_seconds": 3600.0,
                    "timetable_seconds": 3600.0,
                    "most_rows": None,
                    "most_messages": None,
                    "paused_by": None,
                    "run": None,
                    "last_run_at": "2026-11-20T18:00:41.000Z",
                    "last_success_at": "2026-11-20T18:00:43.000Z",
                    "last_error": None,
                    "failures_in_a_row": 0,
                    "idle_runs": 0,
                    "idle_since": None,
                    "next_at": "2026-11-20T19:00:40.000Z",
                }
            ]
        },
    )

    name: str
    object: Literal["job"]
    why: str
    kind: Literal["scheduled", "worker"]
    notify: Literal["never", "preview", "send"]
    state: Literal["running", "waiting", "paused", "retired"]
    every_seconds: float
    timetable_seconds: float
    most_rows: int | None
    most_messages: int | None
    paused_by: Switch | None
    run: str | None
    last_run_at: str | None
    last_success_at: str | None
    last_error: str | None
    failures_in_a_row: int
    idle_runs: int
    idle_since: str | None
    next_at: str | None


class JobList(Described):
    """Every job, by name."""

    object: Literal["list"]
    data: list[Job]
    has_more: Literal[False]


class SwitchChange(Described):
    """Who switched what, when and why."""

    name: str
    act: Literal["pause", "resume", "every", "retire", "revive"]
    detail: str
    reason: str
    by: str
    at: str


class ShownJob(Job):
    """A job with who changed what of it, the newest first."""

    changes: list[SwitchChange]


class Run(Described):
    """A run: what it took up and changed, how many messages it sent to how many people, and how it ended.

    `slots`: for how many slots it stands, more than one after a time in which nothing ran. Without `slot_at` somebody
    asked for it, or it is the life of one worker.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": "run_01kah3x9fre80b2tvp4n5c7wq2",
                    "object": "job_run",
                    "job": "close",
                    "state": "stopped",
                    "started_by": "timetable",
                    "slot_at": "2026-11-20T18:00:40.000Z",
                    "slots": 1,
                    "started_at": "2026-11-20T18:00:41.000Z",
                    "ended_at": "2026-11-20T18:00:43.000Z",
                    "batches": 3,
                    "taken": 600,
                    "changed": 581,
                    "messages": 0,
                    "people": 0,
                    "suppressed": 0,
                    "failures": 0,
                    "most_rows": None,
                    "most_messages": None,
                    "stopped_why": "linh paused close: oversell, INC-4",
                    "report": {},
                }
            ]
        },
    )

    id: str
    object: Literal["job_run"]
    job: str
    state: Literal["running", "done", "failed", "stopped", "lost"]
    started_by: str
    slot_at: str | None
    slots: int
    started_at: str
    ended_at: str | None
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
    report: dict[str, Any]


class RunPage(Described):
    """One page of runs, the newest first."""

    object: Literal["list"]
    data: list[Run]
    has_more: bool
