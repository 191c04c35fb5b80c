"""Refunds, disputes and the balance: what goes back, what fails later, and what each movement leaves."""

from __future__ import annotations

import pytest
import stripe

from payonce.providers.simulator.stripe import StripeSimulator


def paid(client: stripe.StripeClient, method: str = "pm_card_visa") -> str:
    made = client.v1.payment_intents.create(
        {"amount": 4500, "currency": "usd", "confirm": True, "payment_method": method}
    )
    return made.id


def events(sim: StripeSimulator, *prefixes: str) -> list[str]:
    return [event.type for event in sim.books.events.values() if event.type.startswith(prefixes)]


def balance(client: stripe.StripeClient) -> int:
    return sum(row.net for row in client.v1.balance_transactions.list({"limit": 100}).data)


def test_refunds_add_up_to_the_charge_and_not_beyond(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    intent = paid(client)
    part = client.v1.refunds.create({"payment_intent": intent, "amount": 1000, "metadata": {"refund": "r1"}})
    assert (part.status, part.amount, part.payment_intent) == ("succeeded", 1000, intent)
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        client.v1.refunds.create({"payment_intent": intent, "amount": 3501})
    assert too_much.value.param == "amount"
    charge = client.v1.payment_intents.retrieve(intent).latest_charge
    assert isinstance(charge, str)
    assert client.v1.refunds.create({"charge": charge}).amount == 3500
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.refunds.create({"payment_intent": intent})
    assert again.value.code == "charge_already_refunded"
    seen = client.v1.charges.retrieve(charge)
    assert (seen.amount_refunded, seen.refunded) == (4500, True)
    assert [row.amount for row in client.v1.refunds.list({"payment_intent": intent}).data] == [3500, 1000]
    assert client.v1.refunds.retrieve(part.id).metadata is not None
    assert sim.truth.refunded_total(intent) == 4500
    # Gross: a refund does not lower what was captured.
    assert client.v1.payment_intents.retrieve(intent).amount_received == 4500
    assert events(sim, "refund.", "charge.refund") == ["charge.refunded", "refund.created"] * 2


def test_what_was_not_captured_cannot_be_refunded(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    open_one = client.v1.payment_intents.create({"amount": 4500, "currency": "usd"}).id
    for intent in (open_one, paid(client, "pm_usBankAccount_success")):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create({"payment_intent": intent})
    assert sim.books.refunds == {}


def test_a_refund_can_fail_after_it_succeeded_and_the_money_is_back_on_the_balance(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    intent = paid(client, "pm_card_refundFail")
    before = balance(client)
    made = client.v1.refunds.create({"payment_intent": intent})
    assert (made.status, balance(client)) == ("succeeded", before - 4500)
    sim.advance(3600)
    after = client.v1.refunds.retrieve(made.id)
    assert (after.status, after.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (balance(client), sim.truth.refunded_total(intent)) == (before, 0)
    assert events(sim, "refund.", "charge.refund.")[-3:] == ["charge.refund.updated", "refund.updated", "refund.failed"]
    assert client.v1.refunds.create({"payment_intent": intent}).amount == 4500


@pytest.mark.parametrize("end", ["succeeded", "failed", "canceled"])
def test_a_pending_refund_ends_on_command(client: stripe.StripeClient, sim: StripeSimulator, end: str) -> None:
    made = client.v1.refunds.create({"payment_intent": paid(client, "pm_card_pendingRefund")})
    assert made.status == "pending"
    sim.bank.end_refund(made.id, end)
    assert client.v1.refunds.retrieve(made.id).status == end


def test_a_refund_at_the_dashboard_is_known_to_the_events_only(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = sim.bank.refund(paid(client), 700)
    event = client.v1.events.list({"type": "refund.created"}).data[0]
    assert event.data.object["id"] == made and event.request is not None and event.request.id is None


@pytest.mark.parametrize(
    ("end", "back", "names"),
    [
        ("won", True, ["funds_reinstated", "closed"]),
        ("lost", False, ["closed"]),
    ],
)
def test_a_dispute_takes_the_money_until_it_is_won(
    client: stripe.StripeClient, sim: StripeSimulator, end: str, back: bool, names: list[str]
) -> None:
    intent = paid(client)
    before = balance(client)
    dispute = sim.bank.open_dispute(intent)
    assert balance(client) == before - 4500 - 1500
    seen = client.v1.disputes.retrieve(dispute)
    assert (seen.status, seen.amount, seen.payment_intent) == ("needs_response", 4500, intent)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_disputed"
    sim.bank.close_dispute(dispute, end)
    assert client.v1.disputes.list({"payment_intent": intent}).data[0].status == end
    assert balance(client) == (before if back else before - 6000)
    wanted = ["created", "funds_withdrawn", *names]
    assert events(sim, "charge.dispute") == [f"charge.dispute.{name}" for name in wanted]


def test_an_inquiry_moves_no_money_until_it_becomes_a_dispute(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    intent = paid(client)
    before = balance(client)
    dispute = sim.bank.open_dispute(intent, status="warning_needs_response")
    assert balance(client) == before
    sim.bank.escalate_dispute(dispute)
    assert client.v1.disputes.retrieve(dispute).status == "needs_response" and balance(client) == before - 6000


def test_the_balance_can_be_asked_by_type_and_by_source(client: stripe.StripeClient) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create({"payment_intent": intent, "amount": 500})
    charge = client.v1.payment_intents.retrieve(intent).latest_charge
    by_type = client.v1.balance_transactions.list({"type": "charge"}).data
    by_source = client.v1.balance_transactions.list({"source": refund.id}).data
    assert [(row.source, row.amount, row.fee, row.net) for row in by_type] == [(charge, 4500, 161, 4339)]
    assert [(row.type, row.amount, row.net) for row in by_source] == [("refund", -500, -500)]
    assert client.v1.balance_transactions.retrieve(by_type[0].id).reporting_category == "charge"
