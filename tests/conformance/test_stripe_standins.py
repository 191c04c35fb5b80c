"""The same scenarios against our simulator and against localstripe, wherever the two overlap.

Two readings of one protocol, written without knowledge of each other: where they agree, both are likely right.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import stripe

from payonce.providers.simulator.serve import Running, serve_in_thread
from payonce.providers.simulator.stripe import StripeSimulator
from tests.conformance.localstripe import KEY, LocalStripe, running_localstripe
from tests.providers.simulator.receiver import Delivery, Receiver, receiving

SECRET = "whsec_conformance"
# localstripe declines this one when it is charged; `pm_card_visa_chargeDeclined` only when it is attached.
DECLINED = "pm_card_chargeCustomerFail"
FAILING_IBAN = "DE62370400440532013001"


class StandIn(Protocol):
    """What a scenario needs besides the API."""

    base_url: str

    def listen(self, url: str, events: list[str]) -> None: ...
    def give_method(self, intent_id: str, payment_method: str) -> None: ...
    def authenticate(self, intent_id: str, success: bool) -> None: ...
    def let_debits_end(self, intent_id: str) -> None: ...


class Ours:
    """Our simulator, on the real time: signatures are checked against it."""

    def __init__(self, running: Running[StripeSimulator]) -> None:
        self.base_url = running.base_url
        self.sim = running.sim

    def listen(self, url: str, events: list[str]) -> None:
        self.sim.books.endpoints.clear()
        self.sim.add_endpoint(url, SECRET, events)

    def give_method(self, intent_id: str, payment_method: str) -> None:
        client(self).v1.payment_intents.update(intent_id, {"payment_method": payment_method})

    def authenticate(self, intent_id: str, success: bool) -> None:
        self.sim.payer.authenticate(intent_id, success)

    def let_debits_end(self, intent_id: str) -> None:
        self.sim.bank.settle_debit(intent_id)


class Theirs:
    """localstripe."""

    def __init__(self, away: LocalStripe) -> None:
        self.base_url = away.base_url
        self.give_method = away.give_method
        self.authenticate = away.authenticate
        self._away = away

    def listen(self, url: str, events: list[str]) -> None:
        self._away.register_webhook("conformance", url, SECRET, events)

    def let_debits_end(self, intent_id: str) -> None:
        """They end by themselves, half a second later."""


@pytest.fixture(scope="module")
def ours() -> Iterator[StandIn]:
    with serve_in_thread(StripeSimulator()) as running:
        yield Ours(running)


@pytest.fixture(scope="module")
def theirs() -> Iterator[StandIn]:
    with running_localstripe() as away:
        yield Theirs(away)


@pytest.fixture(params=["ours", "theirs"])
def standin(request: pytest.FixtureRequest) -> StandIn:
    found: StandIn = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def client(standin: StandIn, key: str = KEY) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": standin.base_url})


def create(standin: StandIn, **more: Any) -> stripe.PaymentIntent:
    wanted: dict[str, Any] = {"amount": 4500, "currency": "usd", "metadata": {"payonce_attempt": "att_ä 1"}}
    return client(standin).v1.payment_intents.create(wanted | more)  # type: ignore[arg-type]


def status(standin: StandIn, intent: stripe.PaymentIntent) -> str:
    return client(standin).v1.payment_intents.retrieve(intent.id).status


def refused(act: Callable[..., object], *values: object) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        act(*values)
    return caught.value


def the_event_of(intent: stripe.PaymentIntent, receiver: Receiver) -> Delivery:
    """The one event about this intent. Events of earlier tests may still arrive: localstripe sends a second later."""

    def about_it(got: list[Delivery]) -> list[Delivery]:
        return [delivery for delivery in got if delivery.event["data"]["object"]["id"] == intent.id]

    (found,) = about_it(receiver.wait_for(lambda got: bool(about_it(got))))
    return found


def a_card(standin: StandIn, number: str) -> str:
    card: Any = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    return client(standin).v1.payment_methods.create({"type": "card", "card": card}).id


def test_an_intent_waits_for_a_method_and_keeps_its_metadata(standin: StandIn) -> None:
    made = create(standin)
    assert (made.status, made.amount, made.currency) == ("requires_payment_method", 4500, "usd")
    assert (made.latest_charge, made.livemode, made.object) == (None, False, "payment_intent")
    assert (made.client_secret or "").startswith(f"{made.id}_secret_")
    again = client(standin).v1.payment_intents.retrieve(made.id)
    assert again.metadata.to_dict() == {"payonce_attempt": "att_ä 1"}
    assert again.created == made.created
    assert made.id in {row.id for row in client(standin).v1.payment_intents.list({"limit": 100}).data}


def test_a_confirmed_intent_has_succeeded_by_one_charge(standin: StandIn) -> None:
    made = create(standin, payment_method="pm_card_visa")
    assert made.status == "requires_confirmation"
    assert client(standin).v1.payment_intents.confirm(made.id).status == "succeeded"
    paid = client(standin).v1.payment_intents.retrieve(made.id, {"expand": ["latest_charge"]})
    assert isinstance(paid.latest_charge, stripe.Charge)
    charge = paid.latest_charge
    assert (charge.status, charge.paid, charge.captured, charge.amount) == ("succeeded", True, True, 4500)
    assert (charge.payment_intent, charge.amount_refunded, charge.refunded) == (made.id, 0, False)
    assert isinstance(charge.balance_transaction, str)
    moved = client(standin).v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (moved.amount, moved.type, moved.source, moved.net) == (4500, "charge", charge.id, 4500 - moved.fee)


def test_an_intent_can_be_created_and_confirmed_at_once(standin: StandIn) -> None:
    assert create(standin, payment_method="pm_card_visa", confirm=True).status == "succeeded"


def test_a_declined_intent_asks_for_a_method_again_and_can_be_paid(standin: StandIn) -> None:
    made = create(standin, payment_method=DECLINED)
    no = refused(client(standin).v1.payment_intents.confirm, made.id)
    assert isinstance(no, stripe.CardError)
    assert (no.http_status, no.code, no.user_message) == (402, "card_declined", "Your card was declined.")
    after = client(standin).v1.payment_intents.retrieve(made.id)
    assert after.status == "requires_payment_method" and after.last_payment_error is not None
    assert (after.last_payment_error.code, after.last_payment_error.message) == ("card_declined", no.user_message)
    standin.give_method(made.id, "pm_card_visa")
    paid = client(standin).v1.payment_intents.confirm(made.id)
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize("approves", [True, False])
def test_three_d_secure_waits_for_the_payers_answer(standin: StandIn, approves: bool) -> None:
    made = create(standin, payment_method=a_card(standin, "4000002500003155"))
    asked = client(standin).v1.payment_intents.confirm(made.id)
    assert asked.status == "requires_action" and asked.next_action is not None
    assert asked.next_action.type == "use_stripe_sdk"
    assert status(standin, made) == "requires_action"
    standin.authenticate(made.id, approves)
    after = client(standin).v1.payment_intents.retrieve(made.id)
    assert after.next_action is None
    if approves:
        assert after.status == "succeeded"
    else:
        assert after.status == "requires_payment_method" and after.last_payment_error is not None
        assert after.last_payment_error.code == "payment_intent_authentication_failure"
        standin.give_method(made.id, "pm_card_visa")
        assert client(standin).v1.payment_intents.confirm(made.id).status == "succeeded"


def test_a_card_can_be_declined_after_three_d_secure(standin: StandIn) -> None:
    made = create(standin, payment_method=a_card(standin, "4000008400001629"))
    client(standin).v1.payment_intents.confirm(made.id)
    with contextlib.suppress(Exception):  # localstripe answers the payer's page with the decline itself
        standin.authenticate(made.id, True)
    after = client(standin).v1.payment_intents.retrieve(made.id)
    assert after.status == "requires_payment_method" and after.last_payment_error is not None
    assert after.last_payment_error.code == "card_declined"


@pytest.mark.parametrize("state", ["new", "with a method", "asking", "held"])
def test_an_intent_that_is_not_paid_can_be_cancelled_once_and_then_not_be_paid(standin: StandIn, state: str) -> None:
    made = {
        "new": lambda: create(standin),
        "with a method": lambda: create(standin, payment_method="pm_card_visa"),
        "asking": lambda: create(standin, payment_method=a_card(standin, "4000002500003155"), confirm=True),
        "held": lambda: create(standin, payment_method="pm_card_visa", capture_method="manual", confirm=True),
    }[state]()
    assert client(standin).v1.payment_intents.cancel(made.id).status == "canceled"
    for act in (client(standin).v1.payment_intents.cancel, client(standin).v1.payment_intents.confirm):
        no = refused(act, made.id)
        assert isinstance(no, stripe.InvalidRequestError) and no.http_status == 400
    assert status(standin, made) == "canceled"


def test_a_paid_intent_can_be_neither_cancelled_nor_paid_again(standin: StandIn) -> None:
    made = create(standin, payment_method="pm_card_visa", confirm=True)
    for act in (client(standin).v1.payment_intents.cancel, client(standin).v1.payment_intents.confirm):
        no = refused(act, made.id)
        assert isinstance(no, stripe.InvalidRequestError) and no.http_status == 400
    assert status(standin, made) == "succeeded"


def test_a_held_payment_is_captured_later(standin: StandIn) -> None:
    made = create(standin, payment_method="pm_card_visa", capture_method="manual", confirm=True)
    assert made.status == "requires_capture"
    assert client(standin).v1.payment_intents.capture(made.id, {"amount_to_capture": 2000}).status == "succeeded"


def test_refunds_are_counted_on_the_charge(standin: StandIn) -> None:
    made = create(standin, payment_method="pm_card_visa", confirm=True)
    part = client(standin).v1.refunds.create({"payment_intent": made.id, "amount": 1000})
    assert (part.status, part.amount, part.currency, part.object) == ("succeeded", 1000, "usd", "refund")
    rest = client(standin).v1.refunds.create({"payment_intent": made.id, "amount": 3500})
    paid = client(standin).v1.payment_intents.retrieve(made.id, {"expand": ["latest_charge"]})
    assert paid.status == "succeeded" and isinstance(paid.latest_charge, stripe.Charge)
    assert (paid.latest_charge.amount_refunded, paid.latest_charge.refunded) == (4500, True)
    assert part.charge == rest.charge == paid.latest_charge.id
    listed = client(standin).v1.refunds.list({"payment_intent": made.id}).data
    assert sorted(row.amount for row in listed) == [1000, 3500]
    assert isinstance(part.balance_transaction, str)
    moved = client(standin).v1.balance_transactions.retrieve(part.balance_transaction)
    assert (moved.amount, moved.type, moved.source) == (-1000, "refund", part.id)


def test_a_charge_can_be_refunded_whole_by_its_own_id(standin: StandIn) -> None:
    made = create(standin, payment_method="pm_card_visa", confirm=True)
    paid = client(standin).v1.payment_intents.retrieve(made.id, {"expand": ["latest_charge"]})
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert client(standin).v1.refunds.create({"charge": paid.latest_charge.id}).amount == 4500


def test_what_was_never_paid_cannot_be_refunded(standin: StandIn) -> None:
    made = create(standin)
    no = refused(client(standin).v1.refunds.create, {"payment_intent": made.id})
    assert isinstance(no, stripe.InvalidRequestError) and no.http_status == 400


def test_webhooks_are_signed_and_carry_the_object(standin: StandIn, receiver: Receiver) -> None:
    standin.listen(receiver.url, ["payment_intent.succeeded", "payment_intent.payment_failed"])
    paid = create(standin, payment_method="pm_card_visa", confirm=True)
    declined = create(standin, payment_method=DECLINED)
    refused(client(standin).v1.payment_intents.confirm, declined.id)
    good, bad = the_event_of(paid, receiver), the_event_of(declined, receiver)
    event = stripe.Webhook.construct_event(good.body, good.signature, SECRET)
    assert (event.type, event.object, event.livemode) == ("payment_intent.succeeded", "event", False)
    assert event.data.object["status"] == "succeeded"
    assert event.data.object["metadata"]["payonce_attempt"] == "att_ä 1"
    failed = stripe.Webhook.construct_event(bad.body, bad.signature, SECRET)
    assert (failed.type, failed.data.object["status"]) == ("payment_intent.payment_failed", "requires_payment_method")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(good.body, good.signature, "whsec_of_another")
    listed = client(standin).v1.events.list({"type": "payment_intent.succeeded", "limit": 100}).data
    assert event.id in {row.id for row in listed}


def test_a_debit_that_the_bank_returns_fails_later(standin: StandIn, receiver: Receiver) -> None:
    standin.listen(receiver.url, ["payment_intent.payment_failed"])
    debit: Any = {"type": "sepa_debit", "sepa_debit": {"iban": FAILING_IBAN}}
    method = client(standin).v1.payment_methods.create(debit).id
    made = create(standin, currency="eur", payment_method=method, confirm=True)
    assert made.status == "processing"
    standin.let_debits_end(made.id)
    assert the_event_of(made, receiver).event["type"] == "payment_intent.payment_failed"
    assert status(standin, made) == "requires_payment_method"


@pytest.mark.parametrize("wrong", [{"amount": "x"}, {"amount": 0}, {"colour": "red"}])
def test_wrong_parameters_are_refused(standin: StandIn, wrong: dict[str, Any]) -> None:
    no = refused(lambda: create(standin, **wrong))
    assert isinstance(no, stripe.InvalidRequestError) and no.http_status == 400


def test_an_unknown_object_is_404_and_a_wrong_key_401(standin: StandIn) -> None:
    for act in (
        client(standin).v1.payment_intents.retrieve,
        client(standin).v1.charges.retrieve,
        client(standin).v1.refunds.retrieve,
    ):
        no = refused(act, "pi_unknown")
        assert isinstance(no, stripe.InvalidRequestError) and no.http_status == 404
    no = refused(client(standin, "pk_test_public").v1.payment_intents.retrieve, "pi_unknown")
    assert isinstance(no, stripe.AuthenticationError) and no.http_status == 401
