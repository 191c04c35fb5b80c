"""Refunding: which money goes back, when a refund may be sent, and what its outcome means for the book.

Deciding and sending are two acts. `plan` writes rows for surplus that the policy sends back by itself; `may_send` looks
once more, right before the call, under the order's lock and after the captures were read. What is sent, in doubt, or
returned by others never exceeds what came in (S9).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.base.errors import Conflict, Refused, ensure
from payonce.base.money import show
from payonce.domain import leftover
from payonce.domain.book import Book, Capture
from payonce.domain.ledger import ORDERS, REFUNDING, SURPLUS, Posting, entry
from payonce.domain.order import EXPIRED, Order
from payonce.domain.refund import AFTER_ALL, COUNTS, POLICY, SAID_NO, STAGED, UNSENT, Refund, Serves

# While a bank disputes a payment nothing of it is sent back; this often it is looked whether that is over.
FROZEN_FOR: Final = timedelta(hours=6)
# A capture that no read has confirmed yet is looked at again soon.
UNCONFIRMED_FOR: Final = timedelta(minutes=1)
# What the provider said no to is rarely different a second later: the account must be topped up, a bank must open.
PAUSES_AFTER_FAILURES: Final = (timedelta(), timedelta(hours=1), timedelta(days=1))
# How long what was sent is asked about: first soon, then ever more seldom, at least once a day.
FIRST_LOOK: Final = timedelta(minutes=1)
DAILY: Final = timedelta(days=1)
# Banks send money back for about a month after it arrived (card refunds: up to 30 days).
LATE_FAILURES: Final = timedelta(days=30)
# How much is kept of why a refund was called failed, when it turns out that it was not.
LONGEST_WORD: Final = 400


def plan(book: Book) -> None:
    """Write a refund for all surplus that goes back by itself and for which none is written yet; take back what asks
    for more than is left.
    """
    for capture in book.captures.values():
        _cancel_excess(book, capture)
        free = leftover.free_surplus(book, capture)
        if free <= 0 and capture.key in book.changed_captures and _failed(book, capture, "surplus"):
            book.resolve("refund_failed", ":".join(capture.key))
        if free <= 0 or capture.held_minor > 0 or capture.currency != book.orders[capture.order_id].currency:
            continue
        case = leftover.case_of(book, capture)
        if (
            leftover.answer_of(book, capture, case) == "hold"
            or not _can_refund(book, capture)
            or leftover.is_disputed(book, capture)
        ):
            continue
        if any((refund.decline or "").startswith(SAID_NO) for refund in book.refunds_of(capture)):
            continue
        failed = _failed(book, capture, "surplus")
        if failed >= book.rules.surplus.refund_rows:
            _give_up(book, capture, free, failed)
            continue
        free = min(free, leftover.may_be_taken(book, capture))
        if free > 0:
            due_at = book.now + max(_waits(book, capture, case), _pause_after(failed))
            add(book, capture, free, "surplus", leftover.REASONS[case], POLICY, due_at)


def _cancel_excess(book: Book, capture: Capture) -> None:
    """Take back unsent refunds of money that is not there any more, the newest first. A dispute only freezes them."""
    if leftover.is_disputed(book, capture):
        return
    for refund in reversed(book.refunds_of(capture)):
        is_idle = refund.state in UNSENT and not refund.is_leased(book.now)
        if is_idle and leftover.left_for(book, capture, refund) < refund.amount_minor:
            cancel(book, refund, "less_left")


def _failed(book: Book, capture: Capture, serves: Serves) -> int:
    return sum(refund.state == "failed" and refund.serves == serves for refund in book.refunds_of(capture))


def _pause_after(failed: int) -> timedelta:
    return PAUSES_AFTER_FAILURES[min(failed, len(PAUSES_AFTER_FAILURES) - 1)]


def add(
    book: Book, capture: Capture, amount_minor: int, serves: Serves, reason: str, asked_by: str, due_at: datetime
) -> Refund:
    """Write a refund: the row comes before any call, and its id is the key of the call."""
    refund = Refund(
        id=book.new_id(), order_id=capture.order_id, attempt_id=capture.attempt_id, capture=capture.key, serves=serves,
        state="due", amount_minor=amount_minor, currency=capture.currency, reason=reason, asked_by=asked_by,
        staged_minor=0, ref_kind=None, ref=None, fence=0, lease_until=None, due_at=due_at, created_at=book.now,
        sent_at=None, asked_at=None, ended_at=None, decline=None, version=1, is_new=True,
    )  # fmt: skip
    book.refunds[refund.id] = refund
    book.changed_refunds.add(refund.id)
    return refund


def ask(
    book: Book, order: Order, amount_minor: int | None, of: Serves, reason: str, asked_by: str, *, by_hand: bool = False
) -> list[Refund]:
    """Write the refunds that a person asks for: of the order's own money, or of money that serves nothing. `by_hand`:
    the money goes by other means than the provider, which need not be able to send it.

    Without an amount: all of it. Raises Conflict `nothing_to_refund`, `order_disputed`, `refund_unsupported`; Refused
    `amount_too_large`.
    """
    if of == "order" and order.state != "paid":
        raise Conflict(
            "the order is not paid", code="order_not_paid",
            hint="Cancel it; what came in is surplus then and goes back by the policy, or by a refund of=surplus.",
        )  # fmt: skip
    mine = [capture for capture in book.captures.values() if capture.order_id == order.id]
    for capture in mine if of == "surplus" else ():
        # A person decides about held money by asking for it back.
        if capture.held_minor > 0:
            capture.surplus_minor += capture.held_minor
            book.changed_captures.add(capture.key)
    free = leftover.free_surplus if of == "surplus" else leftover.free_of_order
    sources = [(capture, min(free(book, capture), leftover.may_be_taken(book, capture))) for capture in reversed(mine)]
    sources = [(capture, left) for capture, left in sources if left > 0]
    if amount_minor is not None and sources:
        # An amount is of one currency: the order's, or where none of that is left, what came instead.
        currencies = [capture.currency for capture, _ in sources]
        currency = order.currency if order.currency in currencies else currencies[0]
        sources = [(capture, left) for capture, left in sources if capture.currency == currency]
    if not sources:
        raise Conflict("nothing of it is left to send back", code="nothing_to_refund")
    if any(leftover.is_disputed(book, capture) for capture, _ in sources):
        raise Conflict("a bank disputes the payment; nothing is sent back until it decided", code="order_disputed")
    if by_hand:
        # What its provider can send back needs no hand, so it comes last.
        sources.sort(key=lambda source: _can_refund(book, source[0]))
    else:
        sources = [(capture, left) for capture, left in sources if _can_refund(book, capture)]
    if not sources:
        raise Conflict(
            "its provider cannot send money back", code="refund_unsupported",
            hint="Send it another way, then say so: ask again, by hand (`--by-hand`, `by_hand: true`).",
        )  # fmt: skip
    left = sum(amount for _, amount in sources)
    wanted = left if amount_minor is None else amount_minor
    if not 0 < wanted <= left:
        raise Refused(
            f"{show(left, sources[0][0].currency)} can be sent back", code="amount_too_large", param="amount_minor",
            detail={"left_minor": left},
        )  # fmt: skip
    made = []
    for capture, amount in sources:
        part = min(amount, wanted)
        if part > 0:
            made.append(add(book, capture, part, of, reason, asked_by, book.now))
            wanted -= part
    return made


@dataclass(frozen=True, slots=True)
class Go:
    """The refund may be sent now."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: something is to be waited for."""

    why: str
    until: datetime


@dataclass(frozen=True, slots=True)
class No:
    """Not at all as it stands: less is left than it asks."""

    why: str


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Not by itself: a person decides."""

    why: str


def may_send(book: Book, refund: Refund) -> Go | Later | No | AskPerson:
    """Whether the refund may be sent, as the book stands after its captures were read."""
    capture = book.captures[refund.capture]
    if leftover.is_disputed(book, capture):
        return Later("disputed", book.now + FROZEN_FOR)
    if leftover.left_for(book, capture, refund) < refund.amount_minor:
        return No("less_left")
    if capture.held_minor > 0:
        return Later("undecided", book.now + UNCONFIRMED_FOR)
    if not capture.is_confirmed:
        return Later("unconfirmed", book.now + UNCONFIRMED_FOR)
    if refund.is_automatic:
        # The order's own money was given back or is disputed already: whoever did so may have meant this payment.
        for other in book.captures.values():
            if book.order_back(other) > 0 or leftover.is_disputed(book, other):
                return AskPerson("order_money_returned")
        if refund.amount_minor > book.rules.surplus.refund_at_most_minor.get(refund.currency, 0):
            return AskPerson("above_limit")
    return Go()


def move(book: Book, refund: Refund, event: str) -> bool:
    """Take the refund along an arrow and let the ledger show where its money is. False: no such arrow."""
    if not book.move_refund(refund, event):
        return False
    if refund.state in ("succeeded", "failed", "cancelled"):
        refund.ended_at, refund.lease_until = book.now, None
    if refund.state not in UNSENT and refund.state not in ("sending", "in_doubt"):
        refund.due_at = next_look(refund, book.now)
    staged = refund.amount_minor if refund.state in STAGED else 0
    if staged != refund.staged_minor:
        moved, refund.staged_minor = staged - refund.staged_minor, staged
        cause = f"refund:{refund.id.hex}:{refund.state}:{refund.version}"
        source = SURPLUS if refund.serves == "surplus" else ORDERS
        lines = (Posting(source, moved), Posting(REFUNDING, -moved))
        book.entries.append(entry(book.new_id(), cause, refund.order_id, refund.currency, *lines))
    book.changed_captures.add(refund.capture)
    return True


def plan_too_large(book: Book, refund: Refund, why: str) -> None:
    """Let the refund wait for a person's approval, with a finding."""
    order = book.orders[refund.order_id]
    move(book, refund, "too_large")
    refund.due_at, refund.decline = None, why
    book.find("refund_planned", refund.id.hex, order, refund.amount_minor, why=why, capture=refund.capture.id)


def approve(book: Book, refund: Refund, by: str) -> bool:
    """Let a planned refund go, because a person approved it, whose it is from then on. False: it is not planned."""
    if not move(book, refund, "approved"):
        return False
    refund.asked_by, refund.due_at, refund.decline = by, book.now, None
    book.resolve("refund_planned", refund.id.hex)
    return True


def cancel(book: Book, refund: Refund, why: str) -> bool:
    """Take an unsent refund back. False: it is sent already."""
    if not move(book, refund, "cancelled"):
        return False
    refund.decline = why
    book.resolve("refund_planned", refund.id.hex)
    return True


def cancel_unsent(book: Book, order: Order, why: str) -> None:
    """Take back what the policy alone would send back of the order's surplus, because the order needs that money."""
    for refund in book.refunds.values():
        if refund.order_id == order.id and leftover.may_be_taken_back(book, refund):
            cancel(book, refund, why)


def told(book: Book, refund: Refund, status: str, reason: str = "") -> None:
    """Note what the provider says of a refund of ours, and write the next row where it failed."""
    events = {"pending": "accepted", "succeeded": "succeeded", "failed": "failed"}
    was_over = refund.state in ("failed", "cancelled")
    if status not in events or not move(book, refund, events[status]):
        return
    if was_over:
        refund.decline = AFTER_ALL + (refund.decline or "")[:LONGEST_WORD]
    for kind in ("refund_in_doubt", "refund_planned"):
        book.resolve(kind, refund.id.hex)
    if status != "failed":
        return
    refund.decline = reason or refund.decline
    capture = book.captures.get(refund.capture)
    if refund.serves == "order" and capture is not None:
        failed = _failed(book, capture, "order")
        if failed >= book.rules.surplus.refund_rows:
            _give_up(book, capture, refund.amount_minor, failed)
        elif min(leftover.free_of_order(book, capture), leftover.may_be_taken(book, capture)) >= refund.amount_minor:
            due_at = book.now + _pause_after(failed)
            add(book, capture, refund.amount_minor, "order", refund.reason, refund.asked_by, due_at)


def next_look(refund: Refund, now: datetime) -> datetime | None:
    """When the provider is asked next how a refund stands that it has; None: no more."""
    if refund.state == "sent":
        age = now - (refund.sent_at or now)
        return now + min(max(FIRST_LOOK, age / 4), DAILY)
    if refund.state == "succeeded":
        age = now - (refund.ended_at or now)
        return now + max(DAILY, age) if age < LATE_FAILURES else None
    return None


def of_echo(book: Book, refund_id: UUID | None, ref: tuple[str, str]) -> Refund | None:
    """Our refund that a provider's refund is the echo of: by the id that it carries, else by its own reference."""
    if refund_id is not None and refund_id in book.refunds:
        return book.refunds[refund_id]
    return next((refund for refund in book.refunds.values() if (refund.ref_kind, refund.ref) == ref), None)


def prospect(book: Book, capture: Capture) -> str:
    """What becomes of the capture's surplus, in a word: the state of its refund, or why there is none."""
    states = [r.state for r in book.refunds_of(capture) if r.serves == "surplus" and r.state in COUNTS]
    if states:
        return states[-1]
    if not _can_refund(book, capture):
        return "not_possible"
    return "held" if leftover.answer_of(book, capture, leftover.case_of(book, capture)) == "hold" else "none"


def _give_up(book: Book, capture: Capture, money_minor: int, failed: int) -> None:
    order, about = book.orders[capture.order_id], ":".join(capture.key)
    if capture.key in book.changed_captures:
        book.find("refund_failed", about, order, money_minor, failed=str(failed))


def _waits(book: Book, capture: Capture, case: leftover.Case) -> timedelta:
    """How long the money waits first: that of an order that merely expired, for its payer to come back."""
    order = book.orders[capture.order_id]
    ensure(case != "unfinished" or order.state == "closed", "an order that is not closed is not finished yet")
    return (
        book.rules.surplus.unfinished_after if case == "unfinished" and order.closed_reason == EXPIRED else timedelta()
    )


def _can_refund(book: Book, capture: Capture) -> bool:
    return book.rules.of(capture.key.provider, capture.key.account).can_refund
