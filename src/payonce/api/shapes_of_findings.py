"""Findings as JSON, the same for the API, the command line and the console."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from payonce.api.shapes import shown
from payonce.api.times import when
from payonce.base import ids
from payonce.domain.finding import KINDS, Kind
from payonce.usecases.list_findings import FindingView

# Evidence names rows by what they are; people and addresses know them by these ids.
_PREFIXES: Final = {
    "order": ids.ORDER, "attempt": ids.ATTEMPT, "effect": ids.EFFECT, "event": ids.EVENT, "refund": ids.REFUND,
    "entry": ids.ENTRY, "payout": ids.PAYOUT,
}  # fmt: skip


def finding_json(finding: FindingView) -> dict[str, Any]:
    """A finding with what it means, its money, its evidence, who should look until when, and what to do."""
    kind = KINDS[finding.kind]
    return {
        "id": ids.show(ids.FINDING, finding.id),
        "object": "finding",
        "kind": finding.kind,
        "means": kind.means,
        "next_step": kind.next_step,
        "severity": finding.severity,
        "owner": finding.owner,
        "state": finding.state,
        "provider": finding.provider,
        "order_id": shown(ids.ORDER, finding.order_id),
        "money_minor": finding.money_minor,
        "currency": finding.currency,
        "counted": finding.counted,
        "orders": finding.orders,
        "detail": dict(finding.detail),
        "evidence": evidence_json(finding.evidence),
        "seen": finding.seen,
        "first_seen_at": when(finding.first_seen_at),
        "last_seen_at": when(finding.last_seen_at),
        "deadline_at": when(finding.deadline_at),
        "is_overdue": finding.is_overdue,
        "change": finding.change,
        "changed_as": finding.changed_as,
        "changed_at": when(finding.changed_at),
        "earlier_id": shown(ids.FINDING, finding.earlier_id),
        "acknowledged_by": finding.acknowledged_by,
        "acknowledged_at": when(finding.acknowledged_at),
        "ignored": _ignored(finding),
        "resolved_at": when(finding.resolved_at),
        "resolved_by": finding.resolved_by,
        "resolved_why": finding.resolved_why,
    }


def evidence_json(evidence: Iterable[str]) -> list[dict[str, Any]]:
    """What a finding was seen by: our rows by their ids, with a link where one leads there, and a provider's names."""
    return [_seen_by(each) for each in evidence]


def kind_json(kind: Kind) -> dict[str, Any]:
    """A kind of finding: what it means, how sure that is, and what to do."""
    return {
        "object": "finding_kind",
        "kind": kind.name,
        "severity": kind.severity,
        "owner": kind.owner,
        "deadline_hours": int(kind.deadline.total_seconds() // 3600),
        "means": kind.means,
        "how_sure": kind.how_sure,
        "next_step": kind.next_step,
    }


def _seen_by(each: str) -> dict[str, Any]:
    what, _, name = each.partition(":")
    try:
        shown_id = ids.show(_PREFIXES[what], UUID(name))
    except (KeyError, ValueError):
        return {"type": what, "id": name or each, "link": None}
    return {"type": what, "id": shown_id, "link": f"/v1/orders/{shown_id}" if what == "order" else None}


def _ignored(finding: FindingView) -> dict[str, Any] | None:
    """Who lets it rest, why, and until when; None where nobody does now."""
    if finding.state != "ignored":
        return None
    return {
        "by": finding.ignored_by,
        "why": finding.ignored_why,
        "until": when(finding.ignored_until),
        "until_counted": finding.ignored_until_counted,
        "until_orders": finding.ignored_until_orders,
    }
