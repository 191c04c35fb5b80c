"""Say how many pieces of an item there are, and see how they stand. Orders move pieces; their sum changes only here.

A number that is said again changes nothing. What orders hold or bought stays theirs: fewer than that is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from payonce.base.errors import Conflict, Refused
from payonce.domain.reservation import StockItem
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.items import checked_sku
from payonce.usecases.world import World

STOCK: Final = queries.load("stock")
BOOKS: Final = queries.load("books")
# Far above any warehouse, and far below where sums of it stop being exact anywhere.
MOST_ON_HAND: Final = 1_000_000_000
LONGEST_REASON: Final = 500
MOST_ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class StockView:
    """An item: all its pieces; of those free, held for open orders, sold to paid ones; and when the sum was said."""

    sku: str
    on_hand: int
    free: int
    held: int
    sold: int
    changed_at: datetime


async def set_stock(world: World, merchant_id: str, sku: str, on_hand: int, *, by: str, reason: str = "") -> StockView:
    """The item with that many pieces, free, held and sold ones together; it is begun where it is new.

    Raises Refused `sku_invalid`, `on_hand_invalid`, `text_invalid`; Conflict `stock_in_use` for fewer than orders have.
    """
    checked_sku(sku)
    if type(on_hand) is not int or not 0 <= on_hand <= MOST_ON_HAND:
        said = f"on_hand is a whole number from 0 to {MOST_ON_HAND:,}"
        raise Refused(said, code="on_hand_invalid", param="on_hand")
    if len(reason) > LONGEST_REASON or (reason and not reason.isprintable()):
        raise Refused("the reason is too long or not printable", code="text_invalid", param="reason")
    stock_id, audit_id = world.ids.new(), world.ids.new()

    async def work(tx: Tx) -> StockView:
        given = {"merchant_id": merchant_id, "sku": sku}
        locked, shown = await tx.all(
            (STOCK.lock_stock, {"merchant_id": merchant_id, "skus": [sku], "order_ids": []}), (STOCK.show_stock, given)
        )
        item = StockItem(*locked[0]) if locked else StockItem(stock_id, sku, 0, 0, 0)
        free = on_hand - item.held - item.sold
        if free < 0:
            raise Conflict(
                f"orders hold {item.held} and bought {item.sold} of it", code="stock_in_use", param="on_hand",
                detail={"held": item.held, "sold": item.sold},
            )  # fmt: skip
        if locked and on_hand == item.on_hand:
            return StockView(*shown[0])
        if locked:
            tx.later(STOCK.set_on_hand, **given, on_hand=on_hand, free=free, now=tx.now)
        else:
            tx.later(STOCK.insert_stock, **given, stock_id=stock_id, on_hand=on_hand, now=tx.now)
        tx.later(
            BOOKS.insert_audit, merchant_id=merchant_id, now=tx.now, actor=by[:60], audit_ids=[audit_id],
            subjects=["stock"], subject_ids=[item.id], sources=[str(item.on_hand)], events=["set"],
            targets=[str(on_hand)], causes=[f"{sku}: {reason}" if reason else sku],
        )  # fmt: skip
        return StockView(sku, on_hand, free, item.held, item.sold, tx.now)

    return await world.database.transaction(work, name="set_stock")


async def show_stock(world: World, merchant_id: str, sku: str) -> StockView:
    """One item. Raises Refused `stock_unknown` (404)."""
    checked_sku(sku)

    async def work(tx: Tx) -> StockView | None:
        row = await tx.one(STOCK.show_stock, merchant_id=merchant_id, sku=sku)
        return StockView(*row) if row is not None else None

    found = await world.database.transaction(work, name="show_stock", read_only=True)
    if found is None:
        raise Refused("there is no such item of stock", code="stock_unknown", status=404)
    return found


async def list_stock(
    world: World, merchant_id: str, *, limit: int = 100, after: str | None = None
) -> list[StockView]:  # fmt: skip
    """Items by sku, behind the sku `after`."""

    async def work(tx: Tx) -> list[StockView]:
        rows = await tx.rows(STOCK.list_stock, merchant_id=merchant_id, after=after, limit=min(limit, MOST_ROWS))
        return [StockView(*row) for row in rows]

    return await world.database.transaction(work, name="list_stock", read_only=True)
