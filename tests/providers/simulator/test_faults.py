"""Faults: each kind, before and after the effect, as a caller over HTTP meets it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
import stripe

from payonce.providers.simulator.faults import KINDS, Fault, Faults
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.providers.simulator.world import SeededChance
from tests.providers.simulator.conftest import KEY, sdk
from tests.providers.simulator.test_checkout_sessions import a_session

# Short, so that a silent provider costs the test little; nothing is asserted about it.
PATIENCE_SECONDS = 0.3


@pytest.fixture
def faults(sim: StripeSimulator) -> Faults:
    assert isinstance(sim.faults, Faults)
    return sim.faults


def create(sim: StripeSimulator, key: str = "k", retries: int = 0) -> stripe.PaymentIntent:
    client = sdk(sim, retries=retries, timeout=PATIENCE_SECONDS)
    return client.v1.payment_intents.create({"amount": 4500, "currency": "usd"}, {"idempotency_key": key})


@pytest.mark.parametrize("kind", ["timeout", "reset"])
@pytest.mark.parametrize(("when", "intents"), [("before", 0), ("after", 1)])
def test_no_answer_leaves_it_unknown_and_the_same_key_resolves_it(
    sim: StripeSimulator, faults: Faults, kind: Any, when: Any, intents: int
) -> None:
    faults.add("payment_intents.create", Fault(kind, when))
    with pytest.raises(stripe.APIConnectionError):
        create(sim)
    assert len(sim.truth.intents()) == intents
    assert create(sim).id == sim.truth.intents()[0].id
    assert len(sim.truth.intents()) == 1
    assert faults.counts == {f"{kind}:{when}": 1}


@pytest.mark.parametrize(("kind", "status"), [("html", 502), ("bad_json", 200)])
@pytest.mark.parametrize(("when", "intents"), [("before", 0), ("after", 1)])
def test_an_answer_that_is_none_leaves_it_unknown(
    sim: StripeSimulator, faults: Faults, kind: Any, status: int, when: Any, intents: int
) -> None:
    faults.add("payment_intents.create", Fault(kind, when))
    with pytest.raises(stripe.APIError) as caught:
        create(sim)
    assert caught.value.http_status == status and not isinstance(caught.value, stripe.InvalidRequestError)
    assert len(sim.truth.intents()) == intents
    assert create(sim).id == sim.truth.intents()[0].id


def test_a_dripping_answer_is_slow_and_complete(sim: StripeSimulator, faults: Faults) -> None:
    faults.add("payment_intents.create", Fault("drip", "after"))
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx2.post(f"{sim.base_url}/v1/payment_intents", content=b"amount=4500&currency=usd", headers=headers)
    assert answer.json()["id"] == sim.truth.intents()[0].id


@pytest.mark.parametrize(("kind", "code"), [("rate_limited", "rate_limit"), ("lock_timeout", "lock_timeout")])
def test_too_many_requests_take_no_effect_whatever_is_asked(
    sim: StripeSimulator, faults: Faults, kind: Any, code: str
) -> None:
    faults.add("payment_intents.create", Fault(kind, "after", seconds=7))
    with pytest.raises(stripe.RateLimitError) as caught:
        create(sim)
    assert caught.value.error is not None and caught.value.error.code == code
    assert (caught.value.headers or {})["Retry-After"] == "7"
    assert sim.truth.intents() == []


def test_the_sdk_retries_a_locked_object_with_the_same_key(sim: StripeSimulator, faults: Faults) -> None:
    faults.add("payment_intents.create", Fault("lock_timeout"))
    assert create(sim, retries=1).id == sim.truth.intents()[0].id
    assert [call.status for call in sim.calls] == [429, 200]


def test_a_call_can_take_effect_after_its_caller_has_given_up(sim: StripeSimulator, faults: Faults) -> None:
    faults.add("payment_intents.create", Fault("late", seconds=60))
    with pytest.raises(stripe.APIConnectionError):
        create(sim)
    assert sim.truth.intents() == []
    sim.advance(60)
    (made,) = sim.truth.intents()
    assert create(sim).id == made.id


def test_the_payer_can_pay_in_the_moment_before_the_cancel(sim: StripeSimulator, faults: Faults) -> None:
    made = create(sim)
    faults.add("payment_intents.cancel", Fault("payer_first"))
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sdk(sim).v1.payment_intents.cancel(made.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert sdk(sim).v1.payment_intents.retrieve(made.id).status == "succeeded"


def test_the_payer_can_pay_in_the_moment_before_the_expiry(sim: StripeSimulator, faults: Faults) -> None:
    made = a_session(sdk(sim))
    faults.add("checkout.sessions.expire", Fault("payer_first", method="pm_usBankAccount_success"))
    with pytest.raises(stripe.InvalidRequestError):
        sdk(sim).v1.checkout.sessions.expire(made.id)
    after = sdk(sim).v1.checkout.sessions.retrieve(made.id)
    assert (after.status, after.payment_status) == ("complete", "unpaid")


def test_a_rule_chooses_its_calls(sim: StripeSimulator, faults: Faults) -> None:
    faults.add("payment_intents.*", Fault("rate_limited"), times=2, containing="key-of-B")
    create(sim, "key-of-A")
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            create(sim, "key-of-B")
    assert create(sim, "key-of-B").status == "requires_payment_method"
    faults.add("*", Fault("rate_limited"), times=None)
    sim.clear_faults()
    create(sim, "key-of-C")


def test_a_rate_draws_from_the_chance_that_was_handed_in() -> None:
    def drawn(seed: int) -> list[bool]:
        faults = Faults(SeededChance(seed))
        faults.add("*", Fault("timeout"), times=None, rate=0.3)
        return [faults.pick("refunds.create", "") is not None for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 20 < sum(drawn(1)) < 100


def test_every_kind_of_fault_is_met_by_a_test_here() -> None:
    here = {"timeout", "reset", "error_500", "rate_limited", "lock_timeout", "html", "drip", "bad_json", "late"}
    assert set(KINDS) == here | {"payer_first"}
