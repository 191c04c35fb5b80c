"""Idempotency keys: what is given again, what is refused, what is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
import stripe

from payonce.providers.simulator.faults import Fault, Faults
from payonce.providers.simulator.stripe import StripeSimulator
from tests.providers.simulator.conftest import KEY

CREATE = b"amount=4500&currency=usd&metadata[payonce_attempt]=att_1"


def post(sim: StripeSimulator, key: str | None, body: bytes = CREATE, path: str = "/v1/payment_intents") -> Any:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    headers |= {} if key is None else {"Idempotency-Key": key}
    return httpx2.post(sim.base_url + path, content=body, headers=headers)


def faults(sim: StripeSimulator) -> Faults:
    assert isinstance(sim.faults, Faults)
    return sim.faults


def test_the_first_answer_is_given_again_byte_for_byte_though_the_object_moved_on(sim: StripeSimulator) -> None:
    first = post(sim, "att_1:create")
    sim.payer.pay(first.json()["id"])
    again = post(sim, "att_1:create")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    assert again.headers["Original-Request"] == first.headers["Request-Id"] != again.headers["Request-Id"]
    assert len(sim.truth.intents()) == 1 and sim.truth.intents()[0].status == "succeeded"


def test_the_order_of_parameters_does_not_matter(sim: StripeSimulator) -> None:
    first = post(sim, "k", b"amount=4500&currency=usd")
    assert post(sim, "k", b"currency=usd&amount=4500").content == first.content


@pytest.mark.parametrize(
    ("body", "path"), [(CREATE.replace(b"4500", b"4600"), "/v1/payment_intents"), (CREATE, "/v1/refunds")]
)
def test_the_same_key_for_another_request_is_refused(sim: StripeSimulator, body: bytes, path: str) -> None:
    post(sim, "k")
    refused = post(sim, "k", body, path)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(sim.truth.intents()) == 1


def test_the_sdk_tells_a_reused_key_by_its_own_error(client: stripe.StripeClient) -> None:
    client.v1.payment_intents.create({"amount": 100, "currency": "usd"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create({"amount": 200, "currency": "usd"}, {"idempotency_key": "k"})


def test_a_forgotten_key_makes_a_new_object(sim: StripeSimulator) -> None:
    first = post(sim, "k").json()["id"]
    sim.advance(24 * 3600 - 1)
    assert post(sim, "k").json()["id"] == first
    sim.advance(2)
    assert post(sim, "k").json()["id"] != first
    assert len(sim.truth.intents()) == 2


def test_a_second_call_while_the_first_one_runs_is_refused_and_not_remembered(sim: StripeSimulator) -> None:
    sim.settings.latency = 0.2
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(sim, "k"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "idempotency_key_in_use"
    assert refused.headers["Stripe-Should-Retry"] == "true"
    sim.advance(1)
    assert post(sim, "k").json()["id"] == sim.truth.intents()[0].id and len(sim.truth.intents()) == 1


@pytest.mark.parametrize(("when", "intents"), [("before", 0), ("after", 1)])
def test_a_500_is_remembered_whether_or_not_it_took_effect(sim: StripeSimulator, when: Any, intents: int) -> None:
    faults(sim).add("payment_intents.create", Fault("error_500", when))
    first, again = post(sim, "k"), post(sim, "k")
    assert (first.status_code, again.status_code) == (500, 500) and again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true" and again.headers["Stripe-Should-Retry"] == "false"
    assert len(sim.truth.intents()) == intents


def test_a_decline_is_remembered(sim: StripeSimulator) -> None:
    made = post(sim, None).json()["id"]
    path = f"/v1/payment_intents/{made}/confirm"
    declined = post(sim, "k", b"payment_method=pm_card_visa_chargeDeclined", path)
    assert declined.status_code == 402
    assert post(sim, "k", b"payment_method=pm_card_visa_chargeDeclined", path).content == declined.content
    assert len(sim.books.charges) == 1


def test_a_refusal_by_state_is_remembered_after_the_state_has_changed(sim: StripeSimulator) -> None:
    made = post(sim, None, b"amount=4500&currency=usd&confirm=true&payment_method=pm_usBankAccount_success").json()
    path = f"/v1/payment_intents/{made['id']}/cancel"
    assert post(sim, "k", b"", path).status_code == 400
    sim.bank.settle_debit(made["id"], False)
    assert post(sim, "k", b"", path).status_code == 400
    assert post(sim, "k2", b"", path).json()["status"] == "canceled"


@pytest.mark.parametrize("wrong", [b"amount=1&currency=usd", b"currency=usd", b"amount=4500&currency=usd&colour=red"])
def test_a_refused_parameter_does_not_use_the_key_up(sim: StripeSimulator, wrong: bytes) -> None:
    assert post(sim, "k", wrong).status_code == 400
    assert post(sim, "k").status_code == 200


def test_a_refused_key_of_the_api_and_too_many_requests_do_not_use_the_key_up(sim: StripeSimulator) -> None:
    headers = {"Authorization": "Bearer sk_live_1234567890", "Idempotency-Key": "k"}
    refused = httpx2.post(f"{sim.base_url}/v1/payment_intents", content=CREATE, headers=headers)
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_request_error")
    faults(sim).add("*", Fault("rate_limited", seconds=3))
    limited = post(sim, "k")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    assert post(sim, "k").status_code == 200


def test_a_key_that_is_too_long_is_refused(sim: StripeSimulator) -> None:
    assert post(sim, "k" * 256).status_code == 400
    assert sim.truth.intents() == []


def test_without_a_key_two_calls_make_two_objects(sim: StripeSimulator) -> None:
    assert post(sim, None).json()["id"] != post(sim, None).json()["id"]


@pytest.mark.parametrize("key", ["", "sk_test_", "pk_test_123", "sk_live_abc", "nonsense"])
def test_only_a_test_key_is_believed(sim: StripeSimulator, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx2.get(f"{sim.base_url}/v1/account", headers=headers)
    assert answer.status_code == 401 and answer.json()["error"]["type"] == "invalid_request_error"
