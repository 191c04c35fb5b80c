"""Show one finding. Changes nothing."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.list_findings import FindingView
from payonce.usecases.world import World

FINDINGS: Final = queries.load("findings")


async def show_finding(world: World, merchant_id: str, finding_id: UUID) -> FindingView:
    """The finding. Raises Refused `finding_unknown` (404)."""

    async def work(tx: Tx) -> Row | None:
        return await tx.one(FINDINGS.show_finding, merchant_id=merchant_id, finding_id=finding_id)

    row = await world.database.transaction(work, name="show_finding", read_only=True)
    if row is None:
        raise Refused("there is no such finding", code="finding_unknown", status=404)
    return FindingView(*row)
