"""What the API answers about findings, as it is described in OpenAPI."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from payonce.api.v1.described_base import Described


class SeenBy(Described):
    """What a finding was seen by: one of our rows, or an object of a provider by its name there."""

    type: str
    id: str
    link: str | None


class Ignored(Described):
    """Who lets a finding rest, why, and its ends: the first that comes wakes it."""

    by: str
    why: str
    until: str | None
    until_counted: int | None
    until_orders: int | None


class Finding(Described):
    """A difference that somebody must resolve, with the money at risk and until when.

    `counted` and `orders` are how many things and orders it stands for. `change` rises by one with every change worth
    telling, which `changed_as` names. `regressed`: found again after `earlier_id` was resolved.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": "fnd_01kb8tqv3wfx0a6n2m5s9c7d4e",
                    "object": "finding",
                    "kind": "second_charge",
                    "means": "a paid order was paid again; the money serves nothing",
                    "next_step": "send it back: `payonce refunds ask ORDER --of surplus`",
                    "severity": "critical",
                    "owner": "finance",
                    "state": "open",
                    "provider": "stripe",
                    "order_id": "ord_01kb8tpz5re1v3x7y9a2b4c6d8",
                    "money_minor": 4500,
                    "currency": "USD",
                    "counted": 1,
                    "orders": 1,
                    "detail": {"refund": "due"},
                    "evidence": [
                        {
                            "type": "order",
                            "id": "ord_01kb8tpz5re1v3x7y9a2b4c6d8",
                            "link": "/v1/orders/ord_01kb8tpz5re1v3x7y9a2b4c6d8",
                        }
                    ],
                    "seen": 1,
                    "first_seen_at": "2026-11-20T18:21:04Z",
                    "last_seen_at": "2026-11-20T18:21:04Z",
                    "deadline_at": "2026-11-23T18:21:04Z",
                    "is_overdue": False,
                    "change": 1,
                    "changed_as": "opened",
                    "changed_at": "2026-11-20T18:21:04Z",
                    "earlier_id": None,
                    "acknowledged_by": None,
                    "acknowledged_at": None,
                    "ignored": None,
                    "resolved_at": None,
                    "resolved_by": None,
                    "resolved_why": None,
                }
            ]
        },
    )

    id: str
    object: Literal["finding"]
    kind: str
    means: str
    next_step: str
    severity: Literal["critical", "warning", "notice"]
    owner: str
    state: Literal["open", "acknowledged", "ignored", "regressed", "resolved"]
    provider: str | None
    order_id: str | None
    money_minor: int
    currency: str | None
    counted: int
    orders: int
    detail: dict[str, Any]
    evidence: list[SeenBy]
    seen: int
    first_seen_at: str
    last_seen_at: str
    deadline_at: str
    is_overdue: bool
    change: int
    changed_as: Literal["opened", "regressed", "woken", "grown", "overdue", "resolved"]
    changed_at: str
    earlier_id: str | None
    acknowledged_by: str | None
    acknowledged_at: str | None
    ignored: Ignored | None
    resolved_at: str | None
    resolved_by: str | None
    resolved_why: str | None


class FindingPage(Described):
    """One page of findings, the newest first."""

    object: Literal["list"]
    data: list[Finding]
    has_more: bool


class FindingKind(Described):
    """A kind of finding: what it means, how sure that is, who should look within how long, and what to do."""

    object: Literal["finding_kind"]
    kind: str
    severity: Literal["critical", "warning", "notice"]
    owner: str
    deadline_hours: int
    means: str
    how_sure: str
    next_step: str


class FindingKinds(Described):
    """Every kind of finding."""

    object: Literal["list"]
    data: list[FindingKind]
    has_more: Literal[False]
