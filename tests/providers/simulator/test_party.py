"""The simulated Stripe as a party like the other providers: known by payonce's own ids, paid by a page's address."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

import pytest

from payonce.base import ids
from payonce.providers.simulator.party import Party
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.providers.simulator.world import SeededChance

ATTEMPT = UUID("019a9b1c-0000-7000-8000-000000000001")
REFUND = UUID("019a9b1c-0000-7000-8000-0000000000f1")
HEADERS = {"authorization": "Bearer sk_test_party"}
MARK = ids.show(ids.ATTEMPT, ATTEMPT)


@pytest.fixture
def stripe_sim() -> StripeSimulator:
    return StripeSimulator(chance=SeededChance(3))


def post(sim: Party, path: str, **fields: str) -> None:
    reply = sim.handle("POST", f"/v1/{path}", "", HEADERS, urlencode(fields).encode())
    assert reply.status == 200, reply.body


def an_intent(sim: Party, **marks: str) -> None:
    post(sim, "payment_intents", amount="4500", currency="usd", **{f"metadata[{k}]": v for k, v in marks.items()})


def test_money_is_counted_by_our_ids_in_both_directions(stripe_sim: StripeSimulator) -> None:
    party: Party = stripe_sim
    an_intent(party, payonce_attempt=MARK)
    [intent] = stripe_sim.truth.intents()
    assert party.truth.payable_attempts() == {ATTEMPT} and party.truth.captures_by_attempt() == {}
    assert party.payer.pay(f"{party.base_url}/pay/{intent.client_secret}") == "succeeded"
    [captured] = party.truth.captures_by_attempt()[ATTEMPT]
    assert (captured.id, captured.amount_minor, captured.currency) == (intent.id, 4500, "USD")
    assert party.truth.payable_attempts() == set()
    marked = {"metadata[payonce_refund]": ids.show(ids.REFUND, REFUND)}
    post(party, "refunds", payment_intent=intent.id, amount="500", **marked)
    post(party, "refunds", payment_intent=intent.id, amount="100")
    [back] = party.truth.refunds_by_id()[REFUND]
    assert (back.capture, back.amount_minor, back.currency, back.status) == (intent.id, 500, "USD", "succeeded")
    stripe_sim.bank.end_refund(back.id, "failed")
    assert party.truth.refunds_by_id()[REFUND][0].status == "failed"


@pytest.mark.parametrize("marks", [{}, {"payonce_attempt": "nonsense"}, {"other": MARK}])
def test_what_carries_no_id_of_ours_is_in_no_sum(stripe_sim: StripeSimulator, marks: dict[str, str]) -> None:
    an_intent(stripe_sim, **marks)
    stripe_sim.payer.pay(stripe_sim.truth.intents()[0].id)
    assert stripe_sim.truth.captures_by_attempt() == {} and stripe_sim.truth.refunds_by_id() == {}
    assert len(stripe_sim.truth.dump()["charges"]) == 1
