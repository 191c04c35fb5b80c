"""Checkout Sessions as the official SDK meets them: opened, paid, expired by command and by their own clock."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from payonce.providers.simulator.stripe import StripeSimulator


def a_session(client: stripe.StripeClient, **more: Any) -> stripe.checkout.Session:
    wanted: dict[str, Any] = {
        "mode": "payment",
        "line_items": [
            {"price_data": {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Fee"}}, "quantity": 3}
        ],
        "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/cart",
        "client_reference_id": "ord_1",
        "metadata": {"payonce_attempt": "att_1"},
        "payment_intent_data": {"metadata": {"payonce_attempt": "att_1"}, "description": "Order 1"},
    }
    return client.v1.checkout.sessions.create(wanted | more)  # type: ignore[arg-type]


def test_a_new_session_has_a_page_and_no_intent(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    made = a_session(client)
    assert (made.status, made.payment_status, made.payment_intent) == ("open", "unpaid", None)
    assert (made.amount_total, made.currency, made.client_reference_id) == (4500, "usd", "ord_1")
    assert made.url == f"{sim.base_url}/c/pay/{made.id}" and made.id.startswith("cs_test_")
    assert made.expires_at - made.created == 24 * 3600
    assert sim.truth.intents() == []


def test_paying_completes_the_session_and_its_intent_carries_only_its_own_metadata(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = a_session(client, metadata={"only": "session"})
    assert sim.payer.pay(made.id) == "succeeded"
    after = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent", "line_items"]})
    assert (after.status, after.payment_status, after.url) == ("complete", "paid", None)
    assert isinstance(after.payment_intent, stripe.PaymentIntent) and after.line_items is not None
    assert after.payment_intent.metadata.to_dict() == {"payonce_attempt": "att_1"}
    assert after.payment_intent.amount_received == 4500
    names = [event.type for event in sim.books.events.values()]
    assert names[-3:] == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]
    assert sim.truth.captured_total_by_metadata("payonce_attempt") == {"att_1": 4500}


def test_a_decline_leaves_the_session_open_with_its_intent(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    made = a_session(client)
    assert sim.payer.pay(made.id, "pm_card_visa_chargeDeclined") == "declined"
    between = client.v1.checkout.sessions.retrieve(made.id)
    assert between.status == "open" and between.payment_intent is not None
    assert sim.payer.pay(made.id) == "succeeded"
    assert client.v1.checkout.sessions.retrieve(made.id).payment_intent == between.payment_intent


@pytest.mark.parametrize(
    ("ends_well", "payment_status", "last_event"),
    [
        (True, "paid", "checkout.session.async_payment_succeeded"),
        (False, "unpaid", "checkout.session.async_payment_failed"),
    ],
)
def test_a_bank_debit_completes_the_session_unpaid(
    client: stripe.StripeClient, sim: StripeSimulator, ends_well: bool, payment_status: str, last_event: str
) -> None:
    made = a_session(client)
    assert sim.payer.pay(made.id, "pm_usBankAccount_success") == "processing"
    between = client.v1.checkout.sessions.retrieve(made.id)
    assert (between.status, between.payment_status) == ("complete", "unpaid")
    assert isinstance(between.payment_intent, str)
    sim.bank.settle_debit(between.payment_intent, ends_well)
    after = client.v1.checkout.sessions.retrieve(made.id)
    assert (after.status, after.payment_status) == ("complete", payment_status)
    assert [event.type for event in sim.books.events.values()][-1] == last_event


def test_three_d_secure_keeps_the_session_open_until_it_is_answered(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = a_session(client)
    assert sim.payer.pay(made.id, "pm_card_authenticationRequired") == "requires_action"
    assert client.v1.checkout.sessions.retrieve(made.id).status == "open"
    assert sim.payer.authenticate(made.id, False) == "declined"
    assert client.v1.checkout.sessions.retrieve(made.id).status == "open"
    sim.payer.pay(made.id, "pm_card_authenticationRequired")
    assert sim.payer.authenticate(made.id) == "succeeded"
    assert client.v1.checkout.sessions.retrieve(made.id).status == "complete"


def test_a_session_is_expired_once_and_the_second_call_is_refused(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = a_session(client)
    assert client.v1.checkout.sessions.expire(made.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.expire(made.id)
    assert caught.value.http_status == 400
    assert 'Only Checkout Sessions with a status in ["open"] can be expired.' in (caught.value.user_message or "")
    assert sim.payer.pay(made.id) == "refused"
    assert sim.truth.intents() == []


def test_expiring_a_paid_session_is_refused_and_a_read_tells_that_it_was_paid(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = a_session(client)
    sim.payer.pay(made.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(made.id)
    assert client.v1.checkout.sessions.retrieve(made.id).status == "complete"


def test_the_intent_of_a_session_is_closed_through_the_session_only(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = a_session(client)
    sim.payer.pay(made.id, "pm_card_visa_chargeDeclined")
    intent = client.v1.checkout.sessions.retrieve(made.id).payment_intent
    assert isinstance(intent, str)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.cancel(intent)
    assert caught.value.code == "payment_intent_unexpected_state"
    client.v1.checkout.sessions.expire(made.id)
    assert client.v1.payment_intents.retrieve(intent).status == "canceled"


@pytest.mark.parametrize(("seconds", "allowed"), [(1799, False), (1800, True), (86_400, True), (86_401, False)])
def test_a_session_lives_between_half_an_hour_and_a_day(
    client: stripe.StripeClient, sim: StripeSimulator, seconds: int, allowed: bool
) -> None:
    expires_at = sim.books.second() + seconds
    if allowed:
        assert a_session(client, expires_at=expires_at).expires_at == expires_at
        return
    with pytest.raises(stripe.InvalidRequestError) as caught:
        a_session(client, expires_at=expires_at)
    assert caught.value.param == "expires_at"


def test_a_session_expires_by_its_own_clock(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    made = a_session(client, expires_at=sim.books.second() + 1800)
    sim.advance(1799)
    assert client.v1.checkout.sessions.retrieve(made.id).status == "open"
    sim.advance(3600)
    assert client.v1.checkout.sessions.retrieve(made.id).status == "expired"
    event = client.v1.events.list({"type": "checkout.session.expired"}).data[0]
    assert (event.data.object["id"], event.created) == (made.id, made.expires_at)
    assert sim.payer.pay(made.id) == "refused"


def test_a_payer_can_win_against_the_clock(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    won = a_session(client, expires_at=sim.books.second() + 1800)
    lost = a_session(client, expires_at=sim.books.second() + 1800)
    sim.payer.pay_at_expiry(won.id)
    sim.payer.pay_at_expiry(lost.id, "pm_card_visa_chargeDeclined")
    sim.advance(1800)
    assert client.v1.checkout.sessions.retrieve(won.id).status == "complete"
    assert client.v1.checkout.sessions.retrieve(lost.id).status == "expired"


def test_sessions_are_found_by_state_and_by_intent(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    paid, left = a_session(client), a_session(client)
    sim.payer.pay(paid.id)
    intent = client.v1.checkout.sessions.retrieve(paid.id).payment_intent
    assert isinstance(intent, str)
    assert [row.id for row in client.v1.checkout.sessions.list({"payment_intent": intent}).data] == [paid.id]
    assert [row.id for row in client.v1.checkout.sessions.list({"status": "open"}).data] == [left.id]
    assert [row.id for row in sim.truth.payable_now()] == [left.id]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"price_data": {"currency": "usd", "unit_amount": 1}}]}, "line_items[0][price_data]"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"payment_intent_data": {"colour": "red"}}, "payment_intent_data[colour]"),
    ],
)
def test_wrong_sessions_are_refused_and_not_made(
    client: stripe.StripeClient, sim: StripeSimulator, wrong: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        a_session(client, **wrong)
    assert (caught.value.param or "").startswith(param)
    assert sim.truth.payable_now() == []
