"""Duplicates: an order that is stuck although what it asks for is served already, because a sibling of it is paid (A2).

Such orders are of an older state, or were imported: here a purpose is held once and a provider's reference serves one
attempt, by constraint. A duplicate is closed, never settled; nothing is posted, nobody is told, and its stock returns.
It refuses orders that received money of their own: that is never passed over, whatever a sibling says.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from payonce.domain import purpose
from payonce.domain.book import Book
from payonce.domain.order import DUPLICATE, Order

SERVED_ELSEWHERE: Final = "served_elsewhere"


def close_as_duplicate(book: Book, order: Order, shared: Collection[UUID]) -> bool:
    """Close an order that has a paid sibling; True when it is closed, False when something is to be closed before, or
    when it may not be closed so.

    `shared`: its attempts whose object is the payment of the sibling. They end here and nobody is asked; any other
    attempt is payable by itself, and is closed at its provider first.
    """
    if not _may_be(book, order):
        return False
    for attempt in book.attempts_of(order):
        if attempt.id in shared and book.move_attempt(attempt, SERVED_ELSEWHERE):
            attempt.close_because, attempt.lease_until = SERVED_ELSEWHERE, None
            # Whoever is asking about it at this moment comes too late.
            attempt.fence += 1
        else:
            purpose.want_close(book, attempt, DUPLICATE)
    if order.state == "waiting":
        purpose.close_order(book, order, DUPLICATE)
    elif order.close_because != DUPLICATE:
        order.close_because = DUPLICATE
        book.touch_order(order)
    purpose.reconsider(book)
    return order.state == "closed"


def _may_be(book: Book, order: Order) -> bool:
    """Whether the order is unpaid and received nothing, and no money of its purpose awaits a decision."""
    received = any(capture.order_id == order.id for capture in book.captures.values())
    return order.state in ("open", "waiting") and not received and not book.is_contested
