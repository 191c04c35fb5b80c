"""Taking up a refund: its lease and the next fencing token, in a transaction of its own, before anybody is asked.

A refund that was being sent when its process died is in doubt from then on: its request may have arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from payonce.domain import purpose, refunding
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Capture
from payonce.domain.observation import Ref
from payonce.domain.order import Order
from payonce.domain.refund import Refund
from payonce.providers.contract import Call, RefundAsk
from payonce.store.database import Tx
from payonce.usecases.in_book import in_book
from payonce.usecases.refund_requests import stored_call
from payonce.usecases.world import World

# When a refund is taken up again that was left without an outcome, because something failed in between.
AGAIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Taken:
    """A refund whose lease is ours, as it stood then: what it is to be asked with, and the money of its purpose."""

    refund: Refund
    state: str
    fence: int
    ask: RefundAsk
    call: Call | None
    captures: tuple[tuple[Capture, Attempt], ...]


async def take_refund(world: World, merchant_id: str, order_id: UUID, refund_id: UUID) -> Taken | None:
    """Take the refund's lease; None where somebody else is at it, or nothing is to be done about it now."""

    async def decide(tx: Tx, book: Book, order: Order) -> Taken | None:
        purpose.reconsider(book)
        refund = book.refunds.get(refund_id)
        if refund is None or refund.is_leased(book.now) or refund.due_at is None or refund.due_at > book.now:
            return None
        if refund.state == "sending":
            refunding.move(book, refund, "unanswered")
        refund.fence += 1
        refund.lease_until = book.now + world.policy_of(merchant_id).lease
        refund.due_at = book.now + AGAIN
        book.touch_refund(refund)
        captures = tuple((each, book.attempts[each.attempt_id]) for each in book.captures.values())
        call = await stored_call(tx, merchant_id, refund)
        return Taken(refund, refund.state, refund.fence, ask_of(book, refund), call, captures)

    return await in_book(world, merchant_id, order_id, decide, name="take_refund", cause=f"refund:{refund_id.hex}")


def ask_of(book: Book, refund: Refund) -> RefundAsk:
    """What a provider needs to know to send the money back, the same at every repetition."""
    capture = book.captures[refund.capture]
    return RefundAsk(
        refund.id, refund.attempt_id, Ref(capture.key.kind, capture.key.id), refund.amount_minor, refund.currency,
        capture.captured_minor, refund.reason, refund.created_at,
    )  # fmt: skip
