"""List refunds: what goes back to payers, and how far it is. Changes nothing."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.refund import STATES
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.answers import RefundView
from payonce.usecases.world import World

REFUNDS: Final = queries.load("refunds")


async def list_refunds(
    world: World,
    merchant_id: str,
    *,
    limit: int = 20,
    state: str | None = None,
    order_id: UUID | None = None,
    before: UUID | None = None,
) -> list[RefundView]:
    """Refunds, the newest first, behind the id `before`. Raises Refused `refund_state_unknown`."""
    if state is not None and state not in STATES:
        known = ", ".join(STATES)
        raise Refused(f"there are only {known}", code="refund_state_unknown", param="state")

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(
            REFUNDS.page_of_refunds, merchant_id=merchant_id, limit=limit, state=state, order_id=order_id,
            before=before,
        )  # fmt: skip

    rows = await world.database.transaction(work, name="list_refunds", read_only=True)
    return [RefundView(*row) for row in rows]


async def read_refunds(world: World, merchant_id: str, refund_ids: list[UUID]) -> list[RefundView]:
    """These refunds as they stand, the oldest first."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(REFUNDS.refunds_by_id, merchant_id=merchant_id, refund_ids=refund_ids)

    rows = await world.database.transaction(work, name="read_refunds", read_only=True)
    return [RefundView(*row) for row in rows]


async def read_refund(world: World, merchant_id: str, refund_id: UUID) -> RefundView:
    """The refund as it stands. Raises Refused `refund_unknown` (404)."""
    found = await read_refunds(world, merchant_id, [refund_id])
    if not found:
        raise Refused("there is no such refund", code="refund_unknown", status=404)
    return found[0]
