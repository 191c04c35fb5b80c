"""List findings: what someone or some policy must resolve, and how much of it is open. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain import finding_life
from payonce.domain.finding import KINDS
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

FINDINGS: Final = queries.load("findings")
# Every state, and the word for all that somebody must still resolve.
STATES: Final = (*finding_life.STATES, "unresolved")
SEVERITIES: Final = ("critical", "warning", "notice")


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding, with the money at risk in minor units and until when somebody should have looked."""

    id: UUID
    kind: str
    severity: str
    owner: str
    state: str
    order_id: UUID | None
    money_minor: int
    currency: str | None
    detail: Mapping[str, Any]
    seen: int
    first_seen_at: datetime
    last_seen_at: datetime
    deadline_at: datetime
    resolved_at: datetime | None
    resolved_why: str | None
    provider: str | None
    # What it was seen by: rows as `order:<uuid>`, and names of a provider's objects.
    evidence: Sequence[str]
    # How many things and how many orders it stands for; `seen` is how often it was looked at.
    counted: int
    orders: int
    is_overdue: bool
    # The number, the name and the time of its last change worth telling.
    change: int
    changed_as: str
    changed_at: datetime
    # The resolved finding that this one is the return of.
    earlier_id: UUID | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    ignored_by: str | None
    ignored_why: str | None
    ignored_until: datetime | None
    ignored_until_counted: int | None
    ignored_until_orders: int | None
    resolved_by: str | None


@dataclass(frozen=True, slots=True)
class OpenFindings:
    """How many findings of a kind are open, and the money that they are about (no currency: about none)."""

    kind: str
    severity: str
    currency: str | None
    findings: int
    money_minor: int


async def list_findings(
    world: World,
    merchant_id: str,
    *,
    limit: int = 20,
    state: str | None = None,
    kind: str | None = None,
    severity: str | None = None,
    provider: str | None = None,
    owner: str | None = None,
    order_id: UUID | None = None,
    before: UUID | None = None,
) -> list[FindingView]:
    """Findings, the newest first, behind the id `before`. Raises Refused `finding_state_unknown`,
    `finding_kind_unknown`, `finding_severity_unknown`: a filter that matches nothing by mistake would look like peace.
    """
    for what, value, known in (("state", state, STATES), ("kind", kind, [*KINDS]), ("severity", severity, SEVERITIES)):
        if value is not None and value not in known:
            raise Refused(f"there are only {', '.join(known)}", code=f"finding_{what}_unknown", param=what)

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(
            FINDINGS.page_of_findings, merchant_id=merchant_id, limit=limit, state=state, kind=kind, severity=severity,
            provider=provider, owner=owner, order_id=order_id, before=before,
        )  # fmt: skip

    rows = await world.database.transaction(work, name="list_findings", read_only=True)
    return [FindingView(*row) for row in rows]


async def count_open_findings(world: World, merchant_id: str) -> list[OpenFindings]:
    """What is open now, for metrics and the overview."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(FINDINGS.count_open_findings, merchant_id=merchant_id)

    rows = await world.database.transaction(work, name="count_open_findings", read_only=True)
    return [OpenFindings(*row) for row in rows]
