"""Random purposes and random histories of what a provider is seen to say of them, for property tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, RefKey, Rules
from payonce.domain.observation import Observation, PaymentSeen
from payonce.domain.order import Order
from payonce.domain.payout import Share
from payonce.domain.settling import key_of
from tests.domain.lives import ACCOUNTS, FACTS
from tests.domain.purposes import an_attempt, an_order, capture_key, deposit, dispute, new_book, payment, refund

Draw = Callable[[st.SearchStrategy[Any]], Any]
Told = tuple[int, Observation]

DEAD = ("closed", "failed", "abandoned")
LIVE = ("creating", "open", "pending", "closing", "in_doubt")


@dataclass(frozen=True)
class History:
    """A purpose as it stands at the beginning, and what is told of which of its attempts (by place)."""

    book: Callable[[], tuple[Book, list[Attempt]]]
    told: list[Told]

    def __repr__(self) -> str:
        book, attempts = self.book()
        orders = [(o.reference, o.state, o.closed_reason, o.amount_minor) for o in book.orders.values()]
        tries = [(capture_key(a).id, a.state) for a in attempts]
        lines = [f"{capture_key(attempts[place]).id} {o.source} {_short(o)}" for place, o in self.told]
        return "\n".join(["", f"orders {orders}", f"attempts {tries}", *lines])

    def most_captured(self, told: list[Told] | None = None) -> dict[RefKey, int]:
        """The most that was told of each capture."""
        most: dict[RefKey, int] = {}
        for _, observation in self.told if told is None else told:
            if isinstance(observation.seen, PaymentSeen):
                key = captured_by(observation)
                most[key] = max(most.get(key, 0), observation.seen.captured_minor)
        return {key: captured for key, captured in most.items() if captured}


@st.composite
def histories(draw: Draw, *, longest: int = 14, is_plain: bool = False) -> History:
    """A purpose with one to three orders and one to four attempts, and up to `longest` things told of them.

    `is_plain`: of one account, and without repeated deposits, as only one kind of provider tells it.
    """
    orders, attempts = _purpose(draw, ACCOUNTS[:1] if is_plain else ACCOUNTS)

    def book() -> tuple[Book, list[Attempt]]:
        copies = [_copied_order(order) for order in orders]
        tries = [_copied_attempt(attempt) for attempt in attempts]
        made = new_book(*copies, attempts=tries, rules=Rules(accounts=FACTS))
        # Two payees share every order that is large enough for both.
        made.shares = {order.id: shares_of(order) for order in copies if order.amount_minor >= 3}
        return made, tries

    told = draw(st.lists(_telling(attempts, is_plain), min_size=1, max_size=longest))
    return History(book, told)


def shares_of(order: Order) -> tuple[Share, ...]:
    """What others are to get of an order: a third, and the rest but one."""
    third = order.amount_minor // 3
    return Share("club", order.amount_minor - third - 1), Share("coach", third)


def _purpose(draw: Draw, accounts: Sequence[tuple[str, str]]) -> tuple[list[Order], list[Attempt]]:
    """Older orders are closed; the newest is open, closed, or waits behind one that is open."""
    amount = st.sampled_from([1, 4500, 5000])
    reasons = st.sampled_from(["expired", "cancelled", "superseded"])
    older = draw(st.integers(0, 2))
    orders = [an_order(n + 1, "closed", draw(amount), closed_reason=draw(reasons)) for n in range(older)]
    newest = draw(st.sampled_from(["open", "open", "open", "closed", "waiting"]))
    if newest == "waiting":
        orders.append(an_order(older + 1, "open", draw(amount), close_because="superseded"))
        orders.append(an_order(older + 2, "waiting", draw(amount), opened_at=None))
    elif newest == "closed":
        orders.append(an_order(older + 1, "closed", draw(amount), closed_reason=draw(reasons)))
    else:
        orders.append(an_order(older + 1, "open", draw(amount)))
    attempts = []
    for order in orders:
        tries = draw(st.integers(0 if len(orders) > 1 else 1, 2)) if order.state != "waiting" else 0
        attempts += [_tried(accounts, order, n + 1, draw(st.sampled_from(DEAD))) for n in range(tries)]
    if not attempts:
        attempts = [_tried(accounts, orders[0], 1, "closed")]
    last = attempts[-1]
    if last.order_id in {order.id for order in orders if order.state == "open"} and draw(st.booleans()):
        state = draw(st.sampled_from(LIVE))
        attempts[-1] = _tried(accounts, next(o for o in orders if o.id == last.order_id), last.number, state)
    return orders, attempts


def _tried(accounts: Sequence[tuple[str, str]], order: Order, number: int, state: str) -> Attempt:
    """An attempt by one of the accounts."""
    provider, account = accounts[((order.id.int >> 64) + number) % len(accounts)]
    return an_attempt(order, number, state, provider=provider, account=account)


def captured_by(observation: Observation) -> RefKey:
    """What the money that was seen is counted by."""
    seen = observation.seen
    assert isinstance(seen, PaymentSeen) and seen.capture is not None
    return key_of(observation, seen.capture)


def _telling(attempts: list[Attempt], is_plain: bool) -> st.SearchStrategy[Told]:
    @st.composite
    def tell(draw: Draw) -> Told:
        place = draw(st.integers(0, len(attempts) - 1))
        attempt, source = attempts[place], draw(st.sampled_from(["webhook", "poll"]))
        kind = draw(st.sampled_from(["payment", "payment", "payment", "deposit", "refund", "dispute"]))
        # An intent has one currency, ours or (somebody changed it) another one.
        currency = "EUR" if attempt.id.int % 7 == 3 else "USD"
        # Two refunds and one dispute of each payment, of whole, half and odd amounts.
        amount = draw(
            st.sampled_from([attempt.amount_minor, attempt.amount_minor, max(1, attempt.amount_minor // 2), 7])
        )
        if kind == "refund":
            name = f"{attempt.id.hex[-20:]}_{draw(st.sampled_from('ab'))}"
            status = draw(st.sampled_from(["unknown", "pending", "succeeded", "failed"]))
            return place, refund(attempt, name, status, amount, source, currency)
        if kind == "dispute":
            status = draw(st.sampled_from(["unknown", "warning", "ended", "open", "lost", "won"]))
            return place, dispute(attempt, attempt.id.hex[-20:], status, amount, source, currency)
        if kind == "deposit" and not is_plain:
            return place, deposit(attempt, draw(st.sampled_from("xy")), amount, source=source, currency=currency)
        status = draw(st.sampled_from(["paid", "paid", "open", "action", "asks_again", "pending", "failed", "closed"]))
        parts = [amount, amount + 5] if status == "paid" else [0, 0, 3, amount]
        captured = draw(st.sampled_from(parts)) if status != "unknown" else 0
        return place, payment(attempt, status, captured, source=source, currency=currency)

    return tell()


def _short(observation: Observation) -> str:
    seen = observation.seen
    if isinstance(seen, PaymentSeen):
        return f"{seen.status} {seen.captured_minor} {seen.currency}"
    return f"{seen.ref.id} {seen.status} {seen.amount_minor} {seen.currency}"


def _copied_order(order: Order) -> Order:
    return Order(**{name: getattr(order, name) for name in Order.__slots__})


def _copied_attempt(attempt: Attempt) -> Attempt:
    return Attempt(**{name: getattr(attempt, name) for name in Attempt.__slots__})
