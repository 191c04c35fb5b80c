"""Payments of a part: which attempt goes on, what is asked next, and what was returned meanwhile. Pure rules."""

from __future__ import annotations

from typing import Literal

import pytest

from payonce.domain.checkout import reopen
from payonce.domain.observation import PaymentStatus
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

GoesOn = Literal["open", "action", "asks_again", "pending"]


@pytest.mark.parametrize("status", ["open", "action", "asks_again", "pending"])
def test_an_attempt_that_brought_a_part_stays_live_while_its_provider_takes_the_rest(status: GoesOn) -> None:
    """X2: what can still be paid stays live, so that no second object is made beside it."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, status, captured=2000))
    assert attempt.is_live and (order.state, order.allocated_minor) == ("open", 2000)
    join(book, attempt, payment(attempt, captured=5000))
    assert (attempt.state, order.state, len(book.settlements)) == ("paid", "paid", 1)


@pytest.mark.parametrize("status", ["paid", "closed", "failed"])
def test_an_attempt_that_brought_a_part_and_ended_makes_room_for_the_next(
    status: Literal["paid", "closed", "failed"],
) -> None:
    """X6: the next attempt starts only when the provider calls the former terminal."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, status, captured=2000))
    assert (attempt.state, order.state, order.missing_minor) == ("paid", "open", 3000)


@pytest.mark.parametrize("state", ["closed", "failed", "abandoned"])
def test_money_leads_to_paid_from_a_dead_attempt_whatever_status_stands_beside_it(state: str) -> None:
    """X6: from every state a capture leads to paid; nothing comes back to life."""
    order = an_order()
    attempt = an_attempt(order, state=state)
    book = new_book(order, attempts=[attempt])
    join(book, attempt, payment(attempt, "action", captured=2000))
    assert attempt.state == "paid"


@pytest.mark.parametrize("first", ["money", "refund"])
def test_what_was_returned_of_an_unpaid_order_is_asked_for_again(first: str) -> None:
    """X6: an order is paid by what it keeps at that instant."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    told = [payment(attempt, captured=2000), refund(attempt, "a", "succeeded", 500)]
    for observation in told if first == "money" else reversed(told):
        join(book, attempt, observation)
        shelf.record(book)
    assert (order.allocated_minor, capture_of(book, attempt).surplus_minor) == (1500, 500)
    check(book, shelf, {capture_of(book, attempt).key: 2000})
    join(book, attempt, refund(attempt, "b", "succeeded", 1500))
    shelf.record(book)
    assert order.allocated_minor == 0
    check(book, shelf, {capture_of(book, attempt).key: 2000})


def test_what_was_returned_of_a_paid_order_takes_nothing_from_its_settlement() -> None:
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    tell(book, (attempt, payment(attempt)), (attempt, refund(attempt, "a", "succeeded", 5000)))
    assert (order.state, order.allocated_minor, order.refunded_minor) == ("paid", 5000, 5000)


def test_a_full_payment_whose_refund_was_told_first_still_pays_its_order() -> None:
    """C22: which event came first decides nothing about what was paid; the fulfilment looks at what is kept."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    tell(book, (attempt, refund(attempt, "a", "succeeded", 5000)), (attempt, payment(attempt)))
    assert (order.state, order.allocated_minor, order.refunded_minor) == ("paid", 5000, 5000)


def test_reopening_takes_back_what_was_not_returned() -> None:
    """D2: a payer who comes back is asked for the rest only."""
    order = an_order(state="closed")
    attempt = an_attempt(order, state="paid")
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    join(book, attempt, payment(attempt, captured=2000))
    capture = capture_of(book, attempt)
    join(book, attempt, refund(attempt, "a", "succeeded", 300))
    shelf.record(book)
    reopen(book, order)
    shelf.record(book)
    assert (order.state, order.allocated_minor, capture.surplus_minor) == ("open", 1700, 300)
    check(book, shelf, {capture.key: 2000})


@pytest.mark.parametrize("at_once", [True, False])
def test_the_settlement_names_the_payment_that_completed_the_amount(at_once: bool) -> None:
    """C1: the same one whether both payments are told in one transaction or in two."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt]), Shelf()
    join(book, attempt, payment(attempt, captured=3000))
    if not at_once:
        shelf.record(book)
    join(book, attempt, deposit(attempt, "z", 2000))
    shelf.record(book)
    assert [settlement.capture and settlement.capture.id for settlement in shelf.settlements] == ["pi_1_1_z"]


def test_what_only_the_page_wants_to_know_is_an_outcome_too() -> None:
    """C5: an event is recorded as known only where it changed nothing."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    book.refs[capture_key(attempt)] = attempt.id
    told: list[tuple[PaymentStatus, str]] = [
        ("action", ""), ("action", ""), ("asks_again", "declined"), ("asks_again", "declined"),
    ]  # fmt: skip
    outcomes = [join(book, attempt, payment(attempt, status, reason=reason)) for status, reason in told]
    assert [(one.outcome, one.reason) for one in outcomes] == [
        ("applied", "action"), ("ignored", "known"), ("applied", "asks_again"), ("ignored", "known"),
    ]  # fmt: skip
