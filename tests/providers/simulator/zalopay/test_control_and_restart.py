"""What another process can tell it, what it is after a restart, and that it is a party like the other providers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

from payonce.providers.simulator.party import Party
from payonce.providers.simulator.serve import serve_in_thread
from payonce.providers.simulator.zalopay import Settings, ZaloPaySimulator
from payonce.providers.simulator.zalopay.kept import KeptZaloPaySimulator
from tests.providers.simulator.zalopay.merchant import ATTEMPT, JSON_HEADERS, REFUND, Merchant
from tests.providers.simulator.zalopay.test_orders import codes


def control(sim: Any, path: str, status: int = 200, **body: Any) -> Any:
    """POST /_sim/…"""
    reply = sim.handle("POST", f"/_sim/{path}", "", JSON_HEADERS, json.dumps(body).encode())
    assert reply.status == status, reply.body
    return json.loads(reply.body)


def test_it_is_driven_like_every_other_provider(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    party: Party = sim
    url = merchant.create()["order_url"]
    assert party.truth.payable_attempts() == {ATTEMPT}
    assert party.payer.pay(url) == "succeeded"
    [captured] = party.truth.captures_by_attempt()[ATTEMPT]
    [leaving] = party.due_deliveries()
    party.delivered(leaving.delivery_id, 200, b'{"return_code": 1}')
    assert party.quiet() and party.next_due() is None
    merchant.refund(int(captured.id), 1_000)
    assert party.truth.refunds_by_id()[REFUND][0].capture == captured.id
    assert party.payer.pay(merchant.name()) == "refused" and party.truth.payable_attempts() == set()


def test_names_that_are_not_ours_are_in_no_sum(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    for name in ("261120_shop-7", "261120_" + "z" * 32):
        merchant.create(app_trans_id=name)
        sim.payer.pay(name)
    assert sim.truth.captures_by_attempt() == {} and len(sim.truth.dump()["orders"]) == 2


def test_money_can_be_moved_from_outside(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create()
    name = merchant.name()
    assert control(sim, f"decline/{name}", trouble=-217) == {"seen": "declined"}
    assert control(sim, f"pay_slowly/{name}") == {"seen": "processing"}
    assert control(sim, f"settle/{name}") == {"seen": "succeeded"}
    assert control(sim, f"pay/{name}") == {"seen": "refused"}
    made = control(sim, f"refund/{name}", amount=1_000)["id"]
    assert control(sim, f"refunds/{made}/end", success=False) == {"state": "failed"}
    assert control(sim, f"events/{name}/resend") == {"resent": 1}
    control(sim, "pay/nobody", 404)
    control(sim, "refund/nobody", 404)
    control(sim, "events/nobody/resend", 404)
    control(sim, "settings", 400, colour="red")
    assert control(sim, "settings", order_life=60)["order_life"] == 60
    reply = sim.handle("GET", "/_sim/truth")
    assert json.loads(reply.body)["refunds"][0]["state"] == "failed"


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "zalopay.jsonl"
    sim = KeptZaloPaySimulator(journal, Settings(refund_settles_after=60.0))
    merchant = Merchant(sim)
    merchant.create()
    name = merchant.name()
    control(sim, f"pay/{name}")
    [leaving] = sim.due_deliveries()
    control(sim, "clock", advance_seconds=20)
    transaction = merchant.query(name)["zp_trans_id"]
    merchant.refund(transaction, 1_000)
    control(sim, "clock", advance_seconds=60)
    before = sim.core.truth.dump()
    again = KeptZaloPaySimulator(journal, Settings(refund_settles_after=60.0))
    after = again.core.truth.dump()
    assert after.pop("now") >= before.pop("now") and after == before
    assert after["refunds"][0]["state"] == "succeeded" and after["orders"][0]["zp_trans_id"] == transaction
    # What was under way when it ended is tried again.
    control(again, "clock", advance_seconds=60)
    [second] = again.due_deliveries()
    assert (second.body, second.tries) == (leaving.body, 2)
    again.delivered(second.delivery_id, 200, b'{"return_code": 0}')
    third = KeptZaloPaySimulator(journal, Settings(refund_settles_after=60.0))
    assert [row.reception for row in third.core.webhooks.sent] == ["again", "again"]


def test_it_keeps_its_journal_while_it_is_served(tmp_path: Path) -> None:
    journal = tmp_path / "zalopay.jsonl"
    with serve_in_thread(KeptZaloPaySimulator(journal)) as running:
        told = Merchant(running.sim).order()
        answer = httpx2.post(f"{running.base_url}/v2/create", json=told).json()
        assert answer["order_url"].startswith(f"{running.base_url}/openinapp?order=")
    assert KeptZaloPaySimulator(journal).core.truth.payable_attempts() == {ATTEMPT}


def test_it_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "payonce.providers.simulator.zalopay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = json.loads(process.stdout.readline())["base_url"]
            told = Merchant(ZaloPaySimulator()).order()
            assert codes(httpx2.post(f"{base_url}/v2/create", json=told).json()) == (1, 1)
        finally:
            process.terminate()
