"""The one guard behind every way to pay: what a click may lead to, as the book of the purpose stands now.

It decides one step at a time and calls nobody. A step that needs the provider takes the attempt's lease, so that one
caller
calls and all others wait; whoever called records the answer and asks for the next step. At most one attempt of a
purpose is
ever payable: the next number exists only when the last one is proven dead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from payonce.base.errors import ensure
from payonce.domain import purpose, serving, stock
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.observation import Flow
from payonce.domain.order import EXPIRED, SOLD_OUT, Order
from payonce.domain.policy import Policy

# How soon a page may ask again while a payment is processing; the waiting page backs off by itself.
PROCESSING_RETRY: Final = timedelta(seconds=10)
REVIEW_RETRY: Final = timedelta(seconds=30)
# Whether a payment is still processing is asked by the payer's own click this often: an event that came late, or a
# second time, may have said so of one that failed since, and its payer could pay now.
PROCESSING_FOR: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Terms:
    """How this click wants to pay: through which account and flow; `after_attempt` as the strategy *attempt* reads
    it.
    """

    provider: str
    account: str
    flow: Flow
    # How long the provider repeats the answer to a create with the same key; afterwards we only look.
    key_life: timedelta
    after_attempt: int | None = None
    # The least that the account takes, by currency.
    smallest_minor: Mapping[str, int] = field(default_factory=dict)
    # What the caller asked for by name. Another live attempt is replaced only for terms that were asked for.
    asked_provider: str | None = None
    asked_account: str | None = None
    asked_flow: str | None = None

    def fit(self, attempt: Attempt) -> bool:
        """Whether the attempt is on the terms that were asked for."""
        asked = ((self.asked_provider, attempt.provider), (self.asked_account, attempt.account))
        return all(wish in (None, has) for wish, has in (*asked, (self.asked_flow, attempt.flow)))


@dataclass(frozen=True, slots=True)
class Paid:
    """The order, or its purpose, is paid."""

    order: Order


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing may be started now."""

    reason: Literal["processing", "payment_under_review", "closing_predecessor"]
    retry: timedelta


@dataclass(frozen=True, slots=True)
class Dead:
    """The order will not be payable again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    """The live attempt can be paid: hand it out."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Begin:
    """A new attempt with this number may be stored, to collect this much."""

    order: Order
    number: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Call the provider for the attempt, whose lease was just taken: create again, look for it, read it or close it."""

    attempt: Attempt
    verb: Literal["repeat", "find", "read", "close"]


@dataclass(frozen=True, slots=True)
class Wait:
    """Another caller is calling the provider for the attempt."""

    attempt: Attempt


Step = Paid | Hold | Dead | Offer | Begin | Ask | Wait


def next_step(book: Book, order: Order, terms: Terms, policy: Policy) -> Step:
    """What a click on `order` may do next. May reopen or promote orders, and takes leases: the book must be
    recorded.
    """
    purpose.reconsider(book)
    newest = book.newest()
    if order.state == "paid":
        return Paid(order)
    paid = book.paid()
    if paid is not None:
        # What another payer bought, and when, is nobody's business who holds the link of an older order.
        return Paid(paid) if paid.payer_reference == order.payer_reference else Dead("superseded")
    if newest.id != order.id:
        # A link of an older order leads to the newest one of the same payer, and tells another payer nothing.
        if newest.payer_reference != order.payer_reference:
            return Dead("superseded")
        order = newest
        if order.state == "paid":
            return Paid(order)
    if book.is_contested:
        return Hold("payment_under_review", REVIEW_RETRY)
    if order.close_because is not None and order.close_because != EXPIRED:
        return Dead(order.close_because)
    if order.state == "closed" and not order.payable_again:
        return Dead(order.closed_reason or "closed")
    live = book.live_attempt()
    if live is None:
        return _without_live(book, order, terms)
    return _with_live(book, order, live, terms, policy)


def _without_live(book: Book, order: Order, terms: Terms) -> Step:
    if order.state == "closed":
        ended = _come_back(book, order)
        if ended is not None:
            return ended
    if order.state != "open":
        return Hold("closing_predecessor", PROCESSING_RETRY)
    if order.close_because is not None:
        order.close_because = None
        book.touch_order(order)
    if 0 < order.missing_minor < min(order.amount_minor, terms.smallest_minor.get(order.currency, 0)):
        # Part-paid, and no provider takes the little that is missing: a person decides.
        book.find("remainder_too_small", order.id.hex, order, order.missing_minor, missing=str(order.missing_minor))
        return Hold("payment_under_review", REVIEW_RETRY)
    numbers = [attempt.number for attempt in book.attempts.values() if attempt.order_id == order.id]
    return Begin(order, max(numbers, default=0) + 1, order.missing_minor)


def _come_back(book: Book, order: Order) -> Step | None:
    """Open an order again whose payer came back; the answer where that cannot be, or where it is paid by that."""
    if book.holder() is not None:
        return Dead("superseded")
    if stock.lacking(book, order):
        # It stays as it is: once there is enough again, its payer may come back again.
        return Dead(SOLD_OUT)
    reopen(book, order)
    return Paid(order) if order.state == "paid" else None


def reopen(book: Book, order: Order) -> None:
    """Open an order again that merely expired, because its payer came back, its purpose is free and its items can be
    had (D2).
    """
    ensure(order.payable_again and book.holder() is None, "an order was reopened that may not be")
    ensure(stock.reserve(book, order), "an order was reopened that cannot have its items")
    book.move_order(order, "reopened")
    order.opened_at, order.closed_at, order.closed_reason, order.close_because = book.now, None, None, None
    serving.take_back(book, order)
    purpose.reconsider(book)


def _with_live(book: Book, order: Order, live: Attempt, terms: Terms, policy: Policy) -> Step:
    is_news = live.asked_at is not None and abs(book.now - live.asked_at) < PROCESSING_FOR
    if live.state == "pending":
        if is_news or live.handle_ref is None or live.is_leased(book.now):
            return Hold("processing", PROCESSING_RETRY)
        return _take(book, live, "read", policy)
    can_close = book.rules.of(live.provider, live.account).can_close
    if live.state == "open" and live.order_id == order.id:
        # Also while somebody is reading it: what can be paid is given at once, and a read takes nothing from it.
        if not _must_go(book, live, terms, policy) and not serving.asks_too_much(book, order, live):
            return _offer(book, order, live)
        if not can_close and live.close_because is None and (is_news or not _is_over(book, live)):
            # Its provider cannot cancel it: it is handed out until the provider says that it ended, or its payer
            # expressly leaves it.
            return _offer(book, order, live)
    if live.is_leased(book.now):
        return Wait(live)
    if live.state == "open" and not can_close:
        return Hold("closing_predecessor", PROCESSING_RETRY) if is_news else _take(book, live, "read", policy)
    if live.state in ("creating", "in_doubt"):
        sent = live.sent_at or live.created_at
        return _take(book, live, "repeat" if book.now - sent < terms.key_life else "find", policy)
    purpose.want_close(book, live, "superseded" if live.order_id != order.id else "replaced")
    return _take(book, live, "close", policy)


def _offer(book: Book, order: Order, live: Attempt) -> Step:
    """Hand the live attempt out; its payer came back, so an order that merely expired is open again."""
    if order.state == "closed":
        ended = _come_back(book, order)
        if ended is not None:
            return ended
    return Offer(live)


def _is_over(book: Book, live: Attempt) -> bool:
    """Whether the provider's own deadline for the attempt is past."""
    return live.expires_at is not None and live.expires_at <= book.now


def _must_go(book: Book, live: Attempt, terms: Terms, policy: Policy) -> bool:
    """Whether the open attempt is to be replaced: stale, expired, unwanted, on other terms, or by the strategy."""
    started = live.opened_at or live.created_at
    if live.close_because is not None or book.now - started > policy.stale_after:
        return True
    if live.url is None and live.client_secret is None and live.instructions is None:
        return True
    if _is_over(book, live):
        return True
    if not terms.fit(live):
        return True
    if policy.strategy == "attempt":
        return terms.after_attempt is not None and terms.after_attempt >= live.number
    if policy.strategy == "window":
        return int(book.now.timestamp() // policy.window.total_seconds()) > int(
            started.timestamp() // policy.window.total_seconds()
        )
    return False


def _take(book: Book, attempt: Attempt, verb: Literal["repeat", "find", "read", "close"], policy: Policy) -> Ask:
    """Take the attempt's lease with a new fencing token, so that an older caller's answer changes nothing."""
    take_lease(book, attempt, policy)
    return Ask(attempt, verb)


def take_lease(book: Book, attempt: Attempt, policy: Policy) -> None:
    """Say that somebody calls the provider for the attempt from now on, and that whoever did before is too late."""
    attempt.fence += 1
    attempt.lease_until = book.now + policy.lease
    book.touch_attempt(attempt)
