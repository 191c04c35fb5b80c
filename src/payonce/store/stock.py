"""Stock in books: loading it under lock where an order asks for some, and recording what moved.

It is the last lock of a transaction, taken in the order of the skus by one statement, so that two orders that ask for
the same items in another order wait for each other, and never in a circle. Orders without items cost nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from payonce.domain.book import Book
from payonce.domain.reservation import Reservation, StockItem
from payonce.store import queries
from payonce.store.database import Call, Row, Tx

STOCK: Final = queries.load("stock")


def calls_for(merchant_id: str, order_ids: Sequence[UUID], skus: Collection[str]) -> list[Call]:
    """What is loaded and locked for the orders that ask for items, and for named skus; nothing where there are none."""
    if not order_ids and not skus:
        return []
    given = {"merchant_id": merchant_id, "order_ids": order_ids}
    return [(STOCK.load_reservations, given), (STOCK.lock_stock, given | {"skus": sorted(skus)})]


def fill(books: Mapping[str, Book], by_order: Mapping[UUID, Book], loaded: Sequence[Sequence[Row]]) -> None:
    """Put what was loaded by `calls_for` into the books: reservations to their orders, the items to all books alike."""
    if not loaded:
        return
    reservations, locked = loaded
    for row in reservations:
        reservation = Reservation(*row)
        by_order[row.order_id].reservations[reservation.key] = reservation
    # One copy of an item for all books of a transaction: what one of them takes, no other one has.
    items = {row.sku: StockItem(*row) for row in locked}
    for book in books.values():
        book.stock = items


def write(tx: Tx, given: dict[str, Any], books: Sequence[Book]) -> None:
    """Write what was asked for and what moved, with the COMMIT."""
    changed = [book.reservations[key] for book in books for key in sorted(book.changed_reservations)]
    if changed:
        tx.later(
            STOCK.upsert_reservations, **given, now=tx.now, order_ids=[each.order_id for each in changed],
            skus=[each.sku for each in changed], quantities=[each.quantity for each in changed],
            states=[each.state for each in changed],
        )  # fmt: skip
    moved = {sku: book.stock[sku] for book in books for sku in book.changed_stock}
    if moved:
        items = [moved[sku] for sku in sorted(moved)]
        tx.later(
            STOCK.update_stock, **given, skus=[item.sku for item in items], free=[item.free for item in items],
            held=[item.held for item in items], sold=[item.sold for item in items],
        )  # fmt: skip
