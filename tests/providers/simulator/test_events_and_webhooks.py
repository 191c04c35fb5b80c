"""Events: their envelope, the log, and webhooks that are signed, tried again, doubled, delayed, reordered and lost."""

from __future__ import annotations

import json

import pytest
import stripe

from payonce.providers.simulator.delivery_faults import DeliveryFaults
from payonce.providers.simulator.serve import Running, serve_in_thread
from payonce.providers.simulator.stripe import StripeSimulator
from tests.providers.simulator.conftest import sdk
from tests.providers.simulator.receiver import Receiver

SECRET = "whsec_of_this_test"


def delivery_faults(sim: StripeSimulator) -> DeliveryFaults:
    assert isinstance(sim.webhooks.faults, DeliveryFaults)
    return sim.webhooks.faults


def pay(client: stripe.StripeClient) -> str:
    made = client.v1.payment_intents.create({"amount": 4500, "currency": "usd"})
    client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": f"{made.id}:c"})
    return made.id


def test_the_official_verifier_accepts_our_signature_and_no_other_secret(receiver: Receiver) -> None:
    # The verifier compares with the real time, so this simulator runs on it.
    with serve_in_thread(StripeSimulator()) as running:
        endpoint = sdk(running.sim).v1.webhook_endpoints.create(
            {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
        )
        assert endpoint.secret is not None and endpoint.secret.startswith("whsec_")
        intent = pay(sdk(running.sim))
        (got,) = receiver.wait_for_type("payment_intent.succeeded")
    event = stripe.Webhook.construct_event(got.body, got.signature, endpoint.secret)
    assert event.type == "payment_intent.succeeded" and event.data.object["id"] == intent
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(got.body, got.signature, "whsec_another")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(got.body + b" ", got.signature, endpoint.secret)
    assert receiver.types() == ["payment_intent.succeeded"]


def test_while_a_secret_is_rolled_both_verify(receiver: Receiver) -> None:
    with serve_in_thread(StripeSimulator()) as running:
        running.sim.add_endpoint(receiver.url, SECRET).secrets = ("whsec_next", SECRET)
        pay(sdk(running.sim))
        (got,) = receiver.wait_for_type("payment_intent.succeeded")
    for secret in ("whsec_next", SECRET):
        stripe.Webhook.construct_event(got.body, got.signature, secret)


def test_the_envelope_says_what_happened_and_which_call_caused_it(
    client: stripe.StripeClient, sim: StripeSimulator, receiver: Receiver
) -> None:
    sim.add_endpoint(receiver.url, SECRET)
    intent = pay(client)
    event = receiver.wait_for_type("payment_intent.succeeded")[0].event
    assert event["object"] == "event" and event["livemode"] is False
    assert event["api_version"] == "2026-10-28.endive"
    assert event["request"]["idempotency_key"] == f"{intent}:c" and event["request"]["id"].startswith("req_")
    made = receiver.wait_for_type("payment_intent.created")[0].event
    assert made["data"]["object"]["status"] == "requires_payment_method"


def test_what_a_payer_does_names_no_call(sim: StripeSimulator, client: stripe.StripeClient) -> None:
    made = client.v1.payment_intents.create({"amount": 4500, "currency": "usd"})
    sim.payer.pay(made.id)
    event = client.v1.events.list({"type": "payment_intent.succeeded"}).data[0]
    assert event.request is not None and (event.request.id, event.request.idempotency_key) == (None, None)


def test_an_event_keeps_the_object_as_it_was(sim: StripeSimulator, client: stripe.StripeClient) -> None:
    intent = pay(client)
    sim.bank.refund(intent)
    succeeded = client.v1.events.list({"type": "charge.succeeded"}).data[0]
    refunded = client.v1.events.list({"type": "charge.refunded"}).data[0]
    assert succeeded.data.object["amount_refunded"] == 0
    assert refunded.data.object["amount_refunded"] == 4500
    assert refunded.data.to_dict()["previous_attributes"] == {"amount_refunded": 0, "refunded": False}


def test_a_refused_delivery_is_tried_again_later_and_signed_anew(
    client: stripe.StripeClient, running: Running[StripeSimulator], receiver: Receiver
) -> None:
    sim = running.sim
    sim.add_endpoint(receiver.url, SECRET, ["payment_intent.succeeded"])
    receiver.statuses += [500, 302]
    pay(client)
    running.wait_until_quiet()
    undelivered = client.v1.events.list({"delivery_success": False}).data
    assert [event.type for event in undelivered] == ["payment_intent.succeeded"]
    for _ in range(3):
        sim.advance(3600)
        running.wait_until_quiet()
    first, second, third = receiver.got
    assert first.body == third.body and len({first.signature, second.signature, third.signature}) == 3
    assert receiver.types() == ["payment_intent.succeeded"] * 3


def test_tries_end_after_three_days_and_the_log_still_has_the_event(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    sim.add_endpoint("http://127.0.0.1:9/nobody", SECRET, ["payment_intent.succeeded"])
    made = client.v1.payment_intents.create({"amount": 4500, "currency": "usd"})
    # Drained by hand: this is about the intervals, not about sockets.
    sim.on_news = lambda: None
    sim.payer.pay(made.id)
    started, tries = sim.books.now(), 0
    while (at := sim.webhooks.next_due()) is not None:
        sim.advance(at - sim.books.now())
        for leaving in sim.due_deliveries():
            tries += 1
            sim.delivered(leaving.delivery_id, None)
    assert tries == len(sim.settings.webhook_retries) + 1
    assert sim.books.now() - started <= 3 * 86_400
    assert [event.type for event in client.v1.events.list({"delivery_success": False}).data] == [
        "payment_intent.succeeded"
    ]


def test_deliveries_can_be_doubled_delayed_and_lost(
    client: stripe.StripeClient, running: Running[StripeSimulator], receiver: Receiver
) -> None:
    sim = running.sim
    sim.add_endpoint(receiver.url, SECRET, ["payment_intent.*", "payment_intent.succeeded", "charge.succeeded"])
    delivery_faults(sim).add("payment_intent.succeeded", "duplicate")
    delivery_faults(sim).add("charge.succeeded", "delay", seconds=3600)
    pay(client)
    doubled = receiver.wait_for_type("payment_intent.succeeded", 2)
    assert doubled[0].body == doubled[1].body
    assert "charge.succeeded" not in receiver.types()
    sim.advance(3600)
    receiver.wait_for_type("charge.succeeded")

    delivery_faults(sim).add("payment_intent.succeeded", "lose")
    delivery_faults(sim).add("charge.succeeded", "drop")
    pay(client)
    # The first try has to be over before time moves, or the next one would begin to wait only then.
    running.wait_until_quiet()
    sim.advance(60)
    receiver.wait_for_type("charge.succeeded", 2)
    assert receiver.types().count("payment_intent.succeeded") == 2
    lost = client.v1.events.list({"delivery_success": False, "type": "payment_intent.succeeded"}).data
    assert len(lost) == 1
    assert delivery_faults(sim).counts == {"duplicate": 1, "delay": 1, "lose": 1, "drop": 1}


def test_deliveries_can_come_in_another_order(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    sim.add_endpoint("http://127.0.0.1:9/nobody", SECRET)
    sim.on_news = lambda: None
    delivery_faults(sim).add("*", "shuffle", seconds=600, times=None)
    made = [client.v1.payment_intents.create({"amount": 4500, "currency": "usd"}).id for _ in range(8)]
    sim.advance(600)
    order = [json.loads(leaving.body)["data"]["object"]["id"] for leaving in sim.due_deliveries()]
    assert sorted(order) == sorted(made) and order != made


def test_one_change_can_come_under_two_ids_and_one_id_with_two_bodies(
    client: stripe.StripeClient, sim: StripeSimulator, receiver: Receiver
) -> None:
    sim.add_endpoint(receiver.url, SECRET, ["payment_intent.succeeded"])
    pay(client)
    first = receiver.wait_for_type("payment_intent.succeeded")[0].event
    twin = sim.webhooks.twin(first["id"])
    sim.webhooks.resend(first["id"], {"amount_received": 1})
    sim.on_news()
    got = [delivery.event for delivery in receiver.wait_for(lambda got: len(got) == 3)]
    assert {event["id"] for event in got} == {first["id"], twin}
    assert [event["data"]["object"]["amount_received"] for event in got if event["id"] == twin] == [4500]
    same = [event["data"]["object"]["amount_received"] for event in got if event["id"] == first["id"]]
    assert sorted(same) == [1, 4500]


def test_the_log_of_events_filters_pages_and_forgets_after_thirty_days(
    client: stripe.StripeClient, sim: StripeSimulator
) -> None:
    pay(client)
    old = client.v1.events.list({"types": ["payment_intent.succeeded", "charge.succeeded"]}).data
    assert [event.type for event in old] == ["payment_intent.succeeded", "charge.succeeded"]
    sim.advance(86_400)
    pay(client)
    new = client.v1.events.list({"types": ["payment_intent.succeeded"], "ending_before": old[0].id})
    assert len(new.data) == 1 and new.has_more is False
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.list({"type": "charge.succeeded", "types": ["charge.failed"]})
    sim.advance(29 * 86_400 + 1)
    assert len(client.v1.events.list({"types": ["payment_intent.succeeded"]}).data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.retrieve(old[0].id)


def test_endpoints_tell_what_they_are_subscribed_to(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    made = client.v1.webhook_endpoints.create(
        {"url": "https://shop.example/hooks", "enabled_events": ["charge.refunded", "payment_intent.succeeded"]}
    )
    (listed,) = client.v1.webhook_endpoints.list().data
    assert listed.enabled_events == ["charge.refunded", "payment_intent.succeeded"]
    assert (listed.url, listed.status) == ("https://shop.example/hooks", "enabled")
    assert "secret" not in listed.to_dict()
    client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    pay(client)
    assert sim.webhooks.next_due() is None


def test_the_account_says_who_the_key_belongs_to(client: stripe.StripeClient, sim: StripeSimulator) -> None:
    assert client.v1.accounts.retrieve_current().id == sim.settings.account_id
