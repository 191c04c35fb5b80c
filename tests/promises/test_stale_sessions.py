"""Sessions that are old, expired, complete or refuse to be closed: the guard never leaves two of them payable."""

from __future__ import annotations

import pytest

from payonce.usecases.answers import AlreadyPaid, Checkout, InProgress, Silent
from tests.promises.acts import (
    CLOSINGS,
    DAY,
    HOUR,
    MINUTE,
    attempts,
    calls,
    cancel,
    expire,
    findings,
    heal,
    intent_of,
    payable,
    refresh,
    spoil,
)
from tests.promises.conftest import Build
from tests.promises.soundness import everything
from tests.support.house import House


def test_at_thirty_minutes_the_session_is_given_again_and_a_second_later_replaced(house: House) -> None:
    """X8: stale is older than 30:00."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(30 * MINUTE)
    assert house.checkout(order).url == first.url
    house.clock.move(1)
    second = house.checkout(order)
    assert (second.outcome, payable(house)) == ("replaced", [second.provider_ref])
    assert house.pay(first) == "refused"


def test_a_session_lives_five_minutes_longer_at_the_provider_than_with_us(house: House) -> None:
    """D8: created with an expiry of the stale threshold plus slack, so that our decision comes first."""
    order = house.place()
    checkout = house.checkout(order)
    assert checkout.expires_at is not None
    assert (checkout.expires_at - house.clock.now()).total_seconds() == 35 * MINUTE


def test_a_replaced_session_is_closed_at_the_provider_and_kept_with_us(house: House) -> None:
    """D7: cancelled, never deleted."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    house.checkout(order)
    assert house.see(order).attempts[0].id == first.attempt_id
    assert attempts(house, order) == [(1, "closed"), (2, "open")]


def test_what_the_payer_left_behind_is_expired_at_the_provider_when_its_order_closes(house: House) -> None:
    """C23: stale provider sessions are expired at the provider."""
    order = house.place()
    house.checkout(order)
    house.clock.move(20 * MINUTE)
    cancel(house, order)
    assert (payable(house), attempts(house, order)) == ([], [(1, "closed")])


@pytest.mark.parametrize("flow", ["checkout_session", "payment_intent"])
def test_closing_is_refused_because_it_was_paid_this_moment_and_the_order_is_paid(build: Build, flow: str) -> None:
    """X7: a refusal means read it: it may be paid."""
    house = build(flow=flow)
    order = house.place()
    house.checkout(order)
    house.clock.move(31 * MINUTE)
    for operation in CLOSINGS:
        spoil(house, operation, "payer_first")
    assert isinstance(house.click(order), AlreadyPaid)
    assert (house.see(order).state, attempts(house, order)) == ("paid", [(1, "paid")])
    house.deliver_owed()
    assert house.see(order).counters.recorded == 1


@pytest.mark.parametrize("flow", ["checkout_session", "payment_intent"])
def test_closing_is_refused_because_a_debit_is_processing_and_the_payer_waits(build: Build, flow: str) -> None:
    """X7: a refusal means read it: it may be processing."""
    house = build(flow=flow)
    order = house.place()
    checkout = house.checkout(order)
    house.clock.move(31 * MINUTE)
    for operation in CLOSINGS:
        spoil(house, operation, "payer_first", method="pm_usBankAccount_success")
    answer = house.click(order)
    assert isinstance(answer, InProgress) and answer.reason == "processing"
    assert attempts(house, order) == [(1, "pending")]
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    assert house.see(order).state == "paid"


def test_when_the_provider_does_not_answer_the_close_the_old_session_is_given_again(house: House) -> None:
    """X7: no answer means no new session."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    spoil(house, "*", times=None)
    again = house.checkout(order)
    assert (again.attempt_id, again.url, again.outcome) == (first.attempt_id, first.url, "reused")
    assert attempts(house, order) == [(1, "closing")]
    heal(house)
    house.pay(first)
    house.deliver_owed()
    assert house.see(order).state == "paid"


def test_when_the_old_session_is_over_as_well_silence_is_told_with_its_time(house: House) -> None:
    """X7: never an expired address, never a second session: 503 and when to come back."""
    order = house.place()
    house.checkout(order)
    house.clock.move(36 * MINUTE)
    spoil(house, "*", times=None)
    answer = house.click(order)
    assert isinstance(answer, Silent) and answer.retry_after_seconds > 0
    assert attempts(house, order) == [(1, "closing")]
    heal(house)
    assert isinstance(house.click(order), Checkout)
    assert attempts(house, order) == [(1, "closed"), (2, "open")]


def test_when_the_close_took_effect_and_its_answer_was_lost_it_is_read_and_replaced(house: House) -> None:
    """X7: what became of it is read, not assumed."""
    order = house.place()
    house.checkout(order)
    house.clock.move(31 * MINUTE)
    spoil(house, "*.expire", when="after")
    second = house.checkout(order)
    assert (second.outcome, payable(house)) == ("replaced", [second.provider_ref])


def test_a_session_that_expired_by_its_own_clock_is_replaced_whatever_was_heard_of_it(house: House) -> None:
    """D5: only what can still be paid is given again."""
    order = house.place()
    house.checkout(order)
    house.clock.move(2 * HOUR)
    second = house.checkout(order)
    assert (attempts(house, order), payable(house)) == ([(1, "closed"), (2, "open")], [second.provider_ref])


def test_the_expiry_that_the_provider_tells_frees_the_order_for_the_next_click(house: House) -> None:
    """B9: the Checkout Session's events are handled; the order itself stays open."""
    order = house.place()
    house.checkout(order)
    house.clock.move(35 * MINUTE)
    house.stripe.truth.intents()
    house.stripe.books.catch_up()
    house.deliver_owed()
    assert (house.see(order).state, attempts(house, order)) == ("open", [(1, "closed")])
    assert isinstance(house.click(order), Checkout)


def test_who_pays_in_the_second_of_the_expiry_has_paid(house: House) -> None:
    """D2: money at the worst moment still pays the order, and the click is told so."""
    order = house.place()
    first = house.checkout(order)
    assert first.provider_ref is not None
    house.stripe.payer.pay_at_expiry(first.provider_ref)
    house.clock.move(36 * MINUTE)
    answer = house.click(order)
    assert isinstance(answer, AlreadyPaid), answer
    house.deliver_owed()
    assert (house.see(order).counters.charged, house.see(order).counters.recorded) == (1, 1)


def test_a_complete_session_whose_debit_failed_is_dead_and_the_next_number_starts(house: House) -> None:
    """X8: complete: read it; a failed payment of a complete session proves it dead."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_usBankAccount_insufficientFunds")
    house.deliver_owed()
    house.clock.move(3 * DAY)
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    second = house.checkout(order)
    assert attempts(house, order) == [(1, "closed"), (2, "open")]
    assert payable(house) == [second.provider_ref]


def test_a_debit_that_fails_at_once_does_not_lead_the_payer_to_a_page_that_is_done(house: House) -> None:
    """D2: who is willing to pay is not blocked by a session that is complete and takes no other method."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_usBankAccount_insufficientFunds")
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    second = house.checkout(order)
    assert house.stripe.payer.pay(second.provider_ref or "") == "succeeded"


def test_an_intent_whose_debit_failed_asks_again_and_is_paid_by_card(build: Build) -> None:
    """B8: payment_failed is handled: pending goes back to open, and the same intent is paid."""
    house = build(flow="payment_intent")
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_usBankAccount_insufficientFunds")
    house.deliver_owed()
    assert isinstance(house.click(order), InProgress)
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    assert house.checkout(order).attempt_id == checkout.attempt_id
    house.pay(checkout)
    house.deliver_owed()
    assert house.see(order).state == "paid"


def test_who_returns_before_the_webhook_is_answered_by_one_question_to_the_provider(house: House) -> None:
    """A11: what a webhook tells is found without it: by coming back to the page."""
    order = house.place()
    house.pay(house.checkout(order))
    before = len(house.stripe.calls)
    assert refresh(house, order).state == "paid"
    assert len(house.stripe.calls) == before + 1
    assert [r.reason for r in house.deliver_owed() if r.outcome == "applied"] == []


def test_many_returns_are_one_question_within_three_seconds(house: House) -> None:
    """E17: several tabs and reloads are harmless."""
    order = house.place()
    house.checkout(order)
    refresh(house, order)
    asked, before = len(house.stripe.calls), everything(house)
    for _ in range(10):
        assert refresh(house, order).state == "open"
    assert (len(house.stripe.calls), everything(house)) == (asked, before)
    house.clock.move(3)
    refresh(house, order)
    assert len(house.stripe.calls) == asked + 1


def test_a_return_with_nothing_to_ask_about_asks_nobody(house: House) -> None:
    order = house.place()
    assert refresh(house, order).payment == "none"
    assert calls(house) == []


def test_an_open_session_that_nobody_told_of_is_asked_about_and_settled_by_the_job(house: House) -> None:
    """A1: a job settles orders that are stuck because their webhook never came."""
    order = house.place()
    house.pay(house.checkout(order))
    house.owed_webhooks()
    house.clock.move(6 * MINUTE)
    assert house.resolve().settled == 1
    assert house.see(order).state == "paid"
    assert findings(house) == []


def test_an_order_closes_after_a_day_and_opens_again_for_its_payer_with_a_new_session(house: House) -> None:
    """C10: open orders are closed 24 h after creation or their last reopening."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(DAY - 1)
    house.close_old()
    assert house.see(order).state == "open"
    expire(house, order)
    assert payable(house) == []
    second = house.checkout(order)
    assert (house.see(order).state, second.attempt_id != first.attempt_id) == ("open", True)
    house.clock.move(DAY - 1)
    house.close_old()
    assert house.see(order).state == "open"
    house.clock.move(1)
    house.close_old()
    assert house.see(order).closed_reason == "expired"


def test_an_order_with_something_processing_is_not_closed_by_its_age(house: House) -> None:
    """C11: stale unpaid orders are closed, and what is processing is not stale."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_usBankAccount_success")
    house.deliver_owed()
    house.clock.move(3 * DAY)
    house.close_old()
    assert house.see(order).state == "open"
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    assert house.see(order).state == "paid"


def test_an_order_whose_provider_is_silent_is_closed_as_soon_as_it_answers(house: House) -> None:
    """C11: closed at the provider first; until then it stays open and marked."""
    order = house.place()
    house.checkout(order)
    house.clock.move(34 * MINUTE)
    spoil(house, "*", times=None)
    cancel(house, order)
    assert (house.see(order).state, attempts(house, order)) == ("open", [(1, "closing")])
    heal(house)
    house.clock.move(MINUTE)
    house.close_old()
    assert (house.see(order).state, house.see(order).closed_reason) == ("closed", "cancelled")


def test_nobody_is_asked_any_more_about_a_close_whose_end_a_letter_told(house: House) -> None:
    """A1: what could not be closed for an hour is found, and the finding ends with it, whoever tells how."""
    order = house.place()
    house.checkout(order)
    house.clock.move(25 * HOUR)
    spoil(house, "*", times=None)
    house.close_old()
    # It was opened a day ago, and is to be closed since now.
    assert (attempts(house, order), findings(house)) == ([(1, "closing")], [])
    house.clock.move(55 * MINUTE)
    house.close_old()
    assert findings(house) == []
    house.clock.move(10 * MINUTE)
    house.close_old()
    assert (attempts(house, order), findings(house)) == ([(1, "closing")], ["stuck_close"])
    heal(house)
    house.stripe.books.catch_up()
    house.deliver_owed()
    assert (attempts(house, order), findings(house)) == ([(1, "closed")], [])
