"""Close orders: those that expired, were cancelled, or make way for another. At the provider first, and only then here.

A payment that is processing, or that a provider does not answer for, keeps its order open; whoever comes next tries
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from payonce.base.errors import Bug, Conflict, PayonceError, Refused, RunStopped, Unavailable
from payonce.domain import purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.checkout import take_lease
from payonce.domain.order import CANCELLED, EXPIRED, Order
from payonce.store import queries
from payonce.store.database import Tx, read_once
from payonce.usecases import attend
from payonce.usecases.answers import OrderView
from payonce.usecases.close_duplicates import close_duplicates
from payonce.usecases.in_book import in_book
from payonce.usecases.in_books import Work, in_books
from payonce.usecases.note_trouble import note_trouble
from payonce.usecases.read_order import read_order
from payonce.usecases.receipts import Receipt, write_receipts
from payonce.usecases.world import World

ORDERS: Final = queries.load("orders")
# A create in doubt is adopted, then closed: two calls. More than a few means that the provider keeps refusing.
MOST_CALLS: Final = 4
# Somebody may be waiting for the answer: after this long the rest is the worker's.
LONGEST_DRIVE: Final = timedelta(seconds=20)
# Their books are locked together, so that payers of any of them wait for as long.
MARKED_TOGETHER: Final = 50


@dataclass(frozen=True, slots=True)
class Closed:
    """What one run did: orders looked at, closed, and those that could not be closed yet."""

    looked_at: int
    closed: int
    left: int
    last: UUID | None = None


async def close_orders(world: World, merchant_id: str, limit: int = 100) -> Closed:
    """Close open orders that are past their time (C10, C11), and finish closing those that were marked."""
    looked_at = closed = 0
    after: UUID | None = None
    # Page by page to the end, so that orders which cannot be closed now hold nothing up that stands behind them.
    while (page := await close_page(world, merchant_id, limit, after)).last is not None:
        looked_at, closed, after = looked_at + page.looked_at, closed + page.closed, page.last
    return Closed(looked_at, closed, looked_at - closed)


async def close_page(world: World, merchant_id: str, limit: int, after: UUID | None) -> Closed:
    """Close one page of them, behind the order `after`; `last` is where the next page begins, None at the end."""
    looked_at = closed = 0
    last: UUID | None = None
    page = await orders_to_close(world, merchant_id, limit, after)
    done = set(await close_duplicates(world, merchant_id, page))
    marked = await _mark_many(world, merchant_id, [order_id for order_id in page if order_id not in done])
    done |= {order_id for order_id, state in marked.items() if state == "closed"}
    for order_id in page:
        if world.is_stopped:
            break
        try:
            if order_id not in done and order_id not in marked:
                await mark_expired(world, merchant_id, order_id)
            closed += order_id in done or await drive_close(world, merchant_id, order_id) == "closed"
        except (Bug, Refused, Conflict) as error:
            await note_trouble(world, merchant_id, order_id, "close_orders", error)
        looked_at, last = looked_at + 1, order_id
    return Closed(looked_at, closed, looked_at - closed, last)


async def orders_to_close(world: World, merchant_id: str, limit: int, after: UUID | None = None) -> list[UUID]:
    """Open orders that are past their time or marked, by id."""
    before = world.clock.now() - world.policy_of(merchant_id).close_after
    given = {"merchant_id": merchant_id, "before": before, "after": after, "limit": limit}
    [rows] = await read_once(world.database, (ORDERS.orders_to_close, given), name="orders_to_close")
    return [row.order_id for row in rows]


async def cancel_order(world: World, merchant_id: str, order_id: UUID) -> OrderView:
    """Close an order because the merchant wants it so. Raises Conflict `order_paid` where it is paid.

    Where the provider does not answer, the order stays marked, nothing of it is handed out any more, and closing
    goes on.
    """

    receipt = world.ids.new()

    async def decide(tx: Tx, book: Book, order: Order) -> bool:
        purpose.reconsider(book)
        if order.state == "paid":
            # "Done already" is said only after a COMMIT that wrote something.
            write_receipts(tx, merchant_id, [Receipt(receipt, order_id, "paid")])
            return False
        if order.state == "waiting":
            purpose.close_order(book, order, CANCELLED)
        elif order.state == "open":
            _mark(book, order, CANCELLED)
        elif order.payable_again:
            # It expired, and now its payer may not open it again either.
            order.closed_reason = CANCELLED
            book.touch_order(order)
        purpose.reconsider(book)
        return True

    if not await in_book(world, merchant_id, order_id, decide, name="cancel_order", cause="cancelled"):
        raise Conflict("the order is paid; refund it instead", code="order_paid")
    await drive_close(world, merchant_id, order_id)
    return await read_order(world, merchant_id, order_id)


async def mark_expired(world: World, merchant_id: str, order_id: UUID) -> None:
    """Mark an open order to be closed that is past its time, unless something of it is processing or contested."""

    async def decide(tx: Tx, book: Book, order: Order) -> str:
        return _expire(world, book, order)

    await in_book(world, merchant_id, order_id, decide, name="close_orders", cause="expired")


async def _mark_many(world: World, merchant_id: str, order_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The same for many orders together; the state of each afterwards: closed where its provider has nothing to be
    asked. Those that are left out are to be marked one by one: what one of them fails by, or a cap of the run, undoes
    what they would have done together.
    """
    states: dict[UUID, str] = {}
    for first in range(0, len(order_ids), MARKED_TOGETHER):
        if world.is_stopped:
            break
        some = order_ids[first : first + MARKED_TOGETHER]
        works = [Work(order_id, "expired", partial(_expire, world)) for order_id in some]
        try:
            found = await in_books(world, merchant_id, works, name="close_orders")
        except Unavailable:
            raise
        except PayonceError:
            continue
        states |= dict(zip(some, found, strict=True))
    return states


def _expire(world: World, book: Book, order: Order) -> str:
    live = book.live_attempt()
    young = order.opened_at is None or book.now - order.opened_at < world.policy_of(book.merchant_id).close_after
    busy = book.is_contested or (live is not None and live.state == "pending")
    if order.state == "open" and order.close_because is None and not young and not busy:
        _mark(book, order, EXPIRED)
    purpose.reconsider(book)
    return order.state


async def drive_close(world: World, merchant_id: str, order_id: UUID) -> str:
    """Close what is live of an order that is marked, at the provider; the state that the order has in the end."""
    state, began = "open", world.clock.now()
    for _ in range(MOST_CALLS):
        if world.clock.now() - began > LONGEST_DRIVE:
            return state
        state, attempt = await _next_to_close(world, merchant_id, order_id)
        if attempt is None:
            return state
        try:
            attended = await attend.close_at_provider(world, merchant_id, attempt)
        except RunStopped:
            raise
        except PayonceError:
            # The mark stays, and the worker goes on where this stopped.
            return state
        found = attended.attempt
        if not attended.answered or (found.state, found.handle_ref) == (attempt.state, attempt.handle_ref):
            return state
    return state


async def _next_to_close(world: World, merchant_id: str, order_id: UUID) -> tuple[str, Attempt | None]:
    """The order's state, and its live attempt with the lease taken where it is to be closed and nobody is at it."""

    async def decide(tx: Tx, book: Book, order: Order) -> tuple[str, Attempt | None]:
        purpose.reconsider(book)
        live = next((a for a in book.attempts_of(order) if a.is_live and a.close_because is not None), None)
        if live is None or live.is_leased(book.now) or live.state == "pending":
            return order.state, None
        take_lease(book, live, world.policy_of(merchant_id))
        return order.state, live

    return await in_book(world, merchant_id, order_id, decide, name="close", cause="closing")


def _mark(book: Book, order: Order, reason: str) -> None:
    order.close_because = reason
    book.touch_order(order)
    for attempt in book.attempts_of(order):
        purpose.want_close(book, attempt, reason)
