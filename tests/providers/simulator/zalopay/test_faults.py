"""Faults: each kind, before and after the effect, and what a merchant can find out afterwards."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.faults import KINDS, Fault, Faults
from payonce.providers.simulator.serve import Running
from payonce.providers.simulator.world import SeededChance
from payonce.providers.simulator.zalopay import Settings, ZaloPaySimulator
from payonce.providers.transport import Answer, Request, Unreachable
from tests.providers.simulator.zalopay.merchant import ATTEMPT, Merchant
from tests.providers.simulator.zalopay.test_orders import codes
from tests.support.clocks import HandClock


@pytest.fixture
def faults(sim: ZaloPaySimulator) -> Faults:
    assert isinstance(sim.faults, Faults)
    return sim.faults


def send(sim: ZaloPaySimulator, clock: HandClock, path: str, told: dict[str, Any]) -> Answer:
    """A call through payonce's transport."""
    headers = (("Content-Type", "application/json"),)
    wish = Request("POST", f"https://openapi.zalopay.vn{path}", headers, json.dumps(told).encode(), 20.0)
    return asyncio.run(DirectTransport(sim, clock).send(wish))


@pytest.mark.parametrize("kind", ["timeout", "reset", "drip"])
@pytest.mark.parametrize(("when", "after"), [("before", (1, 1)), ("after", (2, -68))])
def test_after_no_answer_the_name_tells_whether_it_was_made(kind: Any, when: Any, after: tuple[int, int]) -> None:
    """An order whose answer was lost is found by its name, and its address is lost."""
    clock = HandClock()
    sim = ZaloPaySimulator(clock=clock, chance=SeededChance(1))
    assert isinstance(sim.faults, Faults)
    sim.faults.add("orders.create", Fault(kind, when))
    merchant = Merchant(sim)
    told = merchant.order()
    with pytest.raises(Unreachable) as caught:
        send(sim, clock, "/v2/create", told)
    assert caught.value.sent is True and len(sim.truth.orders()) == (when == "after")
    assert codes(json.loads(send(sim, clock, "/v2/create", told).body)) == after
    assert len(sim.truth.orders()) == 1
    assert sim.faults.counts == {f"{kind}:{when}": 1}


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_an_error_of_the_providers_own_is_an_answer_that_decides_nothing(
    sim: ZaloPaySimulator, merchant: Merchant, faults: Faults, when: Any, orders: int
) -> None:
    faults.add("orders.create", Fault("error_500", when))
    assert codes(merchant.create()) == (2, -500)
    assert len(sim.truth.orders()) == orders


@pytest.mark.parametrize("kind", ["rate_limited", "lock_timeout"])
def test_too_many_requests_take_no_effect(sim: ZaloPaySimulator, merchant: Merchant, faults: Faults, kind: Any) -> None:
    faults.add("orders.create", Fault(kind, "after"))
    assert codes(merchant.create()) == (2, -429)
    assert sim.truth.orders() == []


@pytest.mark.parametrize(("kind", "status"), [("html", 502), ("bad_json", 200)])
@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_an_answer_that_is_none_leaves_it_unknown(
    sim: ZaloPaySimulator, merchant: Merchant, faults: Faults, kind: Any, status: int, when: Any, orders: int
) -> None:
    faults.add("orders.create", Fault(kind, when))
    reply = sim.handle("POST", "/v2/create", "", {}, json.dumps(merchant.order()).encode())
    assert reply.status == status and len(sim.truth.orders()) == orders
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
        json.loads(reply.body)


def test_a_call_can_take_effect_after_its_caller_has_given_up(
    sim: ZaloPaySimulator, merchant: Merchant, faults: Faults
) -> None:
    faults.add("orders.create", Fault("late", seconds=60))
    reply = sim.handle("POST", "/v2/create", "", {}, json.dumps(merchant.order()).encode())
    assert reply.manner == "silence" and codes(merchant.query()) == (2, -101)
    sim.advance(60)
    assert codes(merchant.query()) == (3, 3)


def test_the_payer_can_pay_in_the_moment_before_the_cancel(
    sim: ZaloPaySimulator, merchant: Merchant, faults: Faults
) -> None:
    merchant.create()
    faults.add("orders.cancel", Fault("payer_first"))
    assert codes(merchant.cancel()) == (2, 0)
    assert list(sim.truth.captures_by_attempt()) == [ATTEMPT]


def test_a_refund_whose_answer_was_lost_is_found_by_its_name(
    sim: ZaloPaySimulator, merchant: Merchant, faults: Faults
) -> None:
    transaction = merchant.paid()
    faults.add("refunds.create", Fault("error_500", "after"))
    assert codes(merchant.refund(transaction, 1_000)) == (2, -500)
    assert codes(merchant.refund(transaction, 1_000)) == (2, -23)
    assert codes(merchant.query_refund()) == (3, 2)
    assert sim.truth.refunded_total(merchant.name()) == 1_000


def test_over_http_a_broken_connection_is_one(
    running: Running[ZaloPaySimulator], merchant: Merchant, faults: Faults
) -> None:
    faults.add("orders.create", Fault("reset", "after"))
    with pytest.raises(httpx2.HTTPError):
        httpx2.post(f"{running.base_url}/v2/create", json=merchant.order())
    answer = httpx2.post(f"{running.base_url}/v2/create", json=merchant.order())
    assert answer.status_code == 200 and codes(answer.json()) == (2, -68)


def test_the_log_tells_every_call(sim: ZaloPaySimulator, merchant: Merchant, faults: Faults) -> None:
    faults.add("orders.create", Fault("html"))
    sim.handle("POST", "/v2/create", "", {}, json.dumps(merchant.order()).encode())
    merchant.create()
    merchant.query()
    assert [(row.operation, row.object_id, row.status, row.fault) for row in sim.calls] == [
        ("orders.create", merchant.name(), 0, "html:before"),
        ("orders.create", merchant.name(), 200, None),
        ("orders.query", merchant.name(), 200, None),
    ]


def test_latency_passes_on_the_callers_clock() -> None:
    clock = HandClock()
    sim = ZaloPaySimulator(clock=clock, chance=SeededChance(1), settings=Settings(latency=2.5))
    assert send(sim, clock, "/v2/create", Merchant(sim).order()).status == 200
    assert clock.slept == [2.5]


def test_every_kind_of_fault_is_met_by_a_test_here() -> None:
    here = {"timeout", "reset", "error_500", "rate_limited", "lock_timeout", "html", "drip", "bad_json", "late"}
    assert set(KINDS) == here | {"payer_first"}


def test_the_same_inputs_give_the_same_bytes() -> None:
    def a_day(seed: int) -> list[bytes]:
        clock = HandClock()
        sim = ZaloPaySimulator(clock=clock, chance=SeededChance(seed))
        assert isinstance(sim.faults, Faults)
        sim.faults.add("*", Fault("error_500", "after"), times=None, rate=0.3)
        merchant, seen = Merchant(sim), []
        for number in range(20):
            name = f"{merchant.today()}_{number}"
            seen.append(json.dumps(merchant.create(app_trans_id=name)).encode())
            sim.payer.pay(sim.truth.orders()[-1].app_trans_id)
            clock.move(1800)
            for leaving in sim.due_deliveries():
                seen.append(leaving.body)
                sim.delivered(leaving.delivery_id, 200, b'{"return_code": 1}')
        return seen

    assert a_day(1) == a_day(1) != a_day(2)
