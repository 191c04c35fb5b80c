"""Jobs, runs and switches as JSON, for the API and the command line alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from payonce.api.times import when
from payonce.base.ids import RUN, show
from payonce.domain.switch import Switch
from payonce.usecases.count_run import RunCount
from payonce.usecases.list_jobs import Change, JobView, RunView


def job_json(job: JobView) -> dict[str, Any]:
    """A job as it stands."""
    return {
        "name": job.name,
        "object": "job",
        "why": job.why,
        "kind": "worker" if job.is_worker else "scheduled",
        "notify": job.notify,
        "state": job.state,
        "every_seconds": job.every_seconds,
        "timetable_seconds": job.timetable_seconds,
        "most_rows": job.most_rows,
        "most_messages": job.most_messages,
        "paused_by": switch_json(job.switch) if job.switch else None,
        "run": show(RUN, job.run_id) if job.run_id else None,
        "last_run_at": when(job.last_run_at),
        "last_success_at": when(job.last_success_at),
        "last_error": job.last_error,
        "failures_in_a_row": job.failures_in_a_row,
        "idle_runs": job.idle_runs,
        "idle_since": when(job.idle_since),
        "next_at": when(job.next_at),
    }


def run_json(run: RunView) -> dict[str, Any]:
    """What a run did and how it ended."""
    return {
        "id": show(RUN, run.id),
        "object": "job_run",
        "job": run.job,
        "state": run.state,
        "started_by": run.started_by,
        "slot_at": when(run.slot_at),
        "slots": run.slots,
        "started_at": when(run.started_at),
        "ended_at": when(run.ended_at),
        "batches": run.batches,
        "taken": run.taken,
        "changed": run.changed,
        "messages": run.messages,
        "people": run.people,
        "suppressed": run.suppressed,
        "failures": run.failures,
        "most_rows": run.most_rows,
        "most_messages": run.most_messages,
        "stopped_why": run.stopped_why,
        "report": dict(run.report),
    }


def told_json(counted: RunCount) -> dict[str, Any]:
    """What a run let be told, by its rows as they are now, and the moves that it made."""
    return {
        "orders": counted.touched,
        "messages": counted.messages,
        "people": counted.people,
        "suppressed": counted.suppressed,
        "kinds": [
            {
                "merchant": row.merchant_id, "kind": row.kind, "nature": row.nature, "state": row.state,
                "reason": row.reason, "count": row.effects, "people": row.people,
            }
            for row in counted.told
        ],
        "moves": [
            {
                "merchant": row.merchant_id, "subject": row.subject, "event": row.event, "target": row.target,
                "count": row.subjects,
            }
            for row in counted.moved
        ],
    }  # fmt: skip


def switch_json(switch: Switch) -> dict[str, Any]:
    """A switch as it stands, and who left it so."""
    return {
        "name": switch.name,
        "object": "switch",
        "off": switch.is_off,
        "allow": list(switch.allow),
        "reason": switch.reason,
        "by": switch.actor,
        "at": when(switch.at),
    }


def change_json(change: Change) -> dict[str, Any]:
    """Who switched what, when and why."""
    return {
        "name": change.name,
        "act": change.act,
        "detail": change.detail,
        "reason": change.reason,
        "by": change.actor,
        "at": when(change.at),
    }


def shown_json(job: JobView, changes: Sequence[Change]) -> dict[str, Any]:
    """A job with who changed what of it, the newest first."""
    return job_json(job) | {"changes": [change_json(each) for each in changes]}
