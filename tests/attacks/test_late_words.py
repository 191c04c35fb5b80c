"""Genuine words that come days late, a second time, or about another object: none opens a second page, none blocks."""

from __future__ import annotations

from payonce.usecases.answers import Checkout, InProgress
from tests.promises.acts import attempts, calls, intent_of, payable
from tests.promises.conftest import Build
from tests.promises.words import event, hear, intent
from tests.support.house import House


def test_a_page_whose_inner_payment_was_cancelled_is_still_the_only_one(house: House) -> None:
    """S6: such a page can be paid by another payment, so its attempt lives, and nothing is opened beside it."""
    order = house.place()
    checkout = house.checkout(order)
    hear(house, event("payment_intent.canceled", intent(checkout.attempt_id, "pi_inner", "canceled"), house))
    assert attempts(house, order) == [(1, "open")]
    assert (house.checkout(order).url, payable(house)) == (checkout.url, [checkout.provider_ref])


def test_a_copy_of_an_intent_that_somebody_made_and_cancelled_ends_nothing(build: Build) -> None:
    """S6: marks that somebody copied at the dashboard end no attempt whose own object can be paid."""
    house = build(flow="payment_intent")
    order = house.place()
    checkout = house.checkout(order)
    hear(house, event("payment_intent.canceled", intent(checkout.attempt_id, "pi_copy", "canceled"), house))
    assert house.checkout(order).provider_ref == checkout.provider_ref
    assert payable(house) == [checkout.provider_ref]


def test_an_old_word_that_a_payment_is_processing_blocks_nobody_whose_debit_failed(build: Build) -> None:
    """X2: `processing` waits, where it is so: who clicks is told by a read, not by an event of last week."""
    house = build(flow="payment_intent")
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_usBankAccount_processing")
    processing = house.owed_webhooks()
    house.deliver(processing)
    assert isinstance(house.click(order), InProgress)
    house.stripe.bank.settle_debit(intent_of(house, checkout), success=False)
    house.deliver_owed()
    for _ in range(3):
        house.clock.move(40)
        house.deliver(hook for hook in processing if b"processing" in hook.body)
        answer = house.click(order)
        assert isinstance(answer, Checkout) and answer.provider_ref == checkout.provider_ref
    assert house.pay(checkout) == "succeeded"


def test_while_a_payment_is_processing_many_clicks_are_one_question(build: Build) -> None:
    """B1: any number of clicks start nothing and ask at most twice a minute."""
    house = build(flow="payment_intent")
    order = house.place()
    house.pay(house.checkout(order), "pm_usBankAccount_processing")
    house.deliver_owed()
    before = len(calls(house))
    assert all(isinstance(house.click(order), InProgress) for _ in range(10))
    assert len(calls(house)) == before + 1
