"""One transaction on the books of many orders: load them under lock, decide about each, record all together.

What a job decides about a hundred orders costs as many statements as what it decides about one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.store import books
from payonce.store.database import Tx
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """What is to be decided about one order, and what is being told with it. `decide` may run again."""

    order_id: UUID
    cause: str
    decide: Callable[[Book, Order], T]


async def in_books(
    world: World,
    merchant_id: str,
    works: Sequence[Work[T]],
    *,
    name: str,
    begin: Callable[[], None] = lambda: None,
    end: Callable[[Tx], None] = lambda tx: None,
) -> list[T]:
    """Decide all of them on the locked books of their purposes, and record what that changed; what each decided, in
    the same order. What one of them raises undoes all.

    `begin` is called before each run of the transaction, `end` with what else is to be written with its COMMIT. `name`
    stands in the audit. Raises Refused `order_unknown` (404) where the merchant has no such order.
    """
    order_ids = sorted({work.order_id for work in works})
    tape = IdTape(world.ids)

    async def run(tx: Tx) -> list[T]:
        tape.rewind()
        begin()
        rules = world.rules_of(merchant_id)
        loaded = await books.load(tx, merchant_id, None, order_ids, tape.next, world.kinds, rules=rules)
        by_order = {order_id: book for book in loaded.values() for order_id in book.orders}
        if not by_order.keys() >= set(order_ids):
            raise Refused("there is no such order", code="order_unknown", status=404)
        results = []
        for work in works:
            book = by_order[work.order_id]
            book.cause, book.happened_at = work.cause, None
            results.append(work.decide(book, book.orders[work.order_id]))
        books.record(tx, loaded.values(), actor=name, order_ids=order_ids)
        end(tx)
        return results

    results = await world.database.transaction(run, name=name)
    for order_id in order_ids:
        world.was_taken_up(order_id)
    return results
