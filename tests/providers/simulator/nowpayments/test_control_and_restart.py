"""What programs in other processes can tell the simulator, and that it is the same after a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from payonce.providers.simulator.nowpayments.kept import KeptNowPaymentsSimulator
from payonce.providers.simulator.party import Party
from tests.providers.simulator.nowpayments.merchant import Merchant, asked


def control(sim: Any, path: str, method: str = "POST", status: int = 200, **body: object) -> Any:
    sent = json.dumps(body).encode()
    reply = sim.handle(method, f"/_sim/{path}", "", {"content-type": "application/json"}, sent)
    assert reply.status == status, reply.body
    return json.loads(reply.body)


def make(sim: KeptNowPaymentsSimulator) -> str:
    headers = {"x-api-key": sim.core.settings.api_key}
    reply = sim.handle("POST", "/v1/payment", "", headers, asked("45", pay_currency="btc"))
    made: str = json.loads(reply.body)["payment_id"]
    return made


def test_everything_that_people_do_can_be_told_from_outside(merchant: Merchant) -> None:
    sim, made = merchant.sim, merchant.make()["payment_id"]
    assert control(sim, f"pay/{made}", amount="less") == {"seen": "partially_paid"}
    assert control(sim, f"pay_again/{made}", amount="27.5") == {"seen": "succeeded"}
    control(sim, f"finish/{made}")
    control(sim, f"refund/{made}")
    assert control(sim, "came_in", "GET") == {"order-1": 1800 + 2750}
    other = control(sim, f"choose/{merchant.invoice()['id']}", coin="eth")["payment_id"]
    control(sim, f"cancel/{other}")
    rows = control(sim, "truth", "GET")["payments"]
    assert [row["payment_status"] for row in rows] == ["refunded", "finished", "cancelled"]
    assert control(sim, "notices/999/resend", status=400)["error"].startswith("KeyError")


def test_a_notice_can_be_sent_again_from_outside(merchant: Merchant) -> None:
    made = int(merchant.make()["payment_id"])
    assert merchant.told() == [(made, "waiting")]
    control(merchant.sim, "notices/0/resend")
    assert merchant.told() == [(made, "waiting")]
    for name, again in ((f"{made}", 1), (f"{made}:waiting:0a1b", 1)):
        assert control(merchant.sim, f"events/{name}/resend") == {"resent": again}
        assert merchant.told() == [(made, "waiting")]
    for name in (f"{made}:finished", "999"):
        assert control(merchant.sim, f"events/{name}/resend", status=400)["error"].startswith("KeyError")
    assert [row["tries"] for row in control(merchant.sim, "sent", "GET")] == [1] * 4


def test_faults_the_clock_and_the_settings_can_be_set_from_outside(merchant: Merchant) -> None:
    sim = merchant.sim
    control(sim, "faults", operation="payments.create", kind="error_500")
    control(sim, "delivery_faults", types="payment.waiting", kind="lose")
    assert merchant.call("POST", "payment", asked("45", pay_currency="btc")).status == 500
    merchant.make()
    assert merchant.told() == []
    assert control(sim, "faults", "GET")["counts"] == {"error_500:before": 1, "lose": 1}
    control(sim, "faults", "DELETE")
    assert control(sim, "settings", covering_percent="1.5", step_seconds=2)["covering_percent"] == "1.5"
    made = merchant.make("100")["payment_id"]
    assert control(sim, f"pay/{made}", amount="98.5") == {"seen": "processing"}
    control(sim, "clock", advance_seconds=6)
    assert merchant.see(made)["payment_status"] == "finished"
    assert [row["operation"] for row in control(sim, "calls", "GET")] == ["payments.create"] * 3 + ["payments.retrieve"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("pay/1", {}, 404),
        ("pay", {}, 404),
        ("settings", {"covering_percent": "many"}, 400),
        ("settings", {"nothing": 1}, 400),
        ("faults", {"kind": "none"}, 400),
        ("nothing", {}, 404),
    ],
)
def test_a_control_that_cannot_be_done_says_why_and_changes_nothing(
    merchant: Merchant, path: str, body: dict[str, Any], status: int
) -> None:
    before = merchant.sim.truth.dump()
    assert "error" in control(merchant.sim, path, status=status, **body)
    assert merchant.sim.truth.dump() == before


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "nowpayments.jsonl"
    sim = KeptNowPaymentsSimulator(journal)
    made = [make(sim) for _ in range(3)]
    control(sim, f"pay/{made[0]}", amount="less")
    control(sim, f"pay_again/{made[0]}")
    control(sim, "clock", advance_seconds=8 * 24 * 3600)
    control(sim, f"pay/{made[1]}")
    before = sim.core.truth.dump()
    again = KeptNowPaymentsSimulator(journal)
    after = again.core.truth.dump()
    assert after.pop("now") >= before.pop("now") and after == before
    statuses = [row["payment_status"] for row in after["payments"]]
    assert statuses == ["partially_paid", "finished", "expired", "finished"]
    assert make(again) not in {row["payment_id"] for row in before["payments"]}


def test_a_notice_that_was_under_way_is_tried_again(tmp_path: Path) -> None:
    journal = tmp_path / "nowpayments.jsonl"
    sim = KeptNowPaymentsSimulator(journal)
    make(sim)
    (leaving,) = sim.due_deliveries()
    again = KeptNowPaymentsSimulator(journal)
    assert again.due_deliveries() == []
    control(again, "clock", advance_seconds=60)
    (second,) = again.due_deliveries()
    assert (second.body, second.headers, second.tries) == (leaving.body, leaving.headers, 2)


def test_a_token_is_good_across_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "nowpayments.jsonl"
    merchant, kept = Merchant(), KeptNowPaymentsSimulator(journal)
    merchant.sim = kept.core
    token = merchant.sign_in()
    merchant.sim = KeptNowPaymentsSimulator(journal).core
    assert merchant.listed(token)["total"] == 0


def test_a_suite_for_every_provider_can_drive_it(merchant: Merchant) -> None:
    party: Party = merchant.sim
    url = merchant.invoice(order_id="att_01jd3z0000e008000000000001")["invoice_url"]
    (attempt_id,) = party.truth.payable_attempts()
    assert [party.payer.pay(url), party.payer.pay(url)] == ["succeeded", "refused"]
    (captured,) = party.truth.captures_by_attempt()[attempt_id]
    assert (captured.amount_minor, captured.currency) == (4500, "USD")
