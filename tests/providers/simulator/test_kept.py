"""The simulator that survives restarts: the same objects, keys, time and webhooks after it has been killed."""

from __future__ import annotations

from pathlib import Path

import pytest
import stripe

from payonce.providers.simulator import kept
from payonce.providers.simulator.serve import serve_in_thread
from payonce.providers.simulator.stripe.kept import KeptStripeSimulator
from tests.providers.simulator.conftest import KEY
from tests.providers.simulator.receiver import Receiver
from tests.providers.simulator.test_checkout_sessions import a_session


def client(base_url: str) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, base_addresses={"api": base_url})


def control(sim: KeptStripeSimulator, path: str, body: bytes = b"{}") -> None:
    reply = sim.handle("POST", f"/_sim/{path}", headers={"content-type": "application/json"}, body=body)
    assert reply.status == 200, reply.body


def test_everything_is_there_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    journal = tmp_path / "stripe.jsonl"
    with serve_in_thread(KeptStripeSimulator(journal)) as running:
        sim, sdk = running.sim, client(running.base_url)
        sim.add_endpoint(receiver.url, "whsec_kept")
        sessions = [a_session(sdk) for _ in range(3)]
        control(sim, f"pay/{sessions[0].id}")
        control(sim, f"pay/{sessions[1].id}", b'{"method": "pm_usBankAccount_success"}')
        control(sim, "clock", b'{"advance_seconds": 86400}')
        sdk.v1.payment_intents.create({"amount": 4500, "currency": "usd"}, {"idempotency_key": "k"})
        sdk.v1.payment_intents.list()
        running.wait_until_quiet()
        before = sim.core.truth.dump()
    again = KeptStripeSimulator(journal)
    after = again.core.truth.dump()
    assert after.pop("now") >= before.pop("now") and after == before
    assert [row["status"] for row in after["checkout_sessions"]] == ["complete", "complete", "expired"]
    with serve_in_thread(again) as running:
        same = client(running.base_url).v1.payment_intents.create(
            {"amount": 4500, "currency": "usd"}, {"idempotency_key": "k"}
        )
    assert same.id == before["payment_intents"][-1]["id"]


def test_a_webhook_that_was_under_way_is_tried_again(tmp_path: Path) -> None:
    journal = tmp_path / "stripe.jsonl"
    sim = KeptStripeSimulator(journal)
    sim.add_endpoint("http://127.0.0.1:9/", "whsec_kept")
    headers = {"authorization": f"Bearer {KEY}"}
    sim.handle("POST", "/v1/payment_intents", "", headers, b"amount=4500&currency=usd")
    (leaving,) = sim.due_deliveries()
    again = KeptStripeSimulator(journal)
    assert again.due_deliveries() == []
    control(again, "clock", b'{"advance_seconds": 3600}')
    (second,) = again.due_deliveries()
    assert (second.event_id, second.tries) == (leaving.event_id, 2)


def test_an_endpoint_moves_with_its_secret(tmp_path: Path) -> None:
    KeptStripeSimulator(tmp_path / "stripe.jsonl").add_endpoint("http://127.0.0.1:1/", "whsec_kept")
    sim = KeptStripeSimulator(tmp_path / "stripe.jsonl")
    sim.add_endpoint("http://127.0.0.1:2/", "whsec_kept")
    assert [row.url for row in sim.core.books.endpoints.values()] == ["http://127.0.0.1:2/"]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    journal = tmp_path / "stripe.jsonl"
    KeptStripeSimulator(journal).add_endpoint("http://127.0.0.1:1/", "whsec_kept")
    journal.write_text(journal.read_text() + '{"do": "add_endp')
    assert len(KeptStripeSimulator(journal).core.books.endpoints) == 1
    KeptStripeSimulator(journal).add_endpoint("http://127.0.0.1:1/", "whsec_other")
    assert len(KeptStripeSimulator(journal).core.books.endpoints) == 2


def test_a_journal_of_other_code_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = tmp_path / "stripe.jsonl"
    KeptStripeSimulator(journal).add_endpoint("http://127.0.0.1:1/", "whsec_kept")
    monkeypatch.setattr(kept, "code_version", lambda: "another")
    assert KeptStripeSimulator(journal).core.books.endpoints == {}
    assert journal.with_name("stripe.jsonl.old").exists()
