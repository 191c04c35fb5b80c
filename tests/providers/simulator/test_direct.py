"""The simulator without sockets: the same inputs give the same bytes, and a bad network becomes `Unreachable`."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.faults import Fault, Faults
from payonce.providers.simulator.stripe import Settings, StripeSimulator
from payonce.providers.simulator.world import SeededChance
from payonce.providers.transport import Answer, Request, Unreachable
from tests.support.clocks import HandClock

HEADERS = (("Authorization", "Bearer sk_test_direct"), ("Idempotency-Key", "k"))


def create(key: str = "k") -> Request:
    body = urlencode({"amount": 4500, "currency": "usd"}).encode()
    headers = (HEADERS[0], ("Idempotency-Key", key))
    return Request("POST", "https://api.stripe.com/v1/payment_intents", headers, body, timeout_seconds=20.0)


def send(sim: StripeSimulator, clock: HandClock, request: Request) -> Answer:
    return asyncio.run(DirectTransport(sim, clock).send(request))


def a_day(seed: int) -> list[Any]:
    """A day of calls, payers, faults and webhooks, as everything that left the simulator."""
    clock = HandClock()
    sim = StripeSimulator(clock=clock, chance=SeededChance(seed), settings=Settings(pretty=False))
    assert isinstance(sim.faults, Faults)
    sim.faults.add("*", Fault("reset", "after"), times=None, rate=0.3)
    sim.add_endpoint("https://shop.example/hooks", "whsec_day")
    seen: list[Any] = []
    for number in range(20):
        try:
            seen.append(send(sim, clock, create(f"k{number}")))
        except Unreachable as gone:
            seen.append(str(gone))
        sim.payer.pay(sim.truth.intents()[-1].id)
        clock.move(1800)
        for leaving in sim.due_deliveries():
            seen.append((leaving.headers, leaving.body))
            sim.delivered(leaving.delivery_id, 200 if len(seen) % 3 else None)
    return seen


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert a_day(1) == a_day(1)
    assert a_day(1) != a_day(2)


@pytest.mark.parametrize("kind", ["timeout", "reset", "drip"])
def test_what_does_not_arrive_in_time_may_have_taken_effect(kind: Any) -> None:
    clock = HandClock()
    sim = StripeSimulator(clock=clock, chance=SeededChance(1))
    assert isinstance(sim.faults, Faults)
    sim.faults.add("payment_intents.create", Fault(kind, "after"))
    with pytest.raises(Unreachable) as caught:
        send(sim, clock, create())
    assert caught.value.sent is True and len(sim.truth.intents()) == 1
    assert send(sim, clock, create()).status == 200 and len(sim.truth.intents()) == 1


def test_latency_passes_on_the_callers_clock() -> None:
    clock = HandClock()
    sim = StripeSimulator(clock=clock, chance=SeededChance(1), settings=Settings(latency=2.5))
    assert send(sim, clock, create()).header("request-id") is not None
    assert clock.slept == [2.5]


def test_webhooks_wait_until_they_are_asked_for_and_next_due_tells_when() -> None:
    clock = HandClock()
    sim = StripeSimulator(clock=clock, chance=SeededChance(1), settings=Settings(webhook_delay=30.0))
    sim.add_endpoint("https://shop.example/hooks", "whsec_x")
    send(sim, clock, create())
    assert sim.due_deliveries() == [] and sim.next_due() == clock.now().timestamp() + 30
    clock.move(30)
    (leaving,) = sim.due_deliveries()
    assert (leaving.event_type, leaving.url) == ("payment_intent.created", "https://shop.example/hooks")
    assert sim.quiet() is False
    sim.delivered(leaving.delivery_id, 200)
    assert sim.quiet() is True and sim.next_due() is None


@pytest.mark.parametrize(
    "body",
    [
        b"\xff=1",
        b"amount[a]=1&amount=2",
        b"amount=1&amount[a]=2",
        b"[x]=1",
        b"a[b=1",
        b"metadata=x&amount=4500&currency=usd",
        b"a" + b"[b]" * 50 + b"=1",
        b"&".join(b"a%d=1" % number for number in range(2000)),
        b"amount=99999999999999999999&currency=usd",
        "amount=٤٥٠٠&currency=usd".encode(),
        b"amount=4500&currency=usd&expand[]=nonsense",
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_never_an_error_of_ours(body: bytes) -> None:
    sim = StripeSimulator(chance=SeededChance(1))
    assert sim.handle("POST", "/v1/payment_intents", headers=HEADERS, body=body).status == 400
    assert sim.truth.intents() == []


@pytest.mark.parametrize("path", ["/v1/payment_intents/search", "/v1/customers", "/v1/", "/v1/payment_intents/a/b/c"])
def test_what_is_not_simulated_is_404_and_says_so(path: str) -> None:
    reply = StripeSimulator(chance=SeededChance(1)).handle("POST", path, headers=HEADERS)
    assert reply.status in (404, 400) and b"error" in reply.body


def test_lists_take_repeated_and_numbered_names_alike() -> None:
    sim = StripeSimulator(chance=SeededChance(1))
    sim.handle("POST", "/v1/payment_intents", headers=HEADERS, body=b"amount=4500&currency=usd")
    for query in ("types[]=payment_intent.created&types[]=charge.failed", "types[1]=payment_intent.created&types[0]=x"):
        reply = sim.handle("GET", "/v1/events", query, HEADERS)
        assert b'"payment_intent.created"' in reply.body
