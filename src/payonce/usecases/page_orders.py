"""Page through orders, the newest first, in both directions. Changes nothing."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.answers import OrderView
from payonce.usecases.read_order import list_orders, read_orders
from payonce.usecases.world import World

API: Final = queries.load("api")


async def page_orders(
    world: World,
    merchant_id: str,
    *,
    limit: int,
    state: str | None = None,
    payer_reference: str | None = None,
    before: UUID | None = None,
    after: UUID | None = None,
) -> tuple[list[OrderView], bool]:
    """The page behind `before` or just ahead of `after`, and whether there are more in that direction."""
    if after is None:
        found = await list_orders(
            world, merchant_id, limit=limit + 1, state=state, payer_reference=payer_reference, before=before
        )
        return found[:limit], len(found) > limit

    async def work(tx: Tx) -> list[UUID]:
        rows = await tx.rows(
            API.newer_orders, merchant_id=merchant_id, limit=limit + 1, state=state, payer_reference=payer_reference,
            after=after,
        )  # fmt: skip
        return [row.order_id for row in rows]

    nearest = await world.database.transaction(work, name="newer_orders", read_only=True)
    views = await read_orders(world, merchant_id, nearest[:limit])
    page = [views[order_id] for order_id in reversed(nearest[:limit]) if order_id in views]
    return page, len(nearest) > limit
