"""Accept a payment that is held: a person decides that it pays its order after all, with a reason for the audit."""

from __future__ import annotations

from uuid import UUID

from payonce.base.errors import Conflict, Refused
from payonce.domain import purpose
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.store.database import Tx
from payonce.usecases.answers import OrderView
from payonce.usecases.in_book import in_book
from payonce.usecases.read_order import read_order
from payonce.usecases.receipts import Receipt, write_receipts
from payonce.usecases.world import World

LONGEST_REASON = 500


async def accept_payment(world: World, merchant_id: str, order_id: UUID, *, by: str, reason: str) -> OrderView:
    """Let the held money of the order pay it. Raises Refused `order_unknown`, `reason_missing`; Conflict `order_paid`,
    `nothing_held`, `attempt_still_live` (what else could be paid is being closed at its provider: try again),
    `part_of_older_order`.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Refused("say why, in one line", code="reason_missing", param="reason")

    receipt = world.ids.new()

    async def decide(tx: Tx, book: Book, order: Order) -> Conflict | None:
        try:
            found = purpose.accept(book, order)
            refused = None if found else Conflict("no money of the order waits for a decision", code="nothing_held")
        except Conflict as conflict:
            # What it wants closed is recorded, so that the worker closes it.
            refused = conflict
        write_receipts(tx, merchant_id, [Receipt(receipt, order_id, "refused")] if refused else [])
        return refused

    refused = await in_book(world, merchant_id, order_id, decide, name=by[:60], cause=f"accepted: {reason}")
    if refused is not None:
        raise refused
    return await read_order(world, merchant_id, order_id)
