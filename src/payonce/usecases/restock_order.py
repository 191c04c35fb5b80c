"""Take the goods of a paid order back into stock, because a person says that they are there again.

Money and goods go their own ways: a refund returns no stock, and this returns no money.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from payonce.base.errors import Conflict, Refused
from payonce.domain import stock
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.store.database import Tx
from payonce.usecases.answers import OrderView
from payonce.usecases.in_book import in_book
from payonce.usecases.read_order import read_order
from payonce.usecases.receipts import Receipt, write_receipts
from payonce.usecases.retry_effect import cause_of
from payonce.usecases.set_stock import LONGEST_REASON
from payonce.usecases.world import World


async def restock_order(
    world: World, merchant_id: str, order_id: UUID, *, by: str, reason: str, skus: Collection[str] | None = None
) -> OrderView:
    """The order whose sold goods are back in stock: all of them, or those of `skus`. Said again, it changes nothing.

    Raises Refused `order_unknown` (404), `reason_missing`, `text_invalid`; Conflict `nothing_to_restock` where it
    bought none of them.
    """
    if len(reason) > LONGEST_REASON or (reason and not reason.isprintable()):
        raise Refused("the reason is too long or not printable", code="text_invalid", param="reason")
    cause, receipt = f"restocked: {cause_of(reason, by)}", world.ids.new()

    async def decide(tx: Tx, book: Book, order: Order) -> None:
        mine = {each.sku for each in book.reservations_of(order)}
        if order.state != "paid" or not mine or not mine >= set(skus or ()):
            raise Conflict(
                "the order is not paid, or bought none of it", code="nothing_to_restock",
                detail={"state": order.state, "skus": sorted(mine)},
            )  # fmt: skip
        if not stock.restock(book, order, skus):
            # "Done already" is said only after a COMMIT that wrote something.
            write_receipts(tx, merchant_id, [Receipt(receipt, order_id, "restocked")])

    await in_book(world, merchant_id, order_id, decide, name=by[:60], cause=cause)
    return await read_order(world, merchant_id, order_id)
