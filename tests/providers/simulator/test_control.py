"""`/_sim/…`: another process can do what the Python methods do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest
import stripe

from payonce.providers.simulator.stripe import StripeSimulator
from tests.providers.simulator.conftest import sdk
from tests.providers.simulator.receiver import Receiver


class Remote:
    """The controls of a simulator elsewhere."""

    def __init__(self, base_url: str) -> None:
        self.client = httpx2.Client(base_url=base_url)

    def get(self, path: str) -> Any:
        return self._good(self.client.get(f"/_sim/{path}"))

    def post(self, path: str, **body: Any) -> Any:
        return self._good(self.client.post(f"/_sim/{path}", json=body))

    def _good(self, answer: httpx2.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def remote(sim: StripeSimulator) -> Remote:
    return Remote(sim.base_url)


def an_intent(client: stripe.StripeClient) -> str:
    return client.v1.payment_intents.create(
        {"amount": 4500, "currency": "usd", "metadata": {"payonce_attempt": "att_1"}}
    ).id


def test_money_can_be_moved_and_the_truth_read(client: stripe.StripeClient, remote: Remote) -> None:
    intent = an_intent(client)
    assert [row["id"] for row in remote.get("truth")["payable"]] == [intent]
    assert remote.post(f"pay/{intent}", method="pm_card_visa_chargeDeclined") == {"seen": "declined"}
    assert remote.post(f"pay/{intent}", method="pm_card_authenticationRequired") == {"seen": "requires_action"}
    assert remote.post(f"authenticate/{intent}", success=True) == {"seen": "succeeded"}
    assert remote.get("captured/payonce_attempt") == {"att_1": 4500}
    refund = remote.post(f"refund/{intent}", amount=500)["id"]
    remote.post(f"refunds/{refund}/end", status="failed")
    dispute = remote.post(f"dispute/{intent}", status="warning_needs_response")["id"]
    remote.post(f"disputes/{dispute}/escalate")
    remote.post(f"disputes/{dispute}/close", status="lost")
    truth = remote.get("truth")
    assert truth["payable"] == [] and truth["payment_intents"][0]["status"] == "succeeded"
    assert (truth["refunds"][0]["status"], truth["disputes"][0]["status"]) == ("failed", "lost")
    debit = an_intent(client)
    assert remote.post(f"pay/{debit}", method="pm_usBankAccount_success") == {"seen": "processing"}
    assert remote.post(f"settle/{debit}", success=False) == {"status": "requires_payment_method"}


def test_faults_settings_and_time_are_set_from_outside(client: stripe.StripeClient, remote: Remote) -> None:
    remote.post("faults", operation="payment_intents.create", kind="rate_limited", seconds=2, times=1)
    with pytest.raises(stripe.RateLimitError):
        an_intent(client)
    an_intent(client)
    assert remote.get("faults")["counts"] == {"rate_limited:before": 1}
    assert remote.post("settings", list_lag=100)["list_lag"] == 100
    assert client.v1.payment_intents.list().data == []
    before = remote.get("truth")["now"]
    assert remote.post("clock", advance_seconds=100)["now"] == before + 100
    assert len(client.v1.payment_intents.list().data) == 1
    calls = remote.get("calls")
    assert [call["operation"] for call in calls][-1] == "payment_intents.list"
    assert calls[0]["fault"] == "rate_limited:before"


def test_webhooks_are_registered_spoilt_and_sent_again(
    client: stripe.StripeClient, remote: Remote, receiver: Receiver
) -> None:
    made = remote.post("endpoints", url=receiver.url, secret="whsec_x", enabled_events=["payment_intent.created"])
    assert made["secret"] == "whsec_x"
    remote.post("delivery_faults", types="*", kind="duplicate")
    an_intent(client)
    (first, _) = receiver.wait_for_type("payment_intent.created", 2)
    remote.post(f"events/{first.event['id']}/resend")
    receiver.wait_for_type("payment_intent.created", 3)
    twin = remote.post(f"events/{first.event['id']}/twin")["id"]
    receiver.wait_for(lambda got: any(delivery.event["id"] == twin for delivery in got))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("faults", {"kind": "nonsense"}, 400),
        ("settings", {"colour": "red"}, 400),
        ("pay/pi_unknown", {}, 404),
        ("nonsense", {}, 404),
        ("clock", {}, 400),
    ],
)
def test_a_wrong_control_says_what_is_wrong(remote: Remote, path: str, body: dict[str, Any], status: int) -> None:
    answer = remote.client.post(f"/_sim/{path}", json=body)
    assert answer.status_code == status and answer.json()["error"]


def test_a_form_of_another_site_controls_nothing(client: stripe.StripeClient, remote: Remote) -> None:
    intent = an_intent(client)
    assert remote.client.post(f"/_sim/pay/{intent}", data={"method": "pm_card_visa"}).status_code == 400
    assert client.v1.payment_intents.retrieve(intent).status == "requires_payment_method"


def test_it_runs_as_a_process_of_its_own(receiver: Receiver) -> None:
    command = [sys.executable, "-m", "payonce.providers.simulator.stripe", "--webhook-url", receiver.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = json.loads(process.stdout.readline())["base_url"]
            away = StripeSimulator(base_url=base_url)
            intent = an_intent(sdk(away))
            assert receiver.wait_for_type("payment_intent.created")[0].event["data"]["object"]["id"] == intent
        finally:
            process.terminate()
