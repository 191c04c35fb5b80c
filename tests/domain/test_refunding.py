"""When a refund may be sent, what is planned by itself, and what its outcome leads to: the rules as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from payonce.base.errors import Conflict, Refused
from payonce.domain import refunding
from payonce.domain.book import AccountFacts, Book, Capture, Return, Rules
from payonce.domain.observation import RefKey
from payonce.domain.policy import SurplusPolicy
from payonce.domain.refund import POLICY, SAID_NO, Refund
from payonce.domain.refunding import AskPerson, Go, Later, No
from tests.domain.purposes import NOW, an_attempt, an_order, capture_key, new_book

ABLE = {("stripe", "main"): AccountFacts(can_refund=True)}


def book_of(*, surplus: int = 0, allocated: int = 0, state: str = "paid", policy: Any = None, **order: Any) -> Book:
    """A book with one order and one capture, read at its provider, that brought `allocated` and `surplus`."""
    placed = an_order(1, state, **order)
    attempt = an_attempt(placed, 1, "paid")
    book = new_book(placed, attempts=[attempt])
    book.rules = Rules(policy or SurplusPolicy(), ABLE)
    key = capture_key(attempt)
    book.captures[key] = Capture(
        key, attempt.id, placed.id, "USD", surplus + allocated, allocated, surplus, True, captured_at=NOW
    )  # fmt: skip
    return book


def only(book: Book) -> Capture:
    """The one capture."""
    [capture] = book.captures.values()
    return capture


def returned(
    book: Book, amount: int, status: str = "succeeded", nature: str = "refund", of: Refund | None = None
) -> None:
    """Somebody took money of the capture back."""
    capture = only(book)
    key = RefKey("stripe", "main", nature, f"{nature}_{len(book.returns)}")
    gone = amount if status in ("succeeded", "open", "lost") else 0
    book.returns[key] = Return(
        nature, key, capture.key, capture.attempt_id, capture.order_id, status, amount, "USD", gone,
        of.id if of is not None else None,
    )  # fmt: skip


def asked(book: Book, amount: int, serves: Any = "surplus", by: str = POLICY, state: str = "due") -> Refund:
    """A refund of ours, in that state."""
    refund = refunding.add(book, only(book), amount, serves, "second_charge", by, book.now)
    refund.state = state
    return refund


def planned_of(book: Book) -> list[tuple[int, str, timedelta]]:
    """What `plan` writes: amount, reason, and how long it waits."""
    before = set(book.refunds)
    refunding.plan(book)
    new = [refund for refund_id, refund in book.refunds.items() if refund_id not in before]
    return [(refund.amount_minor, refund.reason, (refund.due_at or NOW) - NOW) for refund in new]


# What a person reads: the situation, how it is made, and what the rule says.
SENDING: list[tuple[str, Any, type[Any], str]] = [
    ("all of it is there", lambda book: None, Go, ""),
    ("a bank disputes it", lambda book: returned(book, 100, "open", "dispute"), Later, "disputed"),
    ("a bank only asks", lambda book: returned(book, 100, "warning", "dispute"), Later, "disputed"),
    ("a bank asked, and let it be", lambda book: returned(book, 100, "ended", "dispute"), Go, ""),
    ("a dispute was lost", lambda book: returned(book, 4500, "lost", "dispute"), No, "less_left"),
    ("a dispute was won", lambda book: returned(book, 4500, "won", "dispute"), Go, ""),
    ("somebody refunded a part", lambda book: returned(book, 1), No, "less_left"),
    ("a refund by others failed", lambda book: returned(book, 4500, "failed"), Go, ""),
    ("another refund asks for it", lambda book: asked(book, 1), No, "less_left"),
    ("another refund is in doubt", lambda book: asked(book, 1, state="in_doubt"), No, "less_left"),
    ("another refund failed", lambda book: asked(book, 4500, state="failed"), Go, ""),
    ("another was taken back", lambda book: asked(book, 4500, state="cancelled"), Go, ""),
]


@pytest.mark.parametrize(("situation", "make", "verdict", "why"), SENDING, ids=[row[0] for row in SENDING])
def test_whether_a_refund_of_surplus_may_be_sent(situation: str, make: Any, verdict: type[Any], why: str) -> None:
    """S9: pending and in doubt count, and so does what others took and what banks hold."""
    book = book_of(surplus=4500)
    refund = asked(book, 4500)
    make(book)
    said = refunding.may_send(book, refund)
    assert (type(said), getattr(said, "why", "")) == (verdict, why)


def test_money_that_only_an_event_told_of_is_read_first() -> None:
    """X6: nothing goes back before a read confirmed that it came."""
    book = book_of(surplus=4500)
    only(book).is_confirmed = False
    assert isinstance(refunding.may_send(book, asked(book, 4500)), Later)


@pytest.mark.parametrize(("by", "verdict"), [(POLICY, AskPerson), ("ada", Go)])
def test_above_the_limit_only_a_person_lets_it_go(by: str, verdict: type[Any]) -> None:
    """X6: by itself up to a limit, above it by a plan."""
    book = book_of(surplus=50_001, amount_minor=50_001)
    assert isinstance(refunding.may_send(book, asked(book, 50_001, by=by)), verdict)


@pytest.mark.parametrize(("by", "verdict"), [(POLICY, AskPerson), ("ada", Go)])
@pytest.mark.parametrize("status", ["succeeded", "lost"])
def test_where_the_orders_own_money_went_back_only_a_person_lets_surplus_go(
    by: str, verdict: type[Any], status: str
) -> None:
    """C22: whoever gave the order's money back may have meant this payment."""
    book = book_of(allocated=5000)
    returned(book, 5000, status, "refund" if status == "succeeded" else "dispute")
    first = only(book)
    order = book.orders[first.order_id]
    attempt = an_attempt(order, 2, "paid")
    book.attempts[attempt.id] = attempt
    key = capture_key(attempt)
    book.captures[key] = Capture(key, attempt.id, order.id, "USD", 4500, 0, 4500, True, captured_at=NOW)
    refund = refunding.add(book, book.captures[key], 4500, "surplus", "second_charge", by, NOW)
    assert isinstance(refunding.may_send(book, refund), verdict)


# policy, order's state, what is planned
PLANNING: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[int, str, timedelta]]]] = [
    ("second, refund", {}, {"surplus": 4500}, [(4500, "second_charge", timedelta())]),
    ("second, hold", {"second": "hold"}, {"surplus": 4500}, []),
    ("over, refund", {}, {"surplus": 10, "allocated": 5000}, [(10, "over_payment", timedelta())]),
    ("over, hold", {"over": "hold"}, {"surplus": 10, "allocated": 5000}, []),
    ("unfinished, refund", {}, {"surplus": 10, "state": "closed"}, [(10, "unfinished", timedelta(days=3))]),
    ("unfinished, hold", {"unfinished": "hold"}, {"surplus": 10, "state": "closed"}, []),
    ("cancelled, refund", {}, {"surplus": 10, "state": "closed", "closed_reason": "cancelled"},
     [(10, "unfinished", timedelta())]),
    ("late, refund", {}, {"surplus": 10, "state": "closed", "closed_at": NOW - timedelta(1)},
     [(10, "late_payment", timedelta())]),
    ("late, hold", {"late_else": "hold"}, {"surplus": 10, "state": "closed", "closed_at": NOW - timedelta(1)}, []),
    ("nothing is left", {}, {"allocated": 5000}, []),
]  # fmt: skip


@pytest.mark.parametrize(("case", "policy", "made", "expected"), PLANNING, ids=[row[0] for row in PLANNING])
def test_what_goes_back_by_itself(case: str, policy: Any, made: Any, expected: Any) -> None:
    """X6: each kind of surplus has its answer in the policy."""
    book = book_of(policy=SurplusPolicy(**policy), **made)
    assert planned_of(book) == expected
    assert planned_of(book) == [], "planning twice writes nothing twice"


def test_where_the_provider_cannot_refund_nothing_is_planned() -> None:
    """X6: providers that cannot refund: held, with a finding."""
    book = book_of(surplus=4500)
    book.rules = Rules(SurplusPolicy(), {})
    assert planned_of(book) == []
    assert refunding.prospect(book, only(book)) == "not_possible"


@pytest.mark.parametrize(("failed", "expected"), [
    (1, [(4500, "second_charge", timedelta(hours=1))]), (2, [(4500, "second_charge", timedelta(days=1))]), (3, []),
])  # fmt: skip
def test_a_failed_refund_is_followed_by_a_new_row_after_a_pause_and_by_a_person_after_three(
    failed: int, expected: Any
) -> None:
    """X6: at most three rows by itself, then a finding."""
    book = book_of(surplus=4500)
    for _ in range(failed):
        asked(book, 4500, state="failed")
    book.changed_captures.add(only(book).key)
    assert planned_of(book) == expected
    assert [finding.kind for finding in book.findings] == (["refund_failed"] if failed == 3 else [])


def test_a_persons_no_is_not_overruled() -> None:
    """X6: what a person took back is not planned again."""
    book = book_of(surplus=4500)
    refund = asked(book, 4500)
    refunding.cancel(book, refund, f"{SAID_NO}agreed otherwise")
    assert planned_of(book) == []


def test_unsent_refunds_of_money_that_went_otherwise_are_taken_back_the_newest_first() -> None:
    """S9: what asks for more than is left does not stand there until somebody approves it."""
    book = book_of(surplus=4500)
    first, second = asked(book, 2000, state="planned"), asked(book, 2500, state="due")
    returned(book, 1000)
    assert planned_of(book) == [(1500, "second_charge", timedelta())]
    assert (first.state, second.state, second.decline) == ("planned", "cancelled", "less_left")


@pytest.mark.parametrize("state", ["planned", "due"])
def test_a_dispute_only_freezes_what_is_not_sent(state: str) -> None:
    """X6: a dispute that is won leaves the refund where it was."""
    book = book_of(surplus=4500)
    refund = asked(book, 4500, state=state)
    returned(book, 4500, "open", "dispute")
    assert (planned_of(book), refund.state) == ([], state)


def test_a_refund_that_somebody_is_sending_is_left_alone() -> None:
    """X3: only its sender decides about it then."""
    book = book_of(surplus=4500)
    refund = asked(book, 4500)
    refund.lease_until = NOW + timedelta(seconds=30)
    returned(book, 4500)
    assert (planned_of(book), refund.state) == ([], "due")


LEDGER = [
    ("begun", {"surplus": 4500, "refunding": -4500}),
    ("put_back", {"surplus": -4500, "refunding": 4500}),
    ("unanswered", {}),
    ("begun", {}),
    ("accepted", {}),
    ("succeeded", {}),
    ("failed", {"surplus": -4500, "refunding": 4500}),
]


def test_the_ledger_shows_what_is_on_its_way_at_every_step() -> None:
    """X6: the ledger shows every stage."""
    book = book_of(surplus=4500)
    refund = asked(book, 4500)
    moved = []
    for event in ("begun", "put_back", "begun", "unanswered", "begun", "accepted", "succeeded", "failed"):
        before = len(book.entries)
        assert refunding.move(book, refund, event)
        lines = [line for each in book.entries[before:] for line in each.postings]
        moved.append((event, {line.account: line.amount_minor for line in lines}))
    assert moved == [LEDGER[0], LEDGER[1], LEDGER[0], *LEDGER[2:]]


@pytest.mark.parametrize(("age", "pause"), [
    (timedelta(), timedelta(minutes=1)), (timedelta(hours=4), timedelta(hours=1)), (timedelta(9), timedelta(1)),
])  # fmt: skip
def test_what_the_provider_took_on_is_asked_about_ever_more_seldom_and_at_least_daily(
    age: timedelta, pause: timedelta
) -> None:
    """X6: refunds are followed until the provider confirms."""
    book = book_of(surplus=4500)
    refund = asked(book, 4500, state="sent")
    refund.sent_at = NOW - age
    assert refunding.next_look(refund, NOW) == NOW + pause


@pytest.mark.parametrize(("age", "pause"), [(1, 1), (8, 8), (29, 29), (30, None)])
def test_what_arrived_is_looked_at_for_a_month(age: int, pause: int | None) -> None:
    """C5: banks send money back within about a month."""
    book = book_of(surplus=4500)
    refund = asked(book, 4500, state="succeeded")
    refund.ended_at = NOW - timedelta(age)
    assert refunding.next_look(refund, NOW) == (None if pause is None else NOW + timedelta(pause))


@pytest.mark.parametrize(("wish", "code"), [
    ({"of": "order", "state": "closed"}, "order_not_paid"), ({"amount_minor": 5001}, "amount_too_large"),
    ({"amount_minor": 0}, "amount_too_large"), ({"of": "surplus"}, "nothing_to_refund"),
])  # fmt: skip
def test_what_cannot_be_asked_for_is_refused_and_writes_nothing(wish: dict[str, Any], code: str) -> None:
    """S9: never more than is left."""
    book = book_of(allocated=5000, state=wish.get("state", "paid"))
    [order] = book.orders.values()
    with pytest.raises((Refused, Conflict)) as refused:
        refunding.ask(book, order, wish.get("amount_minor"), wish.get("of", "order"), "why", "ada")
    assert (refused.value.code, book.refunds) == (code, {})


def test_surplus_in_another_currency_goes_back_when_a_person_asks_for_it() -> None:
    """X6: wrong currency is held, and a person decides."""
    book = book_of(surplus=0, allocated=5000)
    [order] = book.orders.values()
    attempt = an_attempt(order, 2, "paid")
    book.attempts[attempt.id] = attempt
    key = capture_key(attempt)
    book.captures[key] = Capture(key, attempt.id, order.id, "EUR", 700, 0, 0, True, captured_at=NOW)
    assert planned_of(book) == []
    [made] = refunding.ask(book, order, 300, "surplus", "why", "ada")
    assert (made.currency, made.amount_minor, book.captures[key].surplus_minor) == ("EUR", 300, 700)


def test_an_amount_is_of_one_currency() -> None:
    """S9: sums of two currencies are no sum."""
    book = book_of(surplus=500, allocated=5000)
    [order] = book.orders.values()
    attempt = an_attempt(order, 2, "paid")
    book.attempts[attempt.id] = attempt
    key = capture_key(attempt)
    book.captures[key] = replace(only(book), key=key, attempt_id=attempt.id, currency="EUR")
    with pytest.raises(Refused) as refused:
        refunding.ask(book, order, 501, "surplus", "why", "ada")
    assert refused.value.detail == {"left_minor": 500}
    assert [(r.currency, r.amount_minor) for r in refunding.ask(book, order, 500, "surplus", "why", "ada")] == [
        ("USD", 500)
    ]
