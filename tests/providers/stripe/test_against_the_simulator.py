"""The adapter and the simulator were written apart, from Stripe's documentation. Here they meet, over exact bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from payonce.domain.observation import DisputeSeen, Observation, PaymentSeen, Ref, RefundSeen
from payonce.providers.contract import Call, Done, Flow, Handle, NotDone, Outcome, Unknown, Verified
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.faults import Fault, Faults
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.providers.simulator.world import SeededChance, StillClock
from tests.providers.stripe.samples import ATTEMPT, SECRET, adapter, ask

T = TypeVar("T")
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock(StillClock):
    """The simulator's clock, on which waiting lets time pass at once."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


@dataclass
class Shop:
    """A till in front of a simulated Stripe, and the endpoint that hears its events."""

    sim: StripeSimulator
    till: ProviderTill
    clock: Clock

    def run(self, waiting: Awaitable[T]) -> T:
        async def whole() -> T:
            return await waiting

        return asyncio.run(whole())

    def call(self, flow: Flow) -> Call:
        return adapter().create(ask(flow, expires_at=self.clock.now() + timedelta(minutes=35)))

    def open(self, flow: Flow) -> Handle:
        outcome = self.run(self.till.create(self.call(flow)))
        assert isinstance(outcome, Done), outcome
        assert outcome.handle is not None
        return outcome.handle

    def read(self, ref: Ref) -> PaymentSeen:
        outcome = self.run(self.till.read(ref))
        assert isinstance(outcome, Done), outcome
        (observation,) = outcome.observations
        assert isinstance(observation.seen, PaymentSeen)
        return observation.seen

    def close(self, ref: Ref) -> Outcome:
        return self.run(self.till.close(ref, ATTEMPT))

    def heard(self) -> list[Observation]:
        """Every event that is due, verified as the service would."""
        found: list[Observation] = []
        for outgoing in self.sim.due_deliveries():
            headers = {name.lower(): value for name, value in outgoing.headers}
            verdict = adapter().verify(headers, outgoing.body, self.clock.now())
            assert isinstance(verdict, Verified), (outgoing.event_type, verdict)
            assert verdict.key == outgoing.event_id
            found.extend(verdict.observations)
            self.sim.delivered(outgoing.delivery_id, 200)
        return found

    def statuses(self, kind: str) -> list[str]:
        """What the events say of objects of that kind, in the order sent, without repetitions."""
        said = [one.seen.status for one in self.heard() if one.seen.ref.kind == kind]
        return [status for place, status in enumerate(said) if place == 0 or said[place - 1] != status]


@pytest.fixture
def shop() -> Shop:
    clock = Clock(START)
    sim = StripeSimulator(clock=clock, chance=SeededChance(11))
    sim.add_endpoint("https://shop.example/webhooks/stripe", SECRET)
    till = ProviderTill(adapter(api_base="http://stripe.simulator.invalid"), DirectTransport(sim, clock))
    return Shop(sim, till, clock)


def intent_of(seen: PaymentSeen) -> str:
    assert seen.capture is not None
    return seen.capture.id


def test_a_card_pays_an_intent_and_read_and_events_agree_on_the_money(shop: Shop) -> None:
    """B8: one payment, told by several events, is one amount of one reference."""
    handle = shop.open("payment_intent")
    assert shop.sim.payer.pay(handle.ref.id) == "succeeded"
    read = shop.read(handle.ref)
    assert (read.status, read.captured_minor, read.currency, read.attempt_id) == ("paid", 135, "USD", ATTEMPT)
    payments = [one.seen for one in shop.heard() if isinstance(one.seen, PaymentSeen)]
    assert {(seen.capture, seen.attempt_id) for seen in payments} == {(handle.ref, ATTEMPT)}
    assert {seen.captured_minor for seen in payments} == {0, 135}


def test_a_declined_card_leaves_the_intent_open_for_another(shop: Shop) -> None:
    """B9: fail, then succeed, on the same object."""
    handle = shop.open("payment_intent")
    assert shop.sim.payer.pay(handle.ref.id, "pm_card_visa_chargeDeclinedInsufficientFunds") == "declined"
    declined = shop.read(handle.ref)
    assert (declined.status, declined.reason) == ("asks_again", "insufficient_funds")
    assert "asks_again" in shop.statuses("payment_intent")
    shop.sim.payer.pay(handle.ref.id)
    assert shop.read(handle.ref).status == "paid"


def test_three_d_secure_asks_the_payer_to_act(shop: Shop) -> None:
    handle = shop.open("payment_intent")
    shop.sim.payer.pay(handle.ref.id, "pm_card_threeDSecure2Required")
    assert shop.read(handle.ref).status == "action"
    assert "action" in shop.statuses("payment_intent")
    shop.sim.payer.authenticate(handle.ref.id)
    assert shop.read(handle.ref).status == "paid"


def test_a_session_is_paid_by_an_intent_that_did_not_exist_before(shop: Shop) -> None:
    """C2: session and intent are one payment."""
    handle = shop.open("checkout_session")
    assert handle.url is not None
    assert handle.expires_at == START + timedelta(minutes=35)
    assert shop.read(handle.ref).capture is None
    shop.sim.payer.pay(handle.ref.id)
    read = shop.read(handle.ref)
    assert (read.status, read.captured_minor, read.attempt_id) == ("paid", 135, ATTEMPT)
    observations = shop.heard()
    assert {one.seen.ref.kind for one in observations} >= {"payment_intent", "checkout_session"}
    assert {one.seen.attempt_id for one in observations} == {ATTEMPT}
    captures = {
        (one.seen.capture, one.seen.captured_minor) for one in observations if isinstance(one.seen, PaymentSeen)
    }
    assert {(capture, minor) for capture, minor in captures if minor} == {(read.capture, 135)}


def test_a_delayed_method_is_pending_until_a_read_proves_that_it_failed(shop: Shop) -> None:
    """X8: a complete session is read, and only the read says failed."""
    handle = shop.open("checkout_session")
    shop.sim.payer.pay(handle.ref.id, "pm_usBankAccount_insufficientFunds")
    pending = shop.read(handle.ref)
    assert pending.status == "pending"
    assert shop.statuses("checkout_session") == ["pending"]
    refused = shop.close(handle.ref)
    assert isinstance(refused, NotDone)
    assert refused.code == "not_closable"
    shop.sim.bank.settle_debit(intent_of(pending))
    assert shop.statuses("checkout_session") == ["asks_again"]
    assert (shop.read(handle.ref).status, shop.read(handle.ref).captured_minor) == ("failed", 0)


def test_a_delayed_method_that_brings_the_money_is_paid(shop: Shop) -> None:
    handle = shop.open("checkout_session")
    shop.sim.payer.pay(handle.ref.id, "pm_usBankAccount_success")
    shop.heard()
    shop.sim.bank.settle_debit(intent_of(shop.read(handle.ref)))
    assert shop.statuses("checkout_session") == ["paid"]
    assert shop.read(handle.ref).captured_minor == 135


@pytest.mark.parametrize("flow", ["payment_intent", "checkout_session"])
def test_what_is_closed_cannot_be_paid_and_closing_again_is_refused_and_read(shop: Shop, flow: Flow) -> None:
    """C23: closed at the provider, first."""
    handle = shop.open(flow)
    closed = shop.close(handle.ref)
    assert isinstance(closed, Done)
    assert [one.seen.status for one in closed.observations] == ["closed"]
    assert shop.sim.payer.pay(handle.ref.id) == "refused"
    again = shop.close(handle.ref)
    assert isinstance(again, NotDone)
    assert again.code == "not_closable"
    assert shop.read(handle.ref).status == "closed"
    assert shop.statuses(handle.ref.kind)[-1] == "closed"


@pytest.mark.parametrize("flow", ["payment_intent", "checkout_session"])
def test_closing_what_was_just_paid_is_refused_and_the_read_shows_the_money(shop: Shop, flow: Flow) -> None:
    """X7: a refusal means read it; it may be paid."""
    handle = shop.open(flow)
    shop.sim.payer.pay(handle.ref.id)
    assert isinstance(shop.close(handle.ref), NotDone)
    assert (shop.read(handle.ref).status, shop.read(handle.ref).captured_minor) == ("paid", 135)


def test_a_session_expires_by_the_provider_s_own_clock(shop: Shop) -> None:
    """D8: at the time that the create asked for."""
    handle = shop.open("checkout_session")
    shop.sim.advance(35 * 60 + 1)
    assert shop.read(handle.ref).status == "closed"
    assert shop.statuses("checkout_session") == ["closed"]


@pytest.mark.parametrize("flow", ["payment_intent", "checkout_session"])
def test_the_same_bytes_with_the_same_key_make_one_object(shop: Shop, flow: Flow) -> None:
    """X1: a repeat is a replay, says so, and is read before it is used."""
    call = shop.call(flow)
    first, second = shop.run(shop.till.create(call)), shop.run(shop.till.create(call))
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.observations == second.observations


@pytest.mark.parametrize("flow", ["payment_intent", "checkout_session"])
@pytest.mark.parametrize("kind", ["timeout", "reset", "html", "bad_json", "error_500"])
def test_a_create_whose_answer_is_lost_is_unknown_and_found_by_its_marks(shop: Shop, flow: Flow, kind: str) -> None:
    """B6: what was made can be found by our attempt's id, without any answer."""
    faults = shop.sim.faults
    assert isinstance(faults, Faults)
    faults.add("*", Fault(kind, "after"))  # type: ignore[arg-type]
    assert isinstance(shop.run(shop.till.create(shop.call(flow))), Unknown)
    found = shop.run(shop.till.find(flow, START - timedelta(minutes=1), START + timedelta(minutes=5)))
    assert isinstance(found, Done)
    assert [one.seen.attempt_id for one in found.observations] == [ATTEMPT]
    assert all(one.is_read for one in found.observations)


@pytest.mark.parametrize("kind", ["rate_limited", "lock_timeout"])
def test_a_limit_is_a_clear_no_that_may_be_asked_again(shop: Shop, kind: str) -> None:
    faults = shop.sim.faults
    assert isinstance(faults, Faults)
    faults.add("*", Fault(kind))  # type: ignore[arg-type]
    outcome = shop.run(shop.till.create(shop.call("payment_intent")))
    assert isinstance(outcome, NotDone)
    assert outcome.may_repeat
    assert isinstance(shop.run(shop.till.create(shop.call("payment_intent"))), Done)


def test_the_same_key_with_other_parameters_is_unknown_and_never_a_no(shop: Shop) -> None:
    """X3: something was made with that key."""
    shop.open("payment_intent")
    outcome = shop.run(shop.till.create(adapter().create(ask(amount_minor=136))))
    assert isinstance(outcome, Unknown)


def test_refunds_and_disputes_of_others_are_heard_and_name_the_payment(shop: Shop) -> None:
    """B10: whoever asked for them."""
    handle = shop.open("payment_intent")
    shop.sim.payer.pay(handle.ref.id)
    shop.heard()
    refund_id = shop.sim.bank.refund(handle.ref.id, 100)
    refunds = [one.seen for one in shop.heard() if isinstance(one.seen, RefundSeen)]
    assert {(seen.ref.id, seen.capture, seen.amount_minor) for seen in refunds} == {(refund_id, handle.ref, 100)}
    assert refunds[-1].status == "succeeded"
    shop.sim.bank.end_refund(refund_id, "failed")
    assert shop.statuses("refund") == ["failed"]
    dispute_id = shop.sim.bank.open_dispute(handle.ref.id)
    opened = [one.seen for one in shop.heard() if isinstance(one.seen, DisputeSeen)]
    assert {(seen.ref.id, seen.capture, seen.status) for seen in opened} == {(dispute_id, handle.ref, "open")}
    shop.sim.bank.close_dispute(dispute_id, "won")
    assert shop.statuses("dispute") == ["won"]
    outcome = shop.run(shop.till.read(Ref("dispute", dispute_id)))
    assert isinstance(outcome, Done)
    assert [one.seen.status for one in outcome.observations] == ["won"]


def test_what_nobody_made_is_not_found(shop: Shop) -> None:
    for ref in (Ref("payment_intent", "pi_nobody"), Ref("checkout_session", "cs_nobody")):
        outcome = shop.run(shop.till.read(ref))
        assert isinstance(outcome, NotDone)
        assert outcome.code == "not_found"


def test_the_endpoint_s_subscriptions_can_be_compared_with_what_is_handled(shop: Shop) -> None:
    """B12: as `doctor` does."""
    answer = shop.run(shop.till.subscriptions())
    assert isinstance(answer, tuple)
    assert [(one.url, one.events, one.is_enabled) for one in answer] == [
        ("https://shop.example/webhooks/stripe", ("*",), True)
    ]
