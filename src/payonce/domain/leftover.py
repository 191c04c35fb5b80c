"""What is left of captured money: what may still go back of it, and what the policy says of money that serves nothing.

Every question is answered from the rows at hand. What is asked to go back, on its way, or returned by others is not
left any more, so that two refunds never take the same money (S9).
"""

from __future__ import annotations

from typing import Final, Literal

from payonce.domain.book import Book, Capture
from payonce.domain.order import EXPIRED, Order
from payonce.domain.policy import Answer
from payonce.domain.refund import COUNTS, SAID_NO, UNSENT, Refund

# Which money a surplus is, as the policy names it.
Case = Literal["second", "over", "late", "unfinished"]
# The finding that holds each, and the reason that a refund of it gives.
REASONS: Final[dict[Case, str]] = {
    "second": "second_charge", "over": "over_payment", "late": "late_payment", "unfinished": "unfinished",
}  # fmt: skip


def free_surplus(book: Book, capture: Capture, but_for: Refund | None = None) -> int:
    """What of the capture's surplus is still here and not on its way back by anybody. What others are sending counts
    against the surplus first.
    """
    asked = sum(
        refund.amount_minor
        for refund in book.refunds_of(capture)
        if refund.serves == "surplus"
        and refund.state in COUNTS
        and refund.state != "succeeded"
        and refund is not but_for
    )
    return capture.surplus_minor - book.surplus_back(capture) - asked - _others_under_way(book, capture)


def _others_under_way(book: Book, capture: Capture) -> int:
    """What others began to send back, and what nobody knows to have arrived or failed."""
    backs = (back for back in book.returns_of(capture) if back.nature == "refund" and back.refund_id is None)
    return sum(back.amount_minor for back in backs if back.status == "pending")


def could_serve(book: Book, order: Order) -> int:
    """What of the order's surplus could serve it again: it is here, and neither on its way back nor promised."""
    served = 0
    for capture in book.captures.values():
        if capture.order_id == order.id and capture.currency == order.currency:
            idle = sum(refund.amount_minor for refund in book.refunds_of(capture) if may_be_taken_back(book, refund))
            served += max(0, free_surplus(book, capture) + idle)
    return served


def may_be_taken_back(book: Book, refund: Refund) -> bool:
    """Whether the policy alone wrote it and nobody is sending it. What a person asked for or approved was promised."""
    is_idle = refund.state in UNSENT and not refund.is_leased(book.now)
    return refund.serves == "surplus" and refund.is_automatic and is_idle


def is_promised(book: Book, capture: Capture) -> bool:
    """Whether a person asked for a refund of the capture's surplus, approved or refused one: their word stands."""
    ours = (refund for refund in book.refunds_of(capture) if refund.serves == "surplus")
    return any(not refund.is_automatic or (refund.decline or "").startswith(SAID_NO) for refund in ours)


def free_of_order(book: Book, capture: Capture, but_for: Refund | None = None) -> int:
    """What of the money that serves the order is still here and not asked to go back by another refund."""
    asked = sum(
        refund.amount_minor
        for refund in book.refunds_of(capture)
        if refund.serves == "order" and refund.state in COUNTS and refund.state != "succeeded" and refund is not but_for
    )
    return capture.allocated_minor - book.order_back(capture) - asked


def may_be_taken(book: Book, capture: Capture, but_for: Refund | None = None) -> int:
    """What may still be sent back of a capture at all (S9): what came in, less all our refunds that are not known to
    have failed, what others returned or are sending, and what disputes took or ask for.
    """
    ours = sum(r.amount_minor for r in book.refunds_of(capture) if r.state in COUNTS and r is not but_for)
    others = sum(
        back.amount_minor if back.status in ("open", "lost") else back.returned_minor
        for back in book.returns_of(capture)
        if back.refund_id is None
    )
    return capture.captured_minor - ours - others - _others_under_way(book, capture)


def is_disputed(book: Book, capture: Capture) -> bool:
    """Whether a bank disputes the payment at this moment: that freezes its refunds."""
    return any(back.nature == "dispute" and back.status in ("warning", "open") for back in book.returns_of(capture))


def case_of(book: Book, capture: Capture) -> Case:
    """Which kind of surplus the capture's is."""
    order = book.orders[capture.order_id]
    if capture.allocated_minor > 0 or order.state == "open":
        return "over"
    if order.state == "paid" or book.paid() is not None:
        return "second"
    came_before = capture.captured_at is not None and order.closed_at is not None
    if came_before and capture.captured_at <= order.closed_at:  # type: ignore[operator]
        return "unfinished"
    return "late"


def left_for(book: Book, capture: Capture, refund: Refund) -> int:
    """What of the money that the refund is of could go back, if it did not ask for it itself."""
    free = (free_surplus if refund.serves == "surplus" else free_of_order)(book, capture, refund)
    return min(free, may_be_taken(book, capture, refund))


def late_answer(book: Book, order: Order) -> Answer:
    """What becomes of late money that revives nothing: by choice, or because its order may not come back."""
    policy = book.rules.surplus
    if policy.late != "revive" and order.closed_reason in (EXPIRED, None):
        return policy.late
    return policy.late_else


def answer_of(book: Book, capture: Capture, case: Case) -> Answer:
    policy = book.rules.surplus
    if case == "late":
        return late_answer(book, book.orders[capture.order_id])
    return {"second": policy.second, "over": policy.over, "unfinished": policy.unfinished}[case]
