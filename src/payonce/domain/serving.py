"""Serving: which captured money serves its order, as movements between the accounts `orders` and `surplus`.

Money that was decided to be surplus can serve again: its order is opened again, or what had gone came back while the
order is open. Nothing here decides about held money, and nothing settles an order.
"""

from __future__ import annotations

from payonce.domain import leftover, refunding
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Capture
from payonce.domain.ledger import ORDERS, SURPLUS, Posting, entry
from payonce.domain.order import Order


def take_back(book: Book, order: Order) -> None:
    """Let what an order had before it was closed serve it again, where it is not on its way back meanwhile."""
    refunding.cancel_unsent(book, order, "reopened")
    for capture in book.captures.values():
        kept = min(leftover.free_surplus(book, capture), order.missing_minor)
        if capture.order_id == order.id and capture.currency == order.currency and kept > 0:
            shift(book, order, capture, kept)


def free_returned(book: Book) -> None:
    """Take from an open order what of its money was returned before it was paid, so that it is asked for again."""
    for capture in book.captures.values():
        order = book.orders[capture.order_id]
        returned = book.order_back(capture)
        if order.state == "open" and capture.allocated_minor and returned > 0:
            shift(book, order, capture, -min(returned, capture.allocated_minor))


def serve_again(book: Book) -> list[Order]:
    """Let money that came back serve its order while that is open, because a dispute was won or a refund failed. Answer
    the orders that are served by more than before.

    What a person promised to send back stays surplus, and so does what a bank still disputes.
    """
    served = []
    for capture in book.captures.values():
        order = book.orders[capture.order_id]
        if order.state != "open" or capture.currency != order.currency or capture.surplus_minor == 0:
            continue
        if leftover.is_promised(book, capture) or leftover.is_disputed(book, capture):
            continue
        is_rest = capture.allocated_minor == 0 and book.returned_of(capture) > 0
        if is_rest and any(a.is_live and a.id != capture.attempt_id for a in book.attempts.values()):
            # Somebody began to give it back, and its payer is about to pay another way.
            continue
        idle = [refund for refund in book.refunds_of(capture) if leftover.may_be_taken_back(book, refund)]
        free = leftover.free_surplus(book, capture) + sum(refund.amount_minor for refund in idle)
        serving = min(free, order.missing_minor)
        if serving > 0:
            for refund in idle:
                refunding.cancel(book, refund, "serves_again")
            shift(book, order, capture, serving)
            served.append(order)
    return served


def asks_too_much(book: Book, order: Order, attempt: Attempt) -> bool:
    """Whether a live attempt asks for more than its order is missing, but for what it brought by itself."""
    brought = sum(
        capture.captured_minor
        for capture in book.captures.values()
        if capture.attempt_id == attempt.id and capture.currency == order.currency
    )
    return attempt.is_live and attempt.amount_minor - brought > order.missing_minor


def shift(book: Book, order: Order, capture: Capture, serving: int) -> None:
    """Let decided money serve its order, or (below zero) let money that served it be surplus, as one movement."""
    book.touch_order(order)
    capture.allocated_minor += serving
    capture.surplus_minor -= serving
    order.allocated_minor += serving
    book.last_served = capture.key if serving > 0 else book.last_served
    book.changed_captures.add(capture.key)
    # One transaction may move the same money away and back again: each is an entry of its own.
    why = f"shift:{order.version}:{len(book.entries)}"
    move(book, capture, why, Posting(ORDERS, -serving), Posting(SURPLUS, serving))


def last_serving(book: Book, order: Order) -> Capture | None:
    """The capture that completed the amount: the one that was let serve last."""
    serving = [c for c in book.captures.values() if c.order_id == order.id and c.allocated_minor > 0]
    return max(serving, key=lambda c: (c.key == book.last_served, c.allocated_minor), default=None)


def move(book: Book, capture: Capture, why: str, *postings: Posting) -> None:
    """Note a movement of the capture's money; `why` is unique for the capture and what came by it so far."""
    cause = f"{why}:{':'.join(capture.key)}:{capture.captured_minor}"
    book.entries.append(entry(book.new_id(), cause, capture.order_id, capture.currency, *postings))
