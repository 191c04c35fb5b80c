"""Money that came back: a dispute that was won, a refund that failed, and growth after a release. Pure rules."""

from __future__ import annotations

from typing import Literal

import pytest

from payonce.domain import refunding, serving
from payonce.domain.attempt import Attempt
from payonce.domain.book import AccountFacts, Book, Rules
from payonce.domain.checkout import Ask, Terms, next_step
from payonce.domain.observation import Observation
from payonce.domain.policy import Policy
from payonce.domain.refund import SAID_NO
from tests.domain.purposes import (
    NOW,
    an_attempt,
    an_order,
    capture_of,
    dispute,
    join,
    new_book,
    payment,
    refund,
)
from tests.domain.shelf import Shelf, check

FACTS = {("stripe", "main"): AccountFacts(can_close=True, can_refund=True)}
Ending = Literal["won", "failed"]


def gone_and_back(attempt: Attempt, ending: Ending, amount: int) -> tuple[Observation, Observation]:
    """Money that a bank or somebody else takes, and that is here again."""
    if ending == "won":
        return dispute(attempt, "a", "open", amount), dispute(attempt, "a", "won", amount)
    return refund(attempt, "a", "succeeded", amount), refund(attempt, "a", "failed", amount)


def a_part(ending: Ending, taken: int = 2000) -> tuple[Book, Shelf]:
    """An open order that was paid in part, and whose part went."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt], rules=Rules(accounts=FACTS)), Shelf()
    join(book, attempt, payment(attempt, captured=2000))
    join(book, attempt, gone_and_back(attempt, ending, taken)[0])
    shelf.record(book)
    assert order.allocated_minor == 2000 - taken
    return book, shelf


@pytest.mark.parametrize("taken", [2000, 500])
@pytest.mark.parametrize("ending", ["won", "failed"])
def test_money_that_comes_back_to_an_open_order_serves_it_again(ending: Ending, taken: int) -> None:
    """X6: money that its payer sent for the order and that is here serves it; nothing of it goes back as surplus."""
    book, shelf = a_part(ending, taken)
    order, attempt = book.newest(), next(iter(book.attempts.values()))
    join(book, attempt, gone_and_back(attempt, ending, taken)[1])
    shelf.record(book)
    capture = capture_of(book, attempt)
    assert (order.state, order.allocated_minor, capture.surplus_minor) == ("open", 2000, 0)
    assert not book.refunds and not any("over_payment" in found for found in shelf.open_findings)
    check(book, shelf, {capture.key: 2000})


@pytest.mark.parametrize("ending", ["won", "failed"])
def test_all_that_happened_told_at_once_says_the_same(ending: Ending) -> None:
    """X6: one transaction may move the same money away and back, and away again by another one."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt], rules=Rules(accounts=FACTS)), Shelf()
    away, back = gone_and_back(attempt, ending, 2000)
    for told in (payment(attempt, captured=2000), away, back, refund(attempt, "z", "succeeded", 2000)):
        join(book, attempt, told)
    causes = [entry.cause for entry in book.entries]
    assert len(causes) == len(set(causes))
    shelf.record(book)
    assert (order.allocated_minor, capture_of(book, attempt).surplus_minor) == (0, 2000)
    check(book, shelf, {capture_of(book, attempt).key: 2000})


def test_money_that_comes_back_and_completes_the_amount_pays_the_order_and_closes_the_other_attempt() -> None:
    """X6: what was sent for the order pays it, and nobody pays it a second time."""
    book, shelf = a_part("won")
    order, first = book.newest(), next(iter(book.attempts.values()))
    second = an_attempt(order, 2, "paid", amount_minor=5000)
    third = an_attempt(order, 3, amount_minor=2000)
    book.attempts |= {second.id: second, third.id: third}
    join(book, second, payment(second, captured=3000))
    assert order.missing_minor == 2000
    join(book, first, gone_and_back(first, "won", 2000)[1])
    shelf.record(book)
    assert (order.state, third.state, len(shelf.settlements)) == ("paid", "closing", 1)


def test_an_attempt_that_asks_for_what_came_back_is_replaced() -> None:
    """X6: a page that asks for the whole amount is closed once a part of it is here again."""
    book, _ = a_part("won")
    order, first = book.newest(), next(iter(book.attempts.values()))
    second = an_attempt(order, 2)
    book.attempts[second.id] = second
    join(book, first, gone_and_back(first, "won", 2000)[1])
    assert (second.state, second.close_because, order.missing_minor) == ("closing", "replaced", 3000)


def test_a_click_on_a_page_that_asks_too_much_replaces_it() -> None:
    """X6: what is handed out asks for no more than is missing, whatever made it too much."""
    order = an_order()
    older, live = an_attempt(order, state="closed"), an_attempt(order, 2)
    live.opened_at, live.url = NOW, "https://pay.example/2"
    book = new_book(order, attempts=[older, live], rules=Rules(accounts=FACTS))
    join(book, older, payment(older, captured=2000))
    assert live.state == "open" and serving.asks_too_much(book, order, live)
    step = next_step(book, order, Terms("stripe", "main", "payment_intent", NOW - NOW), Policy())
    assert isinstance(step, Ask) and (step.attempt, step.verb, live.state) == (live, "close", "closing")


def test_an_attempt_is_not_replaced_for_what_it_brought_itself() -> None:
    """X2: a page that goes on taking the rest asks for the rest only."""
    order = an_order()
    live = an_attempt(order)
    book = new_book(order, attempts=[live])
    join(book, live, payment(live, "open", captured=2000))
    assert live.is_live and not serving.asks_too_much(book, order, live)


@pytest.mark.parametrize("word", ["asked", "said_no"])
def test_what_a_person_decided_about_stays_surplus(word: str) -> None:
    """X6: a person's word about money stands, whatever the order still asks."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt], rules=Rules(accounts=FACTS))
    join(book, attempt, payment(attempt, captured=2000))
    join(book, attempt, refund(attempt, "a", "succeeded", 2000))
    capture = capture_of(book, attempt)
    ours = refunding.add(book, capture, 2000, "surplus", "x", "ann" if word == "asked" else "policy", NOW)
    refunding.cancel(book, ours, f"{SAID_NO}keep it" if word == "said_no" else "less_left")
    join(book, attempt, refund(attempt, "a", "failed", 2000))
    assert (order.allocated_minor, capture.surplus_minor) == (0, 2000)


def test_money_that_one_bank_gave_back_and_another_still_disputes_serves_nothing_yet() -> None:
    """S1: what may be taken again at any moment pays nothing."""
    book, _ = a_part("failed")
    order, attempt = book.newest(), next(iter(book.attempts.values()))
    join(book, attempt, dispute(attempt, "b", "warning", 2000))
    join(book, attempt, refund(attempt, "a", "failed", 2000))
    assert order.allocated_minor == 0
    join(book, attempt, dispute(attempt, "b", "won", 2000))
    assert order.allocated_minor == 2000


@pytest.mark.parametrize("by", ["others", "us"])
def test_a_capture_that_grows_after_its_order_was_released_is_surplus_that_goes_back(by: str) -> None:
    """X6: the order's own money was all back; what comes on top is nobody's, and is not mistaken for that money."""
    order = an_order()
    attempt = an_attempt(order)
    book, shelf = new_book(order, attempts=[attempt], rules=Rules(accounts=FACTS)), Shelf()
    join(book, attempt, payment(attempt))
    capture = capture_of(book, attempt)
    ours = None
    if by == "us":
        ours = refunding.ask(book, order, None, "order", "asked for", "ann")[0]
        refunding.move(book, ours, "begun")
    join(book, attempt, refund(attempt, "a", "succeeded", 5000, ours=ours.id if ours else None))
    order.released_at = NOW
    book.touch_order(order)
    shelf.record(book)
    join(book, attempt, payment(attempt, captured=5700))
    shelf.record(book)
    assert (capture.surplus_minor, book.surplus_back(capture), book.order_back(capture)) == (700, 0, 5000)
    sent_back = [(one.amount_minor, one.state) for one in book.refunds.values() if one.serves == "surplus"]
    assert sent_back == [(700, "due")]
    assert not any("return_undone" in found for found in shelf.open_findings)
    check(book, shelf, {capture.key: 5700})


def test_a_refund_of_the_order_that_fails_after_the_release_does_not_bring_surplus_back_to_life() -> None:
    """S9: our refund of surplus stays counted as that, whatever becomes of the order's own money."""
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt], rules=Rules(accounts=FACTS))
    join(book, attempt, payment(attempt, captured=5700))
    [ours] = book.refunds.values()
    refunding.move(book, ours, "begun")
    join(book, attempt, refund(attempt, "s", "succeeded", 700, ours=ours.id))
    join(book, attempt, refund(attempt, "o", "succeeded", 5000))
    order.released_at = NOW
    join(book, attempt, refund(attempt, "o", "failed", 5000))
    capture = capture_of(book, attempt)
    assert (book.surplus_back(capture), book.order_back(capture)) == (700, 0)
    assert {found.kind: found.money_minor for found in book.findings}["return_undone"] == 5000
