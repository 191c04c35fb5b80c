"""The service against localstripe, which nobody here wrote, with the official `stripe` SDK as the payer's side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stripe

from tests.conformance.localstripe import KEY, LocalStripe, running_localstripe
from tests.support.receiver import WEBHOOK_SECRET, Receiver, receiving
from tests.support.service import STRIPE_SECRET, Caller, Service
from tests.support.waiting import until

CLICKS = 50
GOOD, DECLINED = "pm_card_visa", "pm_card_chargeCustomerFail"
ASKS_THE_PAYER = "4000002500003155"


class Shop:
    """The service beside localstripe, and what a shop does with both."""

    def __init__(self, service: Service, provider: LocalStripe, receiver: Receiver) -> None:
        self.service, self.provider, self.receiver = service, provider, receiver
        self.caller = Caller(service.base_url)
        self.sdk = stripe.StripeClient(KEY, base_addresses={"api": provider.base_url})

    def order(self, name: str) -> str:
        wish = {
            "reference": name, "purpose": f"fee:{name}", "amount_minor": 4500, "currency": "USD",
            "payer": {"reference": name}, "success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no",
        }  # fmt: skip
        return str(self.caller.post_until("/v1/orders", wish, f"order-{name}")["id"])

    def checkout(self, order_id: str, click: int = 0) -> dict[str, Any]:
        return self.caller.post_until(f"/v1/orders/{order_id}/checkout", {}, f"{order_id}-{click}")

    def confirm(self, intent_id: str, method: str) -> str:
        self.provider.give_method(intent_id, method)
        try:
            return str(self.sdk.v1.payment_intents.confirm(intent_id).status)
        except stripe.CardError:
            return "declined"

    def see(self, order_id: str) -> dict[str, Any]:
        return self.caller.get(f"/v1/orders/{order_id}") or {}

    def wait_for_payment(self, order_id: str) -> dict[str, Any]:
        done = {"charged": 1, "recorded": 1, "fulfilled": 1}
        until(lambda: self.see(order_id).get("counters") == done, what=f"{done}")
        return self.see(order_id)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("service")
    with running_localstripe() as provider, receiving() as receiver:
        service = Service(
            folder, PAYONCE_STRIPE_API_KEY=KEY, PAYONCE_STRIPE_WEBHOOK_SECRET=STRIPE_SECRET,
            PAYONCE_STRIPE_API_BASE=provider.base_url, PAYONCE_STRIPE_FLOW="payment_intent",
            PAYONCE_WEBHOOK_URL=receiver.url, PAYONCE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        )  # fmt: skip
        provider.register_webhook("payonce", f"{service.base_url}/webhooks/stripe", STRIPE_SECRET)
        service.start()
        try:
            yield Shop(service, provider, receiver)
        finally:
            service.stop()


def test_of_fifty_clicks_at_once_one_intent_is_made_and_paid_once(shop: Shop) -> None:
    """B1: any number of clicks makes one charge, also where the provider ignores idempotency keys."""
    order_id = shop.order("fifty")
    with ThreadPoolExecutor(CLICKS) as clicks:
        answers = list(clicks.map(lambda click: shop.checkout(order_id, click), range(CLICKS)))
    assert len({answer["attempt_id"] for answer in answers}) == 1
    assert len({answer["client_secret"] for answer in answers}) == 1
    intents = [
        i for i in shop.sdk.v1.payment_intents.list({"limit": 100}).data if i.metadata["payonce_order"] == order_id
    ]
    assert len(intents) == 1
    assert shop.confirm(answers[0]["provider_ref"], GOOD) == "succeeded"
    assert shop.wait_for_payment(order_id)["state"] == "paid"
    refused = shop.caller.post(f"/v1/orders/{order_id}/checkout", {}, "late")
    assert (refused.status_code, refused.json()["code"]) == (409, "order_paid")


def test_the_same_webhook_twenty_times_more_changes_nothing(shop: Shop) -> None:
    """C2: one payment is processed once, however often it is told."""
    order_id = shop.order("again")
    assert shop.confirm(shop.checkout(order_id)["provider_ref"], GOOD) == "succeeded"
    before = shop.wait_for_payment(order_id)
    events = shop.sdk.v1.events.list({"limit": 100}).data
    body = next(
        json.dumps(event.to_dict())
        for event in events
        if event.type == "payment_intent.succeeded" and event.data.object["metadata"]["payonce_order"] == order_id
    )
    for _ in range(20):
        headers = {"Stripe-Signature": _signed(body)}
        answer = httpx2.post(f"{shop.service.base_url}/webhooks/stripe", content=body, headers=headers)
        assert answer.status_code == 200
    after = shop.see(order_id)
    assert after["counters"] == before["counters"] == {"charged": 1, "recorded": 1, "fulfilled": 1}
    assert len(shop.receiver.fulfilled[order_id]) == 1


def test_a_decline_leaves_the_intent_payable_and_a_good_card_pays_it(shop: Shop) -> None:
    """B8: a decline is not terminal; the same intent succeeds later."""
    order_id = shop.order("declined")
    checkout = shop.checkout(order_id)
    assert shop.confirm(checkout["provider_ref"], DECLINED) == "declined"
    again = shop.checkout(order_id, 1)
    assert (again["attempt_id"], again["reused"]) == (checkout["attempt_id"], True)
    assert shop.confirm(checkout["provider_ref"], GOOD) == "succeeded"
    assert shop.wait_for_payment(order_id)["state"] == "paid"


def test_three_d_secure_pays_once_after_the_payer_answers(shop: Shop) -> None:
    """B8: requires_action is shown, and the answer settles the order."""
    order_id = shop.order("secure")
    checkout = shop.checkout(order_id)
    card: Any = {"number": ASKS_THE_PAYER, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    method = shop.sdk.v1.payment_methods.create({"type": "card", "card": card})
    assert shop.confirm(checkout["provider_ref"], method.id) == "requires_action"
    shop.caller.post_until(f"/v1/orders/{order_id}/refresh", {}, "look")
    assert shop.see(order_id)["payment"] == "requires_action"
    shop.provider.authenticate(checkout["provider_ref"], success=True)
    assert shop.wait_for_payment(order_id)["state"] == "paid"


def _signed(body: str) -> str:
    import time

    moment = int(time.time())
    signature = stripe.WebhookSignature._compute_signature(f"{moment}.{body}", STRIPE_SECRET)
    return f"t={moment},v1={signature}"
