"""Faults, before and after the effect; nothing is remembered, so asking again makes another one."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.faults import Fault
from payonce.providers.simulator.nowpayments import NowPaymentsSimulator, Settings
from payonce.providers.simulator.serve import Running
from payonce.providers.transport import Answer, Request, Unreachable
from tests.providers.simulator.nowpayments.merchant import Merchant, asked
from tests.support.clocks import HandClock, SeededChance


def create(merchant: Merchant, clock: HandClock | None = None) -> Answer:
    """A create through payonce's transport."""
    headers = (("x-api-key", merchant.sim.settings.api_key),)
    body = asked("45", pay_currency="btc")
    request = Request("POST", "https://api.nowpayments.io/v1/payment", headers, body, timeout_seconds=20.0)
    return asyncio.run(DirectTransport(merchant.sim, clock or HandClock()).send(request))


@pytest.mark.parametrize("kind", ["timeout", "reset", "drip"])
@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_no_answer_leaves_it_unknown_and_asking_again_makes_another(
    merchant: Merchant, kind: Any, when: Any, made: int
) -> None:
    merchant.faults.add("payments.create", Fault(kind, when))
    with pytest.raises(Unreachable) as caught:
        create(merchant)
    assert caught.value.sent is True and len(merchant.sim.truth.payments()) == made
    assert create(merchant).status == 201 and len(merchant.sim.truth.payments()) == made + 1


@pytest.mark.parametrize(("kind", "status"), [("html", 502), ("bad_json", 200), ("error_500", 500)])
@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_an_answer_that_is_none_leaves_it_unknown(
    merchant: Merchant, kind: Any, status: int, when: Any, made: int
) -> None:
    merchant.faults.add("payments.create", Fault(kind, when))
    assert create(merchant).status == status
    assert len(merchant.sim.truth.payments()) == made
    assert merchant.sim.calls[-1].fault == f"{kind}:{when}"


@pytest.mark.parametrize("kind", ["rate_limited", "lock_timeout"])
def test_too_many_requests_take_no_effect(merchant: Merchant, kind: Any) -> None:
    merchant.faults.add("payments.create", Fault(kind, "after", seconds=7))
    answer = create(merchant)
    assert (answer.status, answer.header("retry-after")) == (429, "7") and merchant.sim.truth.payments() == []


def test_a_call_can_take_effect_after_its_caller_has_given_up(merchant: Merchant) -> None:
    merchant.faults.add("payments.create", Fault("late", seconds=60))
    with pytest.raises(Unreachable):
        create(merchant)
    assert merchant.sim.truth.payments() == []
    merchant.sim.advance(60)
    assert len(merchant.sim.truth.payments()) == 1


def test_the_payer_can_pay_in_the_moment_before_a_read(merchant: Merchant) -> None:
    made = merchant.make()
    merchant.faults.add("payments.*", Fault("payer_first"), times=None)
    assert merchant.see(made["payment_id"])["payment_status"] == "finished"
    assert merchant.call("GET", "payment/1").status == 404
    assert merchant.sim.truth.came_in() == {"order-1": 4500}


def test_an_answer_that_drips_over_a_socket_is_whole_in_the_end(
    merchant: Merchant, running: Running[NowPaymentsSimulator]
) -> None:
    merchant.faults.add("status.retrieve", Fault("drip", "after"))
    assert httpx2.get(f"{running.base_url}/v1/status").json() == {"message": "OK"}


def test_a_slow_answer_takes_its_time_on_the_callers_clock() -> None:
    clock = HandClock()
    assert create(Merchant(Settings(latency=2.5)), clock).status == 201 and clock.slept == [2.5]


def test_a_rule_chooses_its_calls_and_faults_end(merchant: Merchant) -> None:
    merchant.faults.add("payments.*", Fault("error_500"), times=None, containing="order-B")
    assert merchant.make()["payment_status"] == "waiting"
    assert merchant.call("POST", "payment", asked("45", pay_currency="btc", order_id="order-B")).status == 500
    merchant.sim.clear_faults()
    assert merchant.make(order_id="order-B")["order_id"] == "order-B"


def a_week(seed: int) -> list[Any]:
    """A week of calls, payers, faults and notices, as everything that left the simulator."""
    clock = HandClock()
    merchant = Merchant()
    merchant.sim = NowPaymentsSimulator(clock=clock, chance=SeededChance(seed))
    merchant.faults.add("*", Fault("reset", "after"), times=None, rate=0.3)
    seen: list[Any] = []
    for number in range(20):
        try:
            seen.append(create(merchant, clock))
        except Unreachable as gone:
            seen.append(str(gone))
        newest = str(merchant.sim.truth.payments()[-1].id)
        merchant.sim.payer.pay(newest, "less" if number % 2 else "exact")
        merchant.sim.payer.pay_again(newest)
        clock.move(8 * 3600)
        for leaving in merchant.sim.due_deliveries():
            seen.append((leaving.headers, leaving.body))
            merchant.sim.delivered(leaving.delivery_id, 200 if len(seen) % 3 else None)
    return seen


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert a_week(1) == a_week(1)
    assert a_week(1) != a_week(2)
