"""PaymentIntents as the official SDK meets them: created, declined, tried again, authenticated, cancelled, listed."""

from __future__ import annotations

import pytest
import stripe

from payonce.providers.simulator.stripe import StripeSimulator


def an_intent(client: stripe.StripeClient, **more: object) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create({"amount": 4500, "currency": "usd", **more})  # type: ignore[typeddict-item]


def refusal(act: object) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        act()  # type: ignore[operator]
    return caught.value


def test_a_new_intent_waits_for_a_method_and_has_received_nothing(client: stripe.StripeClient) -> None:
    made = an_intent(client, metadata={"order": "A 1/ä"}, automatic_payment_methods={"enabled": True})
    assert (made.status, made.amount, made.amount_received, made.currency) == (
        "requires_payment_method",
        4500,
        0,
        "usd",
    )
    assert made.latest_charge is None and made.livemode is False
    assert made.client_secret is not None and made.client_secret.startswith(f"{made.id}_secret_")
    again = client.v1.payment_intents.retrieve(made.id)
    assert again.metadata["order"] == "A 1/ä"
    assert again.automatic_payment_methods is not None and again.automatic_payment_methods.enabled is True


def test_a_decline_is_not_the_end_and_the_same_intent_can_succeed(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = an_intent(client)
    declined = refusal(
        lambda: client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    )
    assert isinstance(declined, stripe.CardError)
    assert (declined.http_status, declined.code) == (402, "card_declined")
    assert declined.error is not None and declined.error.decline_code == "generic_decline"
    back = client.v1.payment_intents.retrieve(made.id)
    assert back.status == "requires_payment_method" and back.last_payment_error is not None
    assert back.last_payment_error.code == "card_declined"

    paid = client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.amount_received, paid.last_payment_error) == ("succeeded", 4500, None)
    names = [event.type for event in sim.books.events.values()]
    assert names == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]
    statuses = {row.status for row in client.v1.charges.list({"payment_intent": made.id}).data}
    assert statuses == {"failed", "succeeded"}


def test_a_declined_confirmation_at_creation_leaves_an_intent_behind(client: stripe.StripeClient) -> None:
    declined = refusal(lambda: an_intent(client, confirm=True, payment_method="pm_card_visa_chargeDeclined"))
    assert declined.error is not None and declined.error.payment_intent is not None
    left = client.v1.payment_intents.retrieve(declined.error.payment_intent.id)
    assert left.status == "requires_payment_method"


@pytest.mark.parametrize(("approves", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_three_d_secure_waits_for_the_payer(
    client: stripe.StripeClient, sim: StripeSimulator, approves: bool, status: str
) -> None:
    made = an_intent(client)
    asked = client.v1.payment_intents.confirm(
        made.id, {"payment_method": "pm_card_authenticationRequired", "return_url": "https://shop.example/back"}
    )
    assert asked.status == "requires_action" and asked.amount_received == 0
    assert asked.next_action is not None and asked.next_action.redirect_to_url is not None
    assert asked.next_action.redirect_to_url.url == f"{sim.base_url}/3ds/{made.id}"
    sim.payer.authenticate(made.id, approves)
    after = client.v1.payment_intents.retrieve(made.id)
    assert after.status == status
    if not approves:
        assert after.last_payment_error is not None
        assert after.last_payment_error.code == "payment_intent_authentication_failure"


@pytest.mark.parametrize(("ends_well", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_a_bank_debit_is_processing_until_the_bank_answers(
    client: stripe.StripeClient, sim: StripeSimulator, ends_well: bool, status: str
) -> None:
    made = an_intent(client, confirm=True, payment_method="pm_usBankAccount_success")
    assert (made.status, made.amount_received) == ("processing", 0)
    assert [row.id for row in sim.truth.under_way()] == [made.id]
    sim.bank.settle_debit(made.id, ends_well)
    assert client.v1.payment_intents.retrieve(made.id).status == status


def test_a_debit_can_be_set_to_end_by_the_clock(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    sim.settings.debit_settles_after = 60.0
    good = an_intent(client, confirm=True, payment_method="pm_usBankAccount_success")
    bad = an_intent(client, confirm=True, payment_method="pm_usBankAccount_insufficientFunds")
    sim.advance(61)
    assert client.v1.payment_intents.retrieve(good.id).status == "succeeded"
    assert client.v1.payment_intents.retrieve(bad.id).status == "requires_payment_method"


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_usBankAccount_success"])
def test_what_is_paid_or_under_way_cannot_be_cancelled(client: stripe.StripeClient, method: str) -> None:
    made = an_intent(client, confirm=True, payment_method=method)
    refused = refusal(lambda: client.v1.payment_intents.cancel(made.id))
    assert (refused.http_status, refused.code) == (400, "payment_intent_unexpected_state")
    assert client.v1.payment_intents.retrieve(made.id).status == made.status


def test_a_cancelled_intent_can_be_neither_paid_nor_cancelled_again(client: stripe.StripeClient) -> None:
    made = an_intent(client)
    gone = client.v1.payment_intents.cancel(made.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    for act in (
        lambda: client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"}),
        lambda: client.v1.payment_intents.cancel(made.id),
    ):
        assert refusal(act).code == "payment_intent_unexpected_state"
    assert client.v1.payment_intents.retrieve(made.id).amount_received == 0


def test_what_is_paid_cannot_be_paid_again(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    made = an_intent(client, confirm=True, payment_method="pm_card_visa")
    again = refusal(lambda: client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"}))
    assert again.code == "payment_intent_unexpected_state"
    assert len(sim.books.charges) == 1


def test_a_manual_capture_takes_a_part_and_releases_the_rest(client: stripe.StripeClient) -> None:
    held = an_intent(client, confirm=True, payment_method="pm_card_visa", capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 4500, 0)
    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 2000})
    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 2000)


def test_metadata_is_merged_and_an_empty_value_removes_its_key(client: stripe.StripeClient) -> None:
    made = an_intent(client, metadata={"a": "1", "b": "2"})
    after = client.v1.payment_intents.update(made.id, {"metadata": {"a": "", "c": "3"}})
    assert after.metadata.to_dict() == {"b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": "4.50"}, "parameter_invalid_integer", "amount"),
        ({"currency": "xxx"}, None, "currency"),
        ({"amount": 1005, "currency": "kwd"}, None, "amount"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata"),
        ({"metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({"payment_method": "pm_unknown"}, "resource_missing", "payment_method"),
    ],
)
def test_wrong_parameters_are_refused_and_make_nothing(
    client: stripe.StripeClient, sim: StripeSimulator, wrong: dict[str, object], code: str | None, param: str
) -> None:
    refused = refusal(lambda: an_intent(client, **wrong))
    assert isinstance(refused, stripe.InvalidRequestError)
    assert (refused.http_status, refused.code, refused.param) == (400, code, param)
    assert sim.truth.intents() == []


def test_a_list_is_newest_first_and_walks_by_cursor_in_both_directions(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    made = []
    for _ in range(7):
        made.append(an_intent(client).id)
        sim.advance(10)
    first = client.v1.payment_intents.list({"limit": 3})
    assert [row.id for row in first.data] == made[:3:-1] and first.has_more is True
    assert [row.id for row in first.auto_paging_iter()] == made[::-1]
    upward = client.v1.payment_intents.list({"limit": 2, "ending_before": made[2]})
    assert [row.id for row in upward.data] == [made[4], made[3]] and upward.has_more is True
    assert [row.id for row in upward.auto_paging_iter()] == made[3:]
    third = client.v1.payment_intents.retrieve(made[2]).created
    window = client.v1.payment_intents.list({"created": {"gte": third, "lt": third + 20}})
    assert [row.id for row in window.data] == [made[3], made[2]]


def test_a_list_can_lag_behind_the_truth(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    sim.settings.list_lag = 30.0
    made = an_intent(client)
    assert client.v1.payment_intents.list().data == []
    assert client.v1.payment_intents.retrieve(made.id).id == made.id
    sim.advance(30)
    assert [row.id for row in client.v1.payment_intents.list().data] == [made.id]


def test_an_expanded_member_is_the_object_itself(client: stripe.StripeClient) -> None:
    made = an_intent(client, confirm=True, payment_method="pm_card_visa")
    seen = client.v1.payment_intents.retrieve(made.id, {"expand": ["latest_charge.balance_transaction"]})
    assert isinstance(seen.latest_charge, stripe.Charge)
    assert isinstance(seen.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert (seen.latest_charge.balance_transaction.amount, seen.latest_charge.balance_transaction.fee) == (4500, 161)


def test_a_method_made_from_a_test_card_behaves_like_its_number(client: stripe.StripeClient) -> None:
    method = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4000002500003155", "exp_month": 12, "exp_year": 2034, "cvc": "123"}}
    )
    assert an_intent(client, confirm=True, payment_method=method.id).status == "requires_action"


def test_a_card_number_that_is_no_test_card_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.create(
            {"type": "card", "card": {"number": "4111111111111112", "exp_month": 12, "exp_year": 2034, "cvc": "123"}}
        )
