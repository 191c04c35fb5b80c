"""Money that comes late, twice or too much: what it may still pay, and that it is never lost. Pure rules only."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from payonce.domain import purpose, refunding
from payonce.domain.book import AccountFacts, Book, Rules
from payonce.domain.order import Order
from payonce.domain.policy import SurplusPolicy
from payonce.domain.refund import SAID_NO
from tests.domain.purposes import NOW, an_attempt, an_order, capture_of, join, new_book, payment, refund, tell
from tests.domain.shelf import Shelf, check


def findings(book: Book) -> dict[str, int]:
    """Kind -> money at risk, of what the book is about to record."""
    return {finding.kind: finding.money_minor for finding in book.findings}


def test_confirmed_late_money_of_a_free_purpose_revives_its_order() -> None:
    """X6: a payment after closing settles its order where the purpose is free."""
    order = an_order(state="closed")
    attempt = an_attempt(order, state="closed")
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, source="poll"))
    assert (order.state, attempt.state, order.paid_at, order.closed_at) == ("paid", "paid", NOW, None)
    assert [s.order_id for s in book.settlements] == [order.id]
    assert {effect.kind.name for effect in book.effects} == {"invite", "late"}
    assert "late_payment" not in findings(book)


def test_late_money_that_only_an_event_told_of_is_held_until_a_read_confirms_it() -> None:
    """C22: an event is a snapshot; before a late payment pays anything, the provider is asked."""
    order = an_order(state="closed")
    attempt = an_attempt(order, state="closed")
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt))
    assert (order.state, book.is_contested, findings(book)) == ("closed", True, {"late_payment": 5000})
    join(book, attempt, payment(attempt, source="poll"))
    assert (order.state, book.is_contested, findings(book)) == ("paid", False, {})


def test_late_money_waits_until_the_other_order_cannot_be_paid_any_more() -> None:
    """X6: where another order is open, its live attempt is closed first, and one step revives and supersedes."""
    late, other = an_order(1, "closed"), an_order(2)
    dead, live = an_attempt(late, state="closed"), an_attempt(other)
    book = new_book(late, other, attempts=[dead, live])
    join(book, dead, payment(dead, source="poll"))
    assert (late.state, other.state, live.state, live.close_because) == ("closed", "open", "closing", "late_payment")
    assert book.is_contested
    join(book, live, payment(live, "closed", source="poll"))
    assert (late.state, other.state, other.closed_reason) == ("paid", "closed", "superseded")
    assert [s.order_id for s in book.settlements] == [late.id]


def test_late_money_is_surplus_where_the_other_order_was_paid_meanwhile() -> None:
    """X6: of two payments for one purpose, the first recorded settles and the other one is surplus."""
    late, other = an_order(1, "closed"), an_order(2)
    dead, live = an_attempt(late, state="closed"), an_attempt(other)
    book = new_book(late, other, attempts=[dead, live])
    tell(book, (dead, payment(dead, source="poll")), (live, payment(live)))
    assert (late.state, other.state) == ("closed", "paid")
    assert capture_of(book, dead).surplus_minor == 5000
    assert findings(book) == {"second_charge": 5000}
    assert [s.order_id for s in book.settlements] == [other.id]


def test_a_late_payment_of_part_of_the_amount_opens_its_order_again_for_the_rest() -> None:
    """X6: partial late money serves the order that it was sent for, which then asks for what is missing."""
    order = an_order(state="closed")
    attempt = an_attempt(order, state="closed")
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, captured=100, source="poll"))
    assert (order.state, order.received_minor, order.allocated_minor) == ("open", 100, 100)
    assert not book.is_contested and findings(book) == {"amount_differs": order.amount_minor - 100}


def test_a_late_payment_of_part_of_an_older_order_opens_nothing() -> None:
    """X6: where another order of the purpose was placed since, a part of the older one is surplus."""
    older, newer = an_order(1, "closed"), an_order(2, "closed")
    attempt = an_attempt(older, state="closed")
    book = new_book(older, newer, attempts=[attempt])
    join(book, attempt, payment(attempt, captured=100, source="poll"))
    assert (older.state, older.allocated_minor, newer.state) == ("closed", 0, "closed")
    assert not book.is_contested and capture_of(book, attempt).surplus_minor == 100


@pytest.mark.parametrize("reason", ["cancelled", "superseded", "purpose_paid", "sold_out", "duplicate"])
def test_money_of_an_order_that_may_not_come_back_is_surplus(reason: str) -> None:
    """X6: an order that the merchant cancelled, or that made way, is not revived by money."""
    order = an_order(state="closed", closed_reason=reason)
    attempt = an_attempt(order, state="closed")
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, source="poll"))
    assert (order.state, order.closed_reason, book.settlements) == ("closed", reason, [])
    assert findings(book) == {"second_charge": 5000} and not book.is_contested


def test_a_second_payment_of_a_paid_order_is_surplus_and_owes_no_second_fulfilment() -> None:
    """C22: the second payment is never recorded as settlement nor fulfilled, and is held as an open finding."""
    order = an_order()
    first, second = an_attempt(order, 1, "abandoned"), an_attempt(order, 2)
    book = new_book(order, attempts=[first, second])
    tell(book, (second, payment(second)), (first, payment(first)))
    assert (order.received_minor, order.allocated_minor, len(book.settlements)) == (10000, 5000, 1)
    assert book.settlements[0].attempt_id == second.id
    assert findings(book) == {"second_charge": 5000}
    assert [e.kind.name for e in book.effects] == ["invite", "surplus"]


def test_what_is_paid_beyond_the_amount_is_surplus_of_its_capture() -> None:
    """X6: too much is surplus as well."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, captured=5700))
    capture = capture_of(book, attempt)
    assert (order.state, capture.allocated_minor, capture.surplus_minor) == ("paid", 5000, 700)
    assert findings(book) == {"over_payment": 700}


def test_money_in_another_currency_pays_nothing_and_is_held() -> None:
    """B17: amounts carry their currency, and one never passes for the other."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, currency="VND", source="poll"))
    assert (order.state, order.received_minor, order.allocated_minor) == ("open", 0, 0)
    assert book.is_contested and findings(book) == {"currency_differs": 5000}


def released() -> tuple[Book, Order]:
    """A purpose that was paid, given back and released, and holds nothing else."""
    order = an_order(state="paid", allocated_minor=5000, received_minor=5000, released_at=NOW)
    return new_book(order, attempts=[an_attempt(order, 1, "abandoned")]), order


@pytest.mark.parametrize("source", ["webhook", "poll"])
def test_money_for_an_order_that_was_paid_and_released_is_surplus(source: str) -> None:
    """X6: every state of an order has an answer to money; a paid order is never settled again."""
    book, order = released()
    [attempt] = book.attempts.values()
    join(book, attempt, payment(attempt, source=source))  # type: ignore[arg-type]
    assert (order.state, order.allocated_minor, book.settlements) == ("paid", 5000, [])
    assert findings(book) == {"second_charge": 5000} and not book.is_contested


@pytest.mark.parametrize("refund_first", [True, False])
def test_late_money_that_was_given_back_revives_nothing_and_contests_nothing(refund_first: bool) -> None:
    """X6: applied, refunded, or an open finding; what was refunded is not applied as well."""
    order = an_order(state="closed")
    attempt = an_attempt(order, state="closed")
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    told = [payment(attempt), refund(attempt, "a", "succeeded", 5000)]
    for observation in reversed(told) if refund_first else told:
        join(book, attempt, observation)
        shelf.record(book)
    join(book, attempt, payment(attempt, source="poll"))
    shelf.record(book)
    assert (order.state, book.is_contested, shelf.settlements, shelf.open_findings) == ("closed", False, [], {})
    check(book, shelf, {capture_of(book, attempt).key: 5000})


def test_a_refund_that_fails_in_the_same_batch_leaves_its_surplus_watched() -> None:
    """X6: surplus whose refund came back is an open finding again, also when both are told at once."""
    order = an_order()
    first, second = an_attempt(order, 1, "abandoned"), an_attempt(order, 2)
    book, shelf = new_book(order, attempts=[first, second]), Shelf()
    tell(book, (second, payment(second)), (first, payment(first)))
    shelf.record(book)
    tell(book, (first, refund(first, "a", "succeeded", 5000)), (first, refund(first, "a", "failed", 5000)))
    shelf.record(book)
    assert [f.kind for f in shelf.open_findings.values()] == ["second_charge"]


def test_a_finding_tells_the_money_as_it_is_now_and_not_as_it_was_first_seen() -> None:
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    tell(book, (attempt, payment(attempt, captured=5001)), (attempt, payment(attempt, captured=5900)))
    assert findings(book) == {"over_payment": 900}


@pytest.mark.parametrize("first", ["capture", "returns"])
def test_more_returned_than_came_is_found_whatever_was_told_first(first: str) -> None:
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    told = [payment(attempt), refund(attempt, "a", "succeeded", 5000), refund(attempt, "b", "succeeded", 5000)]
    for observation in told if first == "capture" else reversed(told):
        join(book, attempt, observation)
        shelf.record(book)
    assert [f.money_minor for f in shelf.open_findings.values() if f.kind == "returned_twice"] == [5000]
    join(book, attempt, refund(attempt, "b", "failed", 5000))
    shelf.record(book)
    assert "returned_twice" not in {f.kind for f in shelf.open_findings.values()}


def test_the_settlement_stays_with_the_capture_that_completed_the_amount() -> None:
    """C1: an order is settled once, by the first capture that completes it, and never again."""
    order = an_order()
    first, second = an_attempt(order, 1, "abandoned"), an_attempt(order, 2)
    book, shelf = new_book(order, attempts=[first, second]), Shelf()
    for attempt, captured in ((second, 5000), (first, 5000), (first, 6000), (second, 6000)):
        join(book, attempt, payment(attempt, captured=captured, source="poll"))
        purpose.reconsider(book)
        shelf.record(book)
    assert [(s.attempt_id, s.amount_minor) for s in shelf.settlements] == [(second.id, 5000)]
    assert order.received_minor == 12000


def a_part_of_an_expired_order(kept: int = 2000) -> tuple[Order, Book, Shelf]:
    """An order of which a part came in before it expired, at a provider that can send it back."""
    order = an_order()
    attempt = an_attempt(order)
    rules = Rules(accounts={("stripe", "main"): AccountFacts(can_refund=True)})
    book, shelf = new_book(order, attempts=[attempt], rules=rules), Shelf()
    join(book, attempt, payment(attempt, captured=kept, source="poll"))
    purpose.close_order(book, order, "expired")
    purpose.reconsider(book)
    shelf.record(book)
    return order, book, shelf


def test_a_late_payment_of_the_rest_pays_the_order_with_what_it_had_before() -> None:
    """X6: what came before the order expired is taken back by it, where it is not on its way to the payer."""
    order, book, shelf = a_part_of_an_expired_order()
    assert [(ours.state, ours.amount_minor) for ours in book.refunds.values()] == [("due", 2000)]
    attempt = next(iter(book.attempts.values()))
    join(book, attempt, payment(attempt, captured=5000, source="poll"))
    shelf.record(book)
    assert (order.state, [ours.state for ours in book.refunds.values()]) == ("paid", ["cancelled"])
    check(book, shelf, {capture_of(book, attempt).key: 5000})


def test_late_money_that_opens_its_order_again_brings_what_it_had_before() -> None:
    """D2: the payer is asked for what is missing beside both payments."""
    order, book, shelf = a_part_of_an_expired_order()
    attempt = next(iter(book.attempts.values()))
    join(book, attempt, payment(attempt, captured=2500, source="poll"))
    shelf.record(book)
    assert (order.state, order.missing_minor) == ("open", 2500)
    check(book, shelf, {capture_of(book, attempt).key: 2500})


def test_what_is_on_its_way_back_or_was_promised_by_a_person_serves_its_order_no_more() -> None:
    order, book, shelf = a_part_of_an_expired_order()
    ours = next(iter(book.refunds.values()))
    refunding.cancel(book, ours, f"{SAID_NO}not all of it")
    asked = refunding.ask(book, order, 1500, "surplus", "goodwill", "ann")
    attempt = next(iter(book.attempts.values()))
    join(book, attempt, payment(attempt, captured=5000, source="poll"))
    shelf.record(book)
    assert (order.state, order.missing_minor, [one.state for one in asked]) == ("open", 1500, ["due"])
    check(book, shelf, {capture_of(book, attempt).key: 5000})


@pytest.mark.parametrize(
    ("reason", "late", "late_else", "goes_back"),
    [
        ("expired", "hold", "refund", False),
        ("expired", "refund", "hold", True),
        ("cancelled", "hold", "refund", True),
        ("cancelled", "refund", "hold", False),
    ],
)
def test_the_rest_of_late_money_of_which_a_part_was_returned_follows_the_policy(
    reason: str, late: Literal["hold", "refund"], late_else: Literal["hold", "refund"], goes_back: bool
) -> None:
    """X6: one policy decides late money, also after somebody gave a part of it back by hand."""
    order = an_order(state="closed", closed_reason=reason, closed_at=NOW - timedelta(hours=1))
    attempt = an_attempt(order, state="closed")
    rules = Rules(
        SurplusPolicy(late=late, late_else=late_else), {("stripe", "main"): AccountFacts(can_refund=True)}
    )  # fmt: skip
    book = new_book(order, attempts=[attempt], rules=rules)
    tell(book, (attempt, refund(attempt, "a", "succeeded", 1000)), (attempt, payment(attempt, source="poll")))
    assert [ours.amount_minor for ours in book.refunds.values()] == ([4000] if goes_back else [])


def test_late_money_takes_the_purpose_from_no_order_that_is_paid_in_part() -> None:
    """X6: it revives its order where the other one can be closed unpaid; else it is surplus, at once."""
    late, other = an_order(1, "closed"), an_order(2)
    dead, former, live = an_attempt(late, state="closed"), an_attempt(other, state="failed"), an_attempt(other, 2)
    book = new_book(late, other, attempts=[dead, former, live])
    tell(book, (former, payment(former, captured=2000)), (dead, payment(dead, source="poll")))
    assert (late.state, other.state, other.allocated_minor, live.state) == ("closed", "open", 2000, "open")
    assert capture_of(book, dead).surplus_minor == 5000 and not book.is_contested
