"""Any number of clicks makes one charge: what a click may start, and what it is given again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payonce.base.errors import Bug, Refused
from payonce.domain.policy import Policy
from payonce.store.database import Tx
from payonce.usecases.answers import AlreadyPaid, Checkout, InProgress, ProviderRefused
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from tests.promises.acts import (
    MINUTE,
    at_provider,
    attempts,
    calls,
    intent_of,
    payable,
    spoil,
)
from tests.promises.conftest import Build
from tests.promises.soundness import everything
from tests.support.house import House


@pytest.mark.parametrize("flow", ["checkout_session", "payment_intent"])
def test_of_many_clicks_there_is_one_object_and_one_charge(build: Build, flow: str) -> None:
    """B1: any number of clicks makes one charge."""
    house = build(flow=flow)
    order = house.place()
    answers = [house.checkout(order) for _ in range(10)]
    assert len({(a.attempt_id, a.url, a.client_secret) for a in answers}) == 1
    assert [a.reused for a in answers] == [False] + [True] * 9
    assert calls(house) == ["checkout.sessions.create" if flow == "checkout_session" else "payment_intents.create"]
    house.pay(answers[0])
    house.deliver_owed()
    assert isinstance(house.click(order), AlreadyPaid)
    assert len(house.stripe.truth.intents()) == 1


def test_the_key_is_the_attempt_and_the_operation_and_no_time(house: House) -> None:
    """X1: the provider's key is the attempt's id and the operation, stored before the call."""
    order = house.place()
    checkout = house.checkout(order)
    [(key, sent)] = house.rows("SELECT request_key, request_body FROM attempts")
    assert [call.idempotency_key for call in house.stripe.calls] == [key]
    assert key.startswith("att_") and key.endswith(":create") and bytes(sent)
    assert house.see(order).attempts[0].id == checkout.attempt_id


def test_with_the_strategy_attempt_a_click_may_name_the_attempt_that_it_saw_fail(build: Build) -> None:
    """B3: the key comes from a stored attempt counter; the same number again starts nothing new."""
    house = build(policy=Policy(strategy="attempt"))
    order = house.place()
    first = house.checkout(order)
    second = house.checkout(order, after_attempt=1)
    assert (second.outcome, house.checkout(order, after_attempt=1).attempt_id) == ("replaced", second.attempt_id)
    assert house.checkout(order).attempt_id == second.attempt_id
    assert first.attempt_id != second.attempt_id
    assert payable(house) == [second.provider_ref]
    assert attempts(house, order) == [(1, "closed"), (2, "open")]


def test_with_the_strategy_window_a_new_number_starts_in_a_later_window_only(build: Build) -> None:
    """B2: one number in each stated time window."""
    house = build(policy=Policy(strategy="window", window=timedelta(minutes=10)))
    order = house.place()
    first = house.checkout(order)
    house.clock.move(9 * MINUTE)
    assert house.checkout(order).attempt_id == first.attempt_id
    house.clock.move(2 * MINUTE)
    second = house.checkout(order)
    assert second.attempt_id != first.attempt_id
    assert payable(house) == [second.provider_ref]


def test_with_the_strategy_reuse_no_word_of_a_click_starts_a_new_number(house: House) -> None:
    """B4: one live provider payment for an order, handed out again while it can be paid."""
    order = house.place()
    first = house.checkout(order)
    assert house.checkout(order, after_attempt=1).attempt_id == first.attempt_id
    assert attempts(house, order) == [(1, "open")]


def test_a_click_for_another_flow_closes_the_one_before_and_never_stands_beside_it(house: House) -> None:
    """X2: at most one live attempt of a purpose."""
    order = house.place()
    house.checkout(order)
    other = house.checkout(order, flow="payment_intent")
    assert (other.flow, other.url) == ("payment_intent", None) and other.client_secret
    assert payable(house) == [other.provider_ref]
    # Whoever does not ask for a flow is led to what is live.
    assert house.checkout(order).attempt_id == other.attempt_id


def test_a_decline_leaves_the_attempt_open_for_another_card(build: Build) -> None:
    """X2: the same intent can still succeed, so nothing is made beside it."""
    house = build(flow="payment_intent")
    order = house.place()
    checkout = house.checkout(order)
    assert house.pay(checkout, "pm_card_visa_chargeDeclined") == "declined"
    house.deliver_owed()
    seen = house.see(order)
    assert (seen.state, seen.payment, seen.attempts[0].state, seen.attempts[0].decline) == (
        "open", "failed", "open", "generic_decline",
    )  # fmt: skip
    assert house.checkout(order).attempt_id == checkout.attempt_id
    assert house.pay(checkout) == "succeeded"
    house.deliver_owed()
    assert house.see(order).state == "paid"


@pytest.mark.parametrize("flow", ["checkout_session", "payment_intent"])
def test_three_d_secure_is_the_payers_turn_and_then_paid(build: Build, flow: str) -> None:
    """B10: requires_action is handled: the attempt stays open, and the page may say whose turn it is."""
    house = build(flow=flow)
    order = house.place()
    checkout = house.checkout(order)
    assert house.pay(checkout, "pm_card_threeDSecure2Required") == "requires_action"
    house.deliver_owed()
    assert (house.see(order).payment, house.see(order).attempts[0].state) == ("requires_action", "open")
    assert house.checkout(order).attempt_id == checkout.attempt_id
    house.stripe.payer.authenticate(intent_of(house, checkout))
    house.deliver_owed()
    assert house.see(order).payment == "paid"


def test_while_a_payment_is_processing_a_click_waits_and_starts_nothing(house: House) -> None:
    """D2: processing: 202; the debit that succeeds days later pays the order."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_usBankAccount_success")
    house.deliver_owed()
    house.clock.move(40 * MINUTE)
    # The first click asks the provider whether it is so, and the next ones believe that.
    house.click(order)
    before = everything(house)
    answer = house.click(order)
    assert isinstance(answer, InProgress) and (answer.reason, answer.retry_after_seconds > 0) == ("processing", True)
    assert {name: rows for name, rows in everything(house).items() if rows != before[name]} == {}
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    assert house.see(order).state == "paid"


def test_a_paid_order_says_when_and_how_and_calls_nobody(house: House) -> None:
    """C7: an order that is paid starts nothing."""
    order = house.place()
    house.pay(house.checkout(order))
    house.deliver_owed()
    before, called = everything(house), len(house.stripe.calls)
    house.clock.move(MINUTE)
    answer = house.click(order)
    assert isinstance(answer, AlreadyPaid)
    assert (answer.order_id, answer.paid_by, answer.refunded) == (order.id, "stripe", False)
    assert answer.paid_at == house.see(order).paid_at
    assert (everything(house), len(house.stripe.calls)) == (before, called)


def test_answers_that_say_already_done_come_from_a_transaction_that_wrote(house: House) -> None:
    """D14: one guard serves every way to check out, and writes a receipt for what it answers from its rows."""
    order = house.place()
    checkout = house.checkout(order)
    house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    house.click(order)
    assert house.rows("SELECT answer FROM receipts ORDER BY receipt_id") == [("offer",), ("paid",)]


def test_an_unknown_order_provider_or_flow_is_refused_and_changes_nothing(house: House) -> None:
    order = house.place()
    before = everything(house)
    for given, code in (
        (Click(provider="zalopay"), "provider_unknown"),
        (Click(provider="stripe", account="other"), "provider_unknown"),
        (Click(flow="carrier_pigeon"), "flow_unknown"),
    ):
        with pytest.raises(Refused) as refused:
            house.run(ensure_checkout(house.world, "default", order.id, given))
        assert refused.value.code == code
    with pytest.raises(Refused) as unknown:
        house.run(ensure_checkout(house.world, "default", house.world.ids.new()))
    assert (unknown.value.code, unknown.value.status) == ("order_unknown", 404)
    assert (everything(house), len(house.stripe.calls)) == (before, 0)


def test_another_merchant_cannot_check_out_an_order(house: House) -> None:
    order = house.place()
    with pytest.raises(Refused):
        house.run(ensure_checkout(house.world, "another", order.id, Click()))
    assert attempts(house, order) == []


def test_a_checkout_inside_an_open_transaction_is_refused_aloud(house: House) -> None:
    """B13: the provider is never called while a transaction is open."""
    order = house.place()

    async def work(tx: Tx) -> None:
        await ensure_checkout(house.world, "default", order.id)

    with pytest.raises(Bug):
        house.run(house.database.transaction(work, name="caller"))
    assert len(house.stripe.calls) == 0


def test_a_clear_no_of_the_provider_leaves_nothing_live_and_the_next_click_tries_again(house: House) -> None:
    """X2: refused is a state of its own: nothing was made, so the next number may start."""
    order = house.place(success_url="")
    answer = house.click(order)
    assert isinstance(answer, ProviderRefused) and answer.retry_after_seconds is None
    assert (attempts(house, order), at_provider(house)) == ([(1, "failed")], 0)
    assert isinstance(house.click(order), ProviderRefused)
    assert attempts(house, order) == [(1, "failed"), (2, "failed")]


def test_a_rate_limit_is_told_with_its_time_and_the_same_number_goes_on(house: House) -> None:
    """X1: what was not done is done by the same key later, not by a new one."""
    order = house.place()
    spoil(house, "*.create", "rate_limited", seconds=7.0)
    answer = house.click(order)
    assert isinstance(answer, ProviderRefused) and answer.retry_after_seconds == 7
    assert isinstance(house.click(order), Checkout)
    assert attempts(house, order) == [(1, "open")]
    keys = [call.idempotency_key for call in house.stripe.calls if call.operation.endswith(".create")]
    assert len(keys) == 2 and len(set(keys)) == 1
