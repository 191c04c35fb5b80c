"""Books in memory for tests of the rules: orders and attempts in any state, and what a provider is seen to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Capture, RefKey, Rules
from payonce.domain.effect import EffectKind
from payonce.domain.observation import (
    DisputeSeen,
    DisputeStatus,
    Observation,
    PaymentSeen,
    PaymentStatus,
    Ref,
    RefundSeen,
    RefundStatus,
    Seen,
    Source,
)
from payonce.domain.order import Order
from payonce.domain.returning import join_return
from payonce.domain.settling import Joined, join_payment

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KINDS = (
    EffectKind("invite", "order.paid", "fulfilment"),
    EffectKind("late", "order.late_payment", "notification"),
    EffectKind("surplus", "payment.surplus", "notification"),
)


def counting_ids() -> Callable[[], UUID]:
    """Ids 1, 2, 3, …"""
    numbers = count(1)
    return lambda: UUID(int=next(numbers))


def new_book(*orders: Order, attempts: Iterable[Attempt] = (), rules: Rules | None = None) -> Book:
    """A book of those orders and attempts, as if just loaded."""
    book = Book("default", "fee", NOW, counting_ids(), KINDS, rules or Rules(), cause="test")
    book.orders = {order.id: order for order in orders}
    book.attempts = {attempt.id: attempt for attempt in attempts}
    return book


def an_order(number: int = 1, state: str = "open", amount_minor: int = 5000, **more: Any) -> Order:
    """An order; a higher number was placed later. A closed one merely expired unless told otherwise."""
    values: dict[str, Any] = {
        "id": UUID(int=number << 64), "reference": f"R{number}", "purpose": "fee", "payer_reference": "player 27",
        "state": state, "amount_minor": amount_minor, "currency": "USD", "received_minor": 0, "allocated_minor": 0,
        "refunded_minor": 0, "disputed_minor": 0, "token": "t" * 26, "created_at": NOW, "opened_at": NOW,
        "paid_at": NOW if state == "paid" else None, "closed_at": NOW if state == "closed" else None,
        "closed_reason": "expired" if state == "closed" else None, "close_because": None, "released_at": None,
        "version": 1,
    }  # fmt: skip
    return Order(**values | more)


def an_attempt(order: Order, number: int = 1, state: str = "open", **more: Any) -> Attempt:
    """An attempt of the order, with a handle unless its state says that there can be none."""
    has_handle = state not in ("creating", "in_doubt", "abandoned")
    values: dict[str, Any] = {
        "id": UUID(int=order.id.int + number), "order_id": order.id, "purpose": order.purpose, "number": number,
        "provider": "stripe", "account": "main", "flow": "payment_intent", "state": state,
        "amount_minor": order.amount_minor or 1, "currency": order.currency, "fence": 1, "lease_until": None,
        "handle_kind": "payment_intent" if has_handle else None,
        "handle_ref": f"pi_{order.id.int >> 64}_{number}" if has_handle else None, "url": None,
        "client_secret": "secret" if has_handle else None, "expires_at": None,
        "disclosed_at": NOW if has_handle else None, "consent_at": None, "close_because": None, "decline": None,
        "needs_action": False, "created_at": NOW, "opened_at": NOW if has_handle else None, "sent_at": NOW,
        "asked_at": None, "instructions": None, "version": 1,
    }  # fmt: skip
    return Attempt(**values | more)


def intent_of(attempt: Attempt) -> Ref:
    """The payment intent of the attempt."""
    return Ref("payment_intent", f"pi_{attempt.order_id.int >> 64}_{attempt.number}")


def capture_key(attempt: Attempt) -> RefKey:
    """What the money of the attempt is counted by."""
    ref = intent_of(attempt)
    return RefKey(attempt.provider, attempt.account, ref.kind, ref.id)


def capture_of(book: Book, attempt: Attempt) -> Capture:
    """The money of the attempt, as the book has it."""
    return book.captures[capture_key(attempt)]


def observe(attempt: Attempt, seen: Seen, source: Source = "webhook") -> Observation:
    """An observation by the attempt's account."""
    return Observation(attempt.provider, attempt.account, source, seen, live_mode=False)


def payment(
    attempt: Attempt, status: PaymentStatus = "paid", captured: int | None = None, *, source: Source = "webhook",
    currency: str = "USD", reason: str = "",
) -> Observation:  # fmt: skip
    """The attempt's intent as seen; `paid` brings the whole amount unless told otherwise."""
    if captured is None:
        captured = attempt.amount_minor if status == "paid" else 0
    ref = intent_of(attempt)
    return observe(attempt, PaymentSeen(ref, status, attempt.id, ref, captured, None, currency, (), reason), source)


def deposit(
    attempt: Attempt, name: str, captured: int, *, source: Source = "webhook", currency: str = "USD"
) -> Observation:
    """A repeated deposit as seen: an object of its own that names the attempt's intent as what it follows."""
    ref, parent = Ref("payment", f"{intent_of(attempt).id}_{name}"), intent_of(attempt)
    seen = PaymentSeen(ref, "paid", None, ref, captured, None, currency, parent=parent)
    return observe(attempt, seen, source)


def refund(
    attempt: Attempt, name: str, status: RefundStatus, amount: int, source: Source = "webhook", currency: str = "USD",
    *, capture: Ref | None = None, ours: UUID | None = None,
) -> Observation:  # fmt: skip
    """A refund of the attempt's intent, or of another capture, as seen; `ours`: with the mark of our refund."""
    ref, of = Ref("refund", f"re_{name}"), capture or intent_of(attempt)
    return observe(attempt, RefundSeen(ref, status, of, amount, currency, refund_id=ours), source)


def dispute(
    attempt: Attempt, name: str, status: DisputeStatus, amount: int, source: Source = "webhook", currency: str = "USD"
) -> Observation:
    """A dispute of the attempt's intent as seen."""
    return observe(
        attempt, DisputeSeen(Ref("dispute", f"du_{name}"), status, intent_of(attempt), amount, currency), source
    )


def join(book: Book, attempt: Attempt, observation: Observation) -> Joined:
    """Join what was seen of the attempt into the book."""
    seen = observation.seen
    if isinstance(seen, PaymentSeen):
        return join_payment(book, attempt, observation, seen)
    return join_return(book, attempt, observation, seen)


def tell(book: Book, *told: tuple[Attempt, Observation]) -> None:
    """Join all of it, in this order."""
    for attempt, observation in told:
        join(book, attempt, observation)
