"""What is counted, for Prometheus at `/metrics`, in a registry of its own so that it fits into any application.

Counts come from the answers of use cases; what only the database knows is read when somebody asks. A label's values are
words of ours or types that a provider signed, so that a stranger cannot make them grow.
"""

from __future__ import annotations

import math
from collections import Counter as Counted
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from payonce.api.load import TooMuch
from payonce.usecases.answers import Received
from payonce.usecases.list_alerts import Messages
from payonce.usecases.list_effects import Unfinished
from payonce.usecases.list_findings import OpenFindings
from payonce.usecases.list_jobs import JobView
from payonce.usecases.read_reconciliation import OpenDifference

# Providers have a few hundred types; beyond that they are counted together.
MOST_TYPES: Final = 300
# From a lone event on a fast disk to the statement's own time-out.
_APPLY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
# From at once to the three days for which providers try.
_LAG_BUCKETS: Final = (0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600)


class Metrics:
    """The counters of one process. Whoever delivers effects reports them here as well."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received = self._counter(
            "events_received", "Webhooks by what became of them", "provider", "type", "outcome"
        )
        self._checkouts = self._counter("checkout", "Answers to people who want to pay", "outcome")
        self._previews = self._counter("previews", "Payment links opened by nobody who wants to pay", "why")
        self._absorbed = self._counter("duplicates_absorbed", "Repetitions that changed nothing", "kind")
        self._statuses = self._counter("status_reads", "Status answers", "outcome")
        self._effects = self._counter("effects", "Tries at effects", "effect", "outcome")
        self._apply = self._histogram(
            "event_apply_seconds", "How long a group of webhooks takes to be stored and settled", _APPLY_BUCKETS
        )
        self._lag = self._histogram(
            "event_lag_seconds", "From a provider's making of an event to our applying it", _LAG_BUCKETS
        )
        self._last_webhook = self._gauge(
            "provider_last_webhook_timestamp", "When a genuine webhook last came", "provider"
        )
        self._oldest_event = self._gauge("event_oldest_pending_seconds", "Age of the oldest event that is not applied")
        self._oldest_effect = self._gauge("effect_oldest_pending_seconds", "Age of the oldest effect that is owed")
        self._unfinished = self._gauge("effects_unfinished", "Effects that are owed and not done", "effect", "state")
        self._findings = self._gauge("findings_open", "Findings that wait for somebody", "kind", "severity")
        self._at_risk = self._gauge("money_at_risk_minor", "Money that open findings are about", "currency")
        self._differs = self._gauge(
            "reconcile_diff_minor", "By how much providers' records and ours differ", "provider", "currency"
        )
        self._alerts = self._counter("alerts", "Messages about findings by what became of them", "route", "outcome")
        self._alerts_open = self._gauge(
            "alerts_unfinished", "Messages of the last day that are not known to have arrived", "route", "state"
        )
        self._beats = self._counter("heartbeats", "Calls of the dead man's switch", "outcome")
        self._last_beat = self._gauge("heartbeat_last_timestamp", "When the dead man's switch was last called")
        self._is_whole = self._gauge("heartbeat_healthy", "1 while nothing keeps the heartbeat back, NaN without one")
        # Nobody has looked yet, which is no alarm.
        self._is_whole.set(math.nan)
        self._job_rows = self._counter("job_rows", "Rows that jobs took up in this process", "job")
        self._job_messages = self._counter("job_messages", "Messages that jobs sent in this process", "job")
        self._job_paused = self._gauge("job_paused", "1 while a switch keeps the job from running", "job")
        self._job_success = self._gauge("job_last_success_timestamp", "When a run of the job last went well", "job")
        self._job_idle = self._gauge("job_idle_runs", "Runs in a row that found nothing to do", "job")
        self._shed = self._counter("shed", "What was told to come back because too much was under way", "what")
        # From zero on: a series that began with the first one would show no increase by it.
        for what in get_args(TooMuch):
            self._shed.labels(what)
        self._dropped = self._gauge("evidence_dropped", "Rows of evidence that could not be kept")
        self._types: set[str] = set()

    def received(self, many: Sequence[Received], now: datetime) -> None:
        """Count webhooks that were taken in together."""
        for (provider, kind, verdict, outcome), number in Counted(map(_kind_of, many)).items():
            genuine = verdict in ("accepted", "duplicate")
            said = outcome if verdict == "accepted" else verdict
            self._received.labels(provider, self._type(kind) if genuine else "", said).inc(number)
            if genuine:
                self._last_webhook.labels(provider).set(now.timestamp())
            if verdict == "duplicate":
                self._absorbed.labels("webhook").inc(number)
        for each in many:
            if each.lag_seconds is not None and each.verdict == "accepted" and each.outcome == "applied":
                self._lag.observe(max(each.lag_seconds, 0.0))

    def applied(self, seconds: float) -> None:
        """Count one group of webhooks."""
        self._apply.observe(seconds)

    def checkout(self, outcome: str) -> None:
        """Count one answer: new, reused, replaced, blocked_paid, in_progress, gone, silent, refused, failed."""
        self._checkouts.labels(outcome).inc()
        if outcome == "reused":
            self.absorbed("checkout")

    def preview(self, why: str) -> None:
        """Count a payment link that was opened by nobody who wants to pay."""
        self._previews.labels(why).inc()

    def absorbed(self, kind: str) -> None:
        """Count a repetition that changed nothing: webhook, checkout, order, request."""
        self._absorbed.labels(kind).inc()

    def status(self, outcome: str) -> None:
        """Count a status answer: fresh, cached, unchanged, limited."""
        self._statuses.labels(outcome).inc()

    def shed(self, what: TooMuch) -> None:
        """Count one that was told to come back."""
        self._shed.labels(what).inc()

    def effect(self, kind: str, outcome: str) -> None:
        """Count one try at an effect; called by whoever delivers them."""
        self._effects.labels(kind, outcome).inc()

    def alert(self, route: str, outcome: str) -> None:
        """Count one message to a route; called by whoever sends them."""
        self._alerts.labels(route, outcome.partition(":")[0]).inc()

    def heartbeat(self, outcome: str, at: datetime) -> None:
        """Count one beat: sent, failed, or withheld because something is wrong."""
        self._beats.labels(outcome).inc()
        self._is_whole.set(outcome != "withheld")
        if outcome == "sent":
            self._last_beat.set(at.timestamp())

    def set_oldest_event(self, received_at: Iterable[datetime], now: datetime) -> None:
        """Set how long the oldest event waits that is not applied yet."""
        self._oldest_event.set(max([0.0, *((now - at).total_seconds() for at in received_at)]))

    def set_alerts(self, unfinished: Iterable[Messages]) -> None:
        """Set what only the database knows of alerts."""
        self._alerts_open.clear()
        for each in unfinished:
            self._alerts_open.labels(each.route, each.state).inc(each.messages)

    def set_differences(self, differences: Iterable[OpenDifference]) -> None:
        """Set what reconciliation left open."""
        self._differs.clear()
        for each in differences:
            self._differs.labels(each.provider, each.currency).inc(each.diff_minor)

    def batch(self, job: str, taken: int, messages: int) -> None:
        """Count what one batch of a job did."""
        self._job_rows.labels(job).inc(taken)
        self._job_messages.labels(job).inc(messages)

    def set_jobs(self, jobs: Iterable[JobView]) -> None:
        """Set how the jobs of the installation stand, whichever process runs them."""
        for gauge in (self._job_paused, self._job_success, self._job_idle):
            gauge.clear()
        for job in jobs:
            if job.state == "retired":
                continue
            self._job_paused.labels(job.name).set(job.switch is not None)
            self._job_idle.labels(job.name).set(job.idle_runs)
            if job.last_success_at is not None:
                self._job_success.labels(job.name).set(job.last_success_at.timestamp())

    def set_state(
        self, unfinished: Iterable[Unfinished], findings: Iterable[OpenFindings], dropped: int, now: datetime
    ) -> None:  # fmt: skip
        """Set what only the database knows."""
        for gauge in (self._unfinished, self._findings, self._at_risk):
            gauge.clear()
        ages = [0.0]
        for each in unfinished:
            self._unfinished.labels(each.kind, each.state).inc(each.effects)
            if each.state in ("pending", "failed"):
                ages.append((now - each.oldest_owed_at).total_seconds())
        self._oldest_effect.set(max(ages))
        for found in findings:
            self._findings.labels(found.kind, found.severity).inc(found.findings)
            if found.currency:
                self._at_risk.labels(found.currency).inc(found.money_minor)
        self._dropped.set(dropped)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"payonce_{name}", says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"payonce_{name}", says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"payonce_{name}", says, buckets=buckets, registry=self.registry)

    def _type(self, name: str) -> str:
        if name not in self._types:
            if len(self._types) >= MOST_TYPES:
                return "other"
            self._types.add(name)
        return name


def _kind_of(received: Received) -> tuple[str, str, str, str]:
    """All of a webhook that it is counted by."""
    return received.provider, received.type, received.verdict, received.outcome
