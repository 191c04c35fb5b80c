"""One transaction on the book of one order's purpose: load it under lock, decide, record. Every use case that
changes an
order goes through here or through `tell`; both record by the same function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.store import books
from payonce.store.database import Tx
from payonce.usecases.receipts import receipt_if_refused
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

T = TypeVar("T")


async def in_book(
    world: World,
    merchant_id: str,
    order_id: UUID,
    decide: Callable[[Tx, Book, Order], Awaitable[T]],
    *,
    name: str,
    cause: str,
    actor: str = "",
) -> T:
    """Run `decide` on the locked book of the order's purpose and record what it changed. It may run again.

    `actor` is who stands in the audit; the transaction's name where no person acts. Raises Refused `order_unknown`
    (404) where the merchant has no such order.
    """
    tape, receipt = IdTape(world.ids), world.ids.new()

    async def work(tx: Tx) -> T:
        tape.rewind()
        receipt_if_refused(tx, merchant_id, order_id, receipt)
        rules = world.rules_of(merchant_id)
        loaded = await books.load(tx, merchant_id, None, [order_id], tape.next, world.kinds, rules=rules)
        if not loaded:
            raise Refused("there is no such order", code="order_unknown", status=404)
        [book] = loaded.values()
        book.cause = cause
        result = await decide(tx, book, book.orders[order_id])
        books.record(tx, [book], actor=actor or name, order_ids=[order_id])
        return result

    result = await world.database.transaction(work, name=name)
    world.was_taken_up(order_id)
    return result
