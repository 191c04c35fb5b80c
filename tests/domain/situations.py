"""The situations of the table, built: a purpose with an attempt to be observed, before anything is seen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from payonce.domain import purpose, refunding
from payonce.domain.attempt import Attempt
from payonce.domain.book import AccountFacts, Book, Rules
from payonce.domain.effect import OCCASIONS, EffectKind
from payonce.domain.observation import Observation, PaymentSeen, PaymentStatus, RefundStatus, Source
from payonce.domain.order import Order
from payonce.domain.policy import SurplusPolicy
from payonce.domain.settling import Joined
from tests.domain.purposes import (
    NOW,
    an_attempt,
    an_order,
    capture_key,
    deposit,
    dispute,
    join,
    new_book,
    payment,
    refund,
)
from tests.domain.shelf import Shelf, check

# One that can do everything, one that cannot send money back, one that can neither do that nor cancel.
ABLE, KEEPING, UNABLE = ("stripe", "main"), ("stripe", "keeping"), ("coins", "main")
FACTS: Final = {ABLE: AccountFacts(True, True), KEEPING: AccountFacts(True, False), UNABLE: AccountFacts(False, False)}
# One kind for everything that can be owed.
KINDS: Final = tuple(EffectKind(name, name, "notification") for name in OCCASIONS)
CLOSED: Final = ("expired", "old", "cancelled", "superseded", "displaced", "rivalled", "outpaid", "duplicate")


@dataclass
class Situation:
    """A purpose, its tables, and the one attempt that is observed."""

    book: Book
    attempt: Attempt
    shelf: Shelf = field(default_factory=Shelf)

    @property
    def order(self) -> Order:
        return self.book.orders[self.attempt.order_id]

    @property
    def whole(self) -> int:
        """What the attempt brought, or asks where it brought nothing."""
        capture = self.book.captures.get(capture_key(self.attempt))
        return capture.captured_minor if capture else self.attempt.amount_minor

    def tell(self, observation: Observation) -> Joined:
        """Join and record it, and check every invariant."""
        joined = join(self.book, self.attempt, observation)
        self.record()
        return joined

    def record(self) -> None:
        """Draw conclusions, record, and check every invariant."""
        purpose.reconsider(self.book)
        self.shelf.record(self.book)
        check(self.book, self.shelf, {key: c.captured_minor for key, c in self.book.captures.items()})


def build(name: str, state: str, policy: SurplusPolicy | None = None, account: tuple[str, str] = ABLE) -> Situation:
    """The situation with its observed attempt in that state. A state `paid` comes about by money."""
    if (state == "open" and name in ("paid", "released")) or (state in ("open", "pending") and name in CLOSED):
        # What is live of an order that is over can only be of a provider without cancel.
        account = UNABLE
    first = an_order()
    began = "open" if state == "paid" else state
    asks = {"provider": account[0], "account": account[1]}
    if name == "part":
        attempt = an_attempt(first, 2, began, amount_minor=3000, **asks)
    else:
        attempt = an_attempt(first, 1, began, **asks)
    book = new_book(first, attempts=[attempt], rules=Rules(policy or SurplusPolicy(), FACTS))
    book.kinds = KINDS
    situation = Situation(book, attempt)
    if attempt.handle_ref is not None:
        book.refs[capture_key(attempt)] = attempt.id
    if name in CLOSED:
        _closed(situation, name, state)
    else:
        _not_closed(situation, name, state)
    situation.record()
    assert attempt.state == state, (name, state, attempt.state)
    return situation


def _not_closed(situation: Situation, name: str, state: str) -> None:
    book, order, attempt = situation.book, situation.order, situation.attempt
    if name == "part":
        _add(situation, order, 1, "failed", 2000)
    if state == "paid" and name in ("open", "part", "beside"):
        situation.tell(payment(attempt, captured=2000, source="poll"))
    elif state == "paid":
        paid = 5700 if name in ("overpaid", "refunded") else 5000
        situation.tell(payment(attempt, captured=paid, source="poll"))
    if name == "beside":
        _add(situation, order, 2, "open", amount_minor=order.missing_minor)
    elif name == "leaving":
        order.close_because = attempt.close_because = "superseded"
        newer = an_order(2, "waiting", opened_at=None)
        book.orders[newer.id] = newer
    elif name in ("paid", "released") and state != "paid":
        _add(situation, order, 2, "failed", 5000)
    elif name in ("overpaid", "refunded"):
        _send_surplus(situation, "pending" if name == "overpaid" else "succeeded")
    if name == "released":
        payer = next(a for a in book.attempts.values() if a.state == "paid")
        name_of_refund = "a" if payer is attempt else "of the payer"
        join(book, payer, refund(payer, name_of_refund, "succeeded", 5000, "poll"))
        situation.record()
        order.released_at = book.now
        book.touch_order(order)


def _closed(situation: Situation, name: str, state: str) -> None:
    book, order = situation.book, situation.order
    book.now = NOW - (timedelta(days=31) if name == "old" else timedelta(hours=1))
    if state == "paid":
        situation.tell(payment(situation.attempt, captured=2000, source="poll"))
    reason = name if name in ("cancelled", "superseded", "duplicate") else "expired"
    live = situation.attempt.state
    purpose.close_order(book, order, reason)
    assert situation.attempt.state == live
    situation.record()
    book.now = NOW
    if name in ("superseded", "displaced", "rivalled", "outpaid"):
        newer = an_order(2)
        book.orders[newer.id] = newer
        if name == "rivalled":
            _add(situation, newer, 1, "open")
        elif name == "outpaid":
            _add(situation, newer, 1, "failed", 5000)


def _add(situation: Situation, order: Order, number: int, state: str, paid: int = 0, **more: int) -> None:
    """Another attempt, and what it brought."""
    other = an_attempt(order, number, state, **more)
    situation.book.attempts[other.id] = other
    if paid:
        join(situation.book, other, payment(other, captured=paid, source="poll"))
        situation.record()


def _send_surplus(situation: Situation, status: RefundStatus) -> None:
    [ours] = situation.book.refunds.values()
    refunding.move(situation.book, ours, "begun")
    situation.record()
    situation.tell(refund(situation.attempt, "ours", status, 700, "poll", ours=ours.id))


def observation(situation: Situation, seen: str, way: str) -> Observation:
    """What is seen, as the name of the table says."""
    attempt = situation.attempt
    source: Source = "poll" if way == "read" else "webhook"
    return _payment(attempt, seen, source) or _return(situation, seen, source)


def _payment(attempt: Attempt, seen: str, source: Source) -> Observation | None:
    ask = attempt.amount_minor
    if seen == "other":
        return _deposit(attempt, "e", ask, source, "EUR")
    if seen == "deposit":
        return _deposit(attempt, "d", 3000, source, "USD")
    brought = {"exact": ask, "under": 2000, "over": ask + 700}
    if seen in brought:
        return payment(attempt, "paid", brought[seen], source=source)
    quiet: tuple[PaymentStatus, ...] = ("open", "action", "asks_again", "pending", "failed", "closed", "unknown")
    reason = "card_declined" if seen == "asks_again" else ""
    return next((payment(attempt, status, 0, source=source, reason=reason) for status in quiet if status == seen), None)


def _deposit(attempt: Attempt, name: str, amount: int, source: Source, currency: str) -> Observation:
    told = deposit(attempt, name, amount, source=source, currency=currency)
    seen = told.seen
    assert isinstance(seen, PaymentSeen)
    return replace(told, seen=replace(seen, attempt_id=attempt.id))


def _return(situation: Situation, seen: str, source: Source) -> Observation:
    attempt, whole = situation.attempt, situation.whole
    statuses: dict[str, RefundStatus] = {"pending": "pending", "done": "succeeded", "failed": "failed"}
    word, _, ended = seen.partition("_")
    if word == "back":
        return refund(attempt, "a", statuses[ended], whole, source)
    if word == "our":
        ours = next(iter(situation.book.refunds))
        return refund(attempt, "ours", statuses[ended], 700, source, ours=ours)
    if seen == "warned":
        return dispute(attempt, "a", "warning", whole, source)
    if seen == "disputed":
        return dispute(attempt, "a", "open", whole, source)
    return dispute(attempt, "a", "lost" if seen == "lost" else "won", whole, source)
