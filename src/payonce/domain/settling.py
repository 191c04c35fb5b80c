"""Settling: joining one observation of a payment into the book of its purpose.

Captured money is posted before any state can refuse it. What it serves is decided afterwards, by the rules of
`purpose`. Joining the same observation again changes nothing; money received for a reference never falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from payonce.domain import purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Capture, RefKey
from payonce.domain.ledger import ORDERS, SURPLUS, Posting, clearing, entry
from payonce.domain.observation import Observation, PaymentSeen, Ref


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of an observation: applied (it changed something), or ignored, and why."""

    outcome: Literal["applied", "ignored"]
    reason: str


KNOWN = Joined("ignored", "known")


def join_payment(book: Book, attempt: Attempt, observation: Observation, seen: PaymentSeen) -> Joined:
    """Join what was seen of a payment of `attempt` into its book, and reconsider the purpose."""
    before = _known(book, attempt)
    if _take_refs(book, attempt, observation, seen):
        return Joined("ignored", "reference_taken")
    _note(book, attempt, seen)
    grew = _post_capture(book, attempt, observation, seen)
    was_pending = attempt.state == "pending"
    book.move_attempt(attempt, _event(attempt, seen))
    if was_pending and attempt.state == "open" and attempt.flow == "checkout_session":
        # Its page was completed by the method that failed now and takes no other one: the next click needs a new page.
        purpose.want_close(book, attempt, "replaced")
    purpose.reconsider(book)
    if before == _known(book, attempt):
        return KNOWN
    return Joined("applied", "captured" if grew else seen.status)


def happened_at(
    book: Book, attempt: Attempt, observation: Observation, told_at: datetime | None = None
) -> datetime | None:
    """When what is seen came about, rather too early than too late (A5): as its event says (`told_at`), as its object
    says, or when it was last seen not to be so; at the earliest when the attempt began. What is known already and is
    only confirmed came about when it was recorded. None: now.
    """
    seen = observation.seen
    if told_at is not None or not isinstance(seen, PaymentSeen):
        return told_at
    known = book.captures.get(key_of(observation, seen.capture)) if seen.capture is not None else None
    recorded_at = known.captured_at if known and known.captured_minor >= seen.captured_minor else None
    bounds = (seen.happened_at, attempt.seen_at, recorded_at)
    return max((at for at in bounds if at is not None), default=attempt.created_at)


def _known(book: Book, attempt: Attempt) -> object:
    """All that an observation of a payment can change."""
    confirmed = sum(capture.is_confirmed for capture in book.captures.values())
    notes = (attempt.needs_action, attempt.decline)
    return len(book.steps), len(book.entries), len(book.new_refs), confirmed, notes


def _event(attempt: Attempt, seen: PaymentSeen) -> str:
    """What is seen as an event of the attempt. A capture pays it, unless the provider goes on taking the rest by it:
    then it stays live, because a second object beside it could be paid as well. Only the end of the object that the
    payer was given ends the attempt: a page whose inner payment was cancelled can be paid by another one.
    """
    if seen.captured_minor <= 0:
        if seen.status in ("failed", "closed") and not _is_its_object(attempt, seen.ref):
            return "unknown"
        return "unknown" if seen.status == "paid" else seen.status
    goes_on = seen.status in ("open", "action", "asks_again", "pending")
    return seen.status if goes_on and attempt.is_live and seen.captured_minor < attempt.amount_minor else "paid"


def _is_its_object(attempt: Attempt, ref: Ref) -> bool:
    """Whether it is the object that the attempt is paid by; where no answer told which one that is, by its kind."""
    if attempt.handle_kind is None:
        return ref.kind == attempt.flow
    return (ref.kind, ref.id) == (attempt.handle_kind, attempt.handle_ref)


def key_of(observation: Observation, ref: Ref) -> RefKey:
    """The provider's reference as a key of ours."""
    return RefKey(observation.provider, observation.account, ref.kind, ref.id)


def _take_refs(book: Book, attempt: Attempt, observation: Observation, seen: PaymentSeen) -> bool:
    """Note every reference of the object as the attempt's own. True when one of them serves another attempt (C3)."""
    refs = [seen.ref, *seen.related] + ([seen.capture] if seen.capture and seen.capture is not seen.ref else [])
    keys = list(dict.fromkeys(key_of(observation, ref) for ref in refs))
    for key in keys:
        owner = book.refs.get(key)
        if owner is not None and owner != attempt.id:
            book.find(
                "second_charge", f"reference:{key.kind}:{key.id}", book.orders[attempt.order_id], seen.captured_minor,
                reference=key.id, why="one payment names two attempts",
            )  # fmt: skip
            return True
    for key in keys:
        if key not in book.refs:
            book.refs[key] = attempt.id
            book.new_refs.append((key, attempt.id))
    return False


def _note(book: Book, attempt: Attempt, seen: PaymentSeen) -> None:
    """Keep what the page and the support want to know: a decline's reason, and whether the payer has to act."""
    needs_action = seen.status == "action"
    decline = seen.reason if seen.status == "asks_again" else attempt.decline
    if attempt.is_live and (attempt.needs_action != needs_action or attempt.decline != decline):
        attempt.needs_action, attempt.decline = needs_action, decline
        book.touch_attempt(attempt)


def _post_capture(book: Book, attempt: Attempt, observation: Observation, seen: PaymentSeen) -> bool:
    """Post what came in beyond what is known, and let it serve its order where that is plain. True when it grew."""
    if seen.captured_minor <= 0 or seen.capture is None or seen.currency is None:
        return False
    key = key_of(observation, seen.capture)
    order = book.orders[attempt.order_id]
    capture = book.captures.get(key)
    if capture is None:
        capture = Capture(key, attempt.id, order.id, seen.currency, captured_at=book.now, is_new=True)
        # A refund that named none of the attempt's known money may be of this one, and of no other any more.
        counted_on = (book.capture_of(back) for back in book.returns.values() if back.capture == key)
        book.changed_captures |= {other.key for other in counted_on if other is not None}
        book.captures[key] = capture
    grown = seen.captured_minor - capture.captured_minor
    # What a read told is confirmed up to there: a list that lags confirms nothing, nor does it what an event adds.
    is_confirmed = observation.is_read if grown > 0 else capture.is_confirmed or (observation.is_read and grown == 0)
    if is_confirmed != capture.is_confirmed:
        capture.is_confirmed = is_confirmed
        book.changed_captures.add(key)
    if grown <= 0:
        return False
    serving = purpose.may_serve(book, attempt, capture, grown)
    capture.captured_minor += grown
    capture.allocated_minor += serving
    book.last_served = key if serving else book.last_served
    capture.paid_in = seen.paid_in or capture.paid_in
    book.changed_captures.add(key)
    book.entries.append(
        entry(
            book.new_id(),
            f"capture:{':'.join(key)}:{capture.captured_minor}",
            order.id,
            capture.currency,
            Posting(clearing(key.provider, key.account), grown),
            Posting(ORDERS, -serving),
            Posting(SURPLUS, serving - grown),
        )
    )
    if capture.currency == order.currency:
        order.received_minor += grown
        order.allocated_minor += serving
        book.touch_order(order)
    return True
