"""Refunds and disputes as they are told: whose they are, in which order, and of which money. Pure rules only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payonce.domain import purpose, refunding
from payonce.domain.book import AccountFacts, Rules
from payonce.domain.observation import Ref, RefundStatus
from tests.domain.purposes import (
    an_attempt,
    an_order,
    capture_key,
    capture_of,
    deposit,
    join,
    new_book,
    payment,
    refund,
    tell,
)
from tests.domain.shelf import Shelf, check

ABLE = Rules(accounts={("stripe", "main"): AccountFacts(can_refund=True)})


@pytest.mark.parametrize("then", ["pending", "succeeded"])
def test_an_echo_that_is_late_with_its_mark_does_not_turn_back_what_was_told_since(then: RefundStatus) -> None:
    """A refund that failed stays failed, and one that arrived stays there, whichever telling carries our mark."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt], rules=ABLE), Shelf()
    join(book, attempt, payment(attempt, captured=5700, source="poll"))
    ours = next(iter(book.refunds.values()))
    for event in ("begun", "unanswered"):
        refunding.move(book, ours, event)
    last: RefundStatus = "failed" if then == "succeeded" else "succeeded"
    join(book, attempt, refund(attempt, "a", last, 700))
    shelf.record(book)
    join(book, attempt, refund(attempt, "a", then, 700, ours=ours.id))
    shelf.record(book)
    join(book, attempt, refund(attempt, "a", last, 700, ours=ours.id))
    shelf.record(book)
    assert ours.state == last
    assert order.refunded_minor == (700 if last == "succeeded" else 0)
    check(book, shelf, {capture_key(attempt): 5700})


def test_money_of_a_deposit_that_goes_back_leaves_the_rest_found_as_missing() -> None:
    """X6: an order that is paid in part is an open finding until it is paid in whole or not at all."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    tell(book, (attempt, payment(attempt, captured=2000)), (attempt, deposit(attempt, "z", 1000)))
    shelf.record(book)
    join(book, attempt, refund(attempt, "a", "succeeded", 1000, capture=Ref("payment", "pi_1_1_z")))
    shelf.record(book)
    assert order.allocated_minor == 2000
    assert [finding.kind for finding in shelf.open_findings.values()] == ["amount_differs"]


def test_a_refund_that_names_the_charge_counts_for_one_payment_only() -> None:
    """S21: what went back once is not taken off two payments of an attempt."""
    order = an_order(state="closed", closed_reason="cancelled")
    attempt = an_attempt(order, state="closed")
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    told = [payment(attempt, source="poll"), deposit(attempt, "z", 5000, source="poll")]
    charge = refund(attempt, "a", "succeeded", 5000, capture=Ref("charge", "ch_1"))
    for observation in (*told, charge):
        join(book, attempt, observation)
        shelf.record(book)
    assert [finding.kind for finding in shelf.open_findings.values()] == ["second_charge"]
    second = next(key for key in book.captures if key != capture_key(attempt))
    check(book, shelf, {capture_key(attempt): 5000, second: 5000})


def test_a_refund_that_was_told_before_its_payment_is_counted_for_no_other_payment() -> None:
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    of_deposit = refund(attempt, "a", "succeeded", 900, capture=Ref("payment", "pi_1_1_z"))
    for observation in (payment(attempt, captured=600), of_deposit):
        join(book, attempt, observation)
        shelf.record(book)
    assert "returned_twice" in {finding.kind for finding in shelf.open_findings.values()}
    join(book, attempt, deposit(attempt, "z", 900))
    shelf.record(book)
    assert "returned_twice" not in {finding.kind for finding in shelf.open_findings.values()}
    second = next(key for key in book.captures if key != capture_key(attempt))
    check(book, shelf, {capture_key(attempt): 600, second: 900})


def test_giving_up_on_a_refund_is_said_once() -> None:
    """A finding counts how often its difference was seen, so looking again at nothing new does not count up."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt], rules=ABLE), Shelf()
    join(book, attempt, payment(attempt, captured=5700, source="poll"))
    for _ in range(3):
        book.now += timedelta(days=2)
        ours = next(one for one in book.refunds.values() if one.state == "due")
        refunding.move(book, ours, "begun")
        refunding.told(book, ours, "failed")
        purpose.reconsider(book)
    assert "refund_failed" in {finding.kind for finding in book.findings}
    shelf.record(book)
    join(book, attempt, payment(attempt, captured=5700, source="poll"))
    assert book.findings == []
    join(book, attempt, refund(attempt, "by_hand", "succeeded", 700))
    shelf.record(book)
    assert shelf.open_findings == {} and capture_of(book, attempt).surplus_minor == 700


def test_what_others_began_to_send_back_is_not_sent_by_us_beside_it() -> None:
    """X6: money goes back once; where their refund fails, ours goes after all."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt], rules=ABLE), Shelf()
    join(book, attempt, refund(attempt, "a", "pending", 700))
    join(book, attempt, payment(attempt, captured=5700, source="poll"))
    shelf.record(book)
    assert book.refunds == {}
    join(book, attempt, refund(attempt, "a", "failed", 700))
    shelf.record(book)
    assert [(ours.state, ours.amount_minor) for ours in book.refunds.values()] == [("due", 700)]
    check(book, shelf, {capture_key(attempt): 5700})
