"""Recording what a provider answered to a refund, or to the question how it stands.

What it did is joined whoever asked, for that is true in any case. What it did not do, or did not say, counts only
while the refund is still ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from payonce.domain import purpose, refunding
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.domain.refund import Refund
from payonce.providers.contract import Done, NotDone, Outcome, Unknown
from payonce.store.database import Tx
from payonce.usecases.begin_refund import find_in_doubt, pause_after
from payonce.usecases.hear_money import Heard, join_heard, says_there_is_none, tells_of
from payonce.usecases.in_book import in_book
from payonce.usecases.take_refund import Taken
from payonce.usecases.world import World

# What the provider took on appears in its list at once; after this long it is asked of a person where it did not.
APPEARS_WITHIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a sending; `again`: the same request was sent before. `looked`: how the refund stands, asked
    afterwards where the answer was a no.
    """

    outcome: Outcome
    again: bool
    looked: Outcome | None = None


async def record_sent(world: World, merchant_id: str, taken: Taken, answered: Answered, heard: Heard) -> str:
    """Record the answer to a sending; the state that the refund has then."""

    async def decide(tx: Tx, book: Book, order: Order) -> str:
        refund = book.refunds[taken.refund.id]
        join_heard(tx, book, heard, "refund")
        if refund.fence == taken.fence:
            refund.lease_until = None
            book.touch_refund(refund)
            if refund.state == "sending":
                _conclude(book, refund, answered)
        purpose.reconsider(book)
        return refund.state

    cause = f"refund:{taken.refund.id.hex}"
    return await in_book(world, merchant_id, taken.refund.order_id, decide, name="refunded", cause=cause)


def _conclude(book: Book, refund: Refund, answered: Answered) -> None:
    """Move a refund that no answer has moved yet: taken on, refused, put back, or in doubt."""
    outcome, age = answered.outcome, book.now - (refund.sent_at or book.now)
    if tells_of(outcome, refund.id) or (answered.looked is not None and tells_of(answered.looked, refund.id)):
        # It is there, in a status that we do not know.
        refunding.told(book, refund, "pending")
    elif isinstance(outcome, NotDone) and not answered.again:
        _refused(book, refund, outcome)
    elif isinstance(outcome, NotDone) and not _was_not_let_in(outcome) and _is_absent(answered, refund):
        # A no to the repetition, and the provider knows of none: the first sending did nothing either.
        refunding.told(book, refund, "failed", _words(outcome))
    else:
        refunding.move(book, refund, "unanswered")
        refund.due_at = book.now + (_wish(outcome) or pause_after(age))
        if isinstance(outcome, Unknown) and outcome.key_is_spent and _is_absent(answered, refund):
            find_in_doubt(book, refund)


def _refused(book: Book, refund: Refund, no: NotDone) -> None:
    if _was_not_let_in(no):
        refunding.move(book, refund, "put_back")
        refund.due_at = book.now + (_wish(no) or pause_after(book.now - refund.created_at))
        # Nothing was taken in, so that the key begins to live with the next sending.
        refund.sent_at = None
    else:
        refunding.told(book, refund, "failed", _words(no))


def _was_not_let_in(no: NotDone) -> bool:
    """Whether the request was not even looked at: a rate limit, an unreachable host, a key that is not valid."""
    return no.may_repeat or no.code == "provider_auth"


def _is_absent(answered: Answered, refund: Refund) -> bool:
    return says_there_is_none(answered.looked, refund.id)


def _wish(outcome: Outcome) -> timedelta | None:
    seconds = None if isinstance(outcome, Done) else outcome.retry_after_seconds
    return None if seconds is None else timedelta(seconds=seconds)


def _words(no: NotDone) -> str:
    return f"{no.code}: {no.message}"[:500]


async def record_look(world: World, merchant_id: str, taken: Taken, looked: Outcome, heard: Heard) -> str:
    """Record how a refund stands that the provider has taken on; the state that it has then."""

    async def decide(tx: Tx, book: Book, order: Order) -> str:
        refund = book.refunds[taken.refund.id]
        join_heard(tx, book, heard, "refund_look")
        if refund.fence == taken.fence and refund.state in ("sent", "succeeded"):
            refund.lease_until, refund.asked_at = None, book.now
            refund.due_at = refunding.next_look(refund, book.now)
            book.touch_refund(refund)
            age = book.now - (refund.sent_at or book.now)
            if refund.state == "sent" and age > APPEARS_WITHIN and says_there_is_none(looked, refund.id):
                find_in_doubt(book, refund)
        purpose.reconsider(book)
        return refund.state

    cause = f"refund:{taken.refund.id.hex}"
    return await in_book(world, merchant_id, taken.refund.order_id, decide, name="follow_refund", cause=cause)
