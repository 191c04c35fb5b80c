"""What `/metrics` really exposes: every family with its labels, from numbers of every sort, read as Prometheus does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from payonce.api.metrics import Metrics
from payonce.usecases.answers import Received
from payonce.usecases.list_alerts import Messages
from payonce.usecases.list_effects import Unfinished
from payonce.usecases.list_findings import OpenFindings
from payonce.usecases.list_jobs import JobView
from payonce.usecases.read_reconciliation import OpenDifference

NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)


def exposed() -> Mapping[str, frozenset[str]]:
    """Name of each time series -> the names of its labels."""
    metrics = Metrics()
    metrics.received([Received("accepted", "stripe", "a.b", "applied", "", lag_seconds=1.0)], NOW)
    metrics.applied(0.1)
    metrics.checkout("reused")
    metrics.preview("bot")
    metrics.status("fresh")
    metrics.shed("requests")
    metrics.effect("invite", "accepted")
    metrics.alert("ops", "sent")
    metrics.heartbeat("sent", NOW)
    metrics.batch("deliver", 1, 1)
    metrics.set_state(
        [Unfinished("invite", "pending", 1, NOW)], [OpenFindings("second_charge", "critical", "USD", 1, 4500)], 0, NOW
    )
    metrics.set_alerts([Messages("ops", "unknown", 1)])
    metrics.set_differences([OpenDifference("stripe", "USD", 4500)])
    metrics.set_oldest_event([NOW], NOW)
    metrics.set_jobs([_job()])
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def _job() -> JobView:
    values: dict[str, Any] = dict.fromkeys(JobView.__dataclass_fields__)
    return JobView(**values | {"name": "deliver", "state": "waiting", "idle_runs": 0, "last_success_at": NOW})
