"""`payonce serve` as a process of its own, from an empty folder, told to stop, and killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payonce import Payonce, Simulated
from payonce.base.errors import Unavailable
from payonce.serving import started
from payonce.testing.serving import free_port
from tests.soak.kept import Kept
from tests.support.receiver import WEBHOOK_SECRET, receiving
from tests.support.waiting import DEADLINE_SECONDS, until


class Process:
    """A running `payonce`, its output in files."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PAYONCE_", "PG", "DATABASE_URL"))}
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "payonce.cli.main", *words],
                cwd=folder, env=kept | environment, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def is_ready(self, url: str) -> bool:
        assert self.process.poll() is None, self.err.read_text()
        try:
            return httpx2.get(f"{url}/readyz", timeout=DEADLINE_SECONDS).status_code == 200
        except httpx2.HTTPError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)


@contextmanager
def serving(folder: Path, *words: str, **environment: str) -> Iterator[tuple[Process, str]]:
    """A service that is ready, and where. Stopped at the end, whatever happens."""
    port = free_port()
    process = Process(folder, "serve", "--port", str(port), *words, **environment)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.is_ready(url), what="the service")
        yield process, url
    finally:
        process.end()


def commanded(folder: Path, *words: str) -> Any:
    """What another command says beside the service, as JSON."""
    run = subprocess.run(
        [sys.executable, "-m", "payonce.cli.main", *words, "--json"],
        cwd=folder, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PAYONCE_", "PG", "DATABASE_URL"))},
    )  # fmt: skip
    return json.loads(run.stdout or run.stderr)


def place(url: str, key: str, name: str = "R-1") -> dict[str, Any]:
    """An order, placed by the API."""
    wish = {
        "reference": name, "purpose": name, "amount_minor": 4500, "currency": "USD", "payer": {"reference": "p"},
        "success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name}
    answer = httpx2.post(f"{url}/v1/orders", json=wish, headers=headers, timeout=DEADLINE_SECONDS)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


def pay(url: str, key: str, order: dict[str, Any]) -> None:
    """Pay at the simulator's page."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"checkout-{order['id']}"}
    checkout = httpx2.post(
        f"{url}/v1/orders/{order['id']}/checkout", json={}, headers=headers, timeout=DEADLINE_SECONDS
    ).json()
    assert "url" in checkout, checkout
    simulator = str(httpx2.URL(checkout["url"]).copy_with(path="/"))
    paid = httpx2.post(f"{simulator}_sim/pay/{checkout['provider_ref']}", json={}, timeout=DEADLINE_SECONDS)
    assert paid.json()["seen"] == "succeeded", paid.text


def counters(url: str, key: str, order: dict[str, Any]) -> dict[str, int]:
    answer = httpx2.get(
        f"{url}/v1/orders/{order['id']}", headers={"Authorization": f"Bearer {key}"}, timeout=DEADLINE_SECONDS
    )
    return dict(answer.json()["counters"])


ONCE = {"charged": 1, "recorded": 1, "fulfilled": 1}


def test_from_an_empty_folder_it_serves_and_says_where_everything_is(tmp_path: Path) -> None:
    """One command, no settings: database, simulator, worker and API, and an order is paid once."""
    with serving(tmp_path) as (process, url):
        said = process.out.read_text()
        key_file = tmp_path / ".payonce" / "api_key"
        key = key_file.read_text().strip()
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        for told in (url, f"{url}/metrics", f"{url}/webhooks/stripe", key, str(tmp_path / ".payonce"), "no real money"):
            assert told in said
        order = place(url, key)
        pay(url, key, order)
        until(lambda: counters(url, key, order) == ONCE, what="it to be fulfilled once")
        # Commands beside the service find it, its database and its simulator.
        shown = commanded(tmp_path, "orders", "show", "R-1")
        assert (shown["counters"], shown["pay_url"]) == (ONCE, order["pay_url"])
        assert commanded(tmp_path, "prove")["holds"] is True
        health = {check["name"]: check["health"] for check in commanded(tmp_path, "doctor")["checks"]}
        assert "wrong" not in health.values(), health
        # B12: all events of the simulator's endpoint are compared with those that are handled.
        assert health["stripe:simulated events"] == "ok"


def test_told_to_stop_it_drains_and_comes_back_with_everything(tmp_path: Path) -> None:
    """SIGTERM ends it cleanly; the data, the key and the simulator's memory are there at the next start."""
    with serving(tmp_path) as (process, url):
        key = (tmp_path / ".payonce" / "api_key").read_text().strip()
        order = place(url, key)
        assert process.end() == 0
        assert "Traceback" not in process.err.read_text()
    with serving(tmp_path) as (process, url):
        assert key not in process.out.read_text()
        assert place(url, key)["id"] == order["id"]
        pay(url, key, order)
        until(lambda: counters(url, key, order) == ONCE, what="it to be paid after the restart")


def test_killed_it_leaves_nothing_that_the_next_start_cannot_mend(tmp_path: Path) -> None:
    """E16: killed right after the payment, it is charged, recorded and fulfilled once after the next start."""
    with serving(tmp_path) as (process, url):
        key = (tmp_path / ".payonce" / "api_key").read_text().strip()
        order = place(url, key)
        pay(url, key, order)
        process.end(signal.SIGKILL)
    with serving(tmp_path) as (_, url):
        until(lambda: counters(url, key, order) == ONCE, what="it to be settled after the kill")
        assert commanded(tmp_path, "prove")["holds"] is True


def test_a_port_that_is_taken_is_said_clearly_and_nothing_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = Process(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
        assert process.process.wait(DEADLINE_SECONDS) == 1
    told = process.err.read_text()
    assert "port_taken" in told and "--port" in told and "Traceback" not in told
    assert not (tmp_path / ".payonce").exists()


def test_a_key_without_its_webhook_secret_refuses_to_start(tmp_path: Path) -> None:
    """B16: an empty or missing secret refuses to start."""
    process = Process(tmp_path, "serve", PAYONCE_STRIPE_API_KEY="sk_test_1234567890123456")
    assert process.process.wait(DEADLINE_SECONDS) == 1
    assert "PAYONCE_STRIPE_WEBHOOK_SECRET is missing" in process.err.read_text()
    assert not (tmp_path / ".payonce").exists()


@pytest.mark.parametrize("secret", ["whsec_xxxxxxxxxxxx", "changeme"])
def test_a_sample_for_a_webhook_secret_refuses_to_start(tmp_path: Path, secret: str) -> None:
    """B16: what stands in every guide is no secret."""
    told = {"PAYONCE_STRIPE_API_KEY": "sk_test_1234567890123456", "PAYONCE_STRIPE_WEBHOOK_SECRET": secret}
    process = Process(tmp_path, "serve", **told)
    assert process.process.wait(DEADLINE_SECONDS) == 1
    assert "secret_weak" in process.err.read_text()


def test_the_applications_endpoint_is_told_once_and_logs_hold_no_secret(tmp_path: Path, database_url: str) -> None:
    """DATABASE_URL names the server; `order.paid` goes out signed; keys and secrets are in no line of the logs."""
    with receiving() as receiver:
        told = {
            "DATABASE_URL": database_url, "PAYONCE_API_KEY": "key_of_the_application_1234",
            "PAYONCE_WEBHOOK_URL": receiver.url, "PAYONCE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "PAYONCE_LOG_LEVEL": "debug",
        }  # fmt: skip
        with serving(tmp_path, "--simulate", **told) as (process, url):
            key = told["PAYONCE_API_KEY"]
            order = place(url, key)
            pay(url, key, order)
            until(lambda: receiver.fulfilled.get(order["id"]), what="the outgoing webhook")
            assert not (tmp_path / ".payonce" / "postgres").exists()
        lines = process.err.read_text().splitlines()
    assert len(receiver.fulfilled[order["id"]]) == 1
    assert receiver.forged == 0
    parsed = [json.loads(line) for line in lines]
    assert any(line.get("order_id") == order["id"] for line in parsed)
    token = order["pay_url"].rpartition("/")[2]
    for secret in (key, WEBHOOK_SECRET, (tmp_path / ".payonce" / "simulator_secret").read_text().strip(), token):
        assert [line for line in lines if secret in line] == []


def test_a_worker_of_its_own_delivers_what_a_service_without_one_leaves(tmp_path: Path) -> None:
    """A10: switched off in one process by its environment, a job runs in another."""
    with serving(tmp_path, PAYONCE_JOB_DELIVER="off") as (_, url):
        key = (tmp_path / ".payonce" / "api_key").read_text().strip()
        order = place(url, key)
        pay(url, key, order)
        until(lambda: counters(url, key, order)["recorded"] == 1, what="the settlement")
        assert counters(url, key, order)["fulfilled"] == 0
        assert [each["state"] for each in commanded(tmp_path, "effects", "list")] == ["pending"]
        worker = Process(tmp_path / "worker", "worker", PAYONCE_DATA_DIR=str(tmp_path / ".payonce"))
        try:
            until(lambda: counters(url, key, order) == ONCE, what="the other process to deliver")
        finally:
            assert worker.end() == 0


def test_a_service_that_starts_before_its_database_waits_for_it(tmp_path: Path, database_url: str) -> None:
    given, port = conninfo_to_dict(database_url), free_port()
    away = make_conninfo(database_url, host="127.0.0.1", port=port, gssencmode="disable", sslmode="disable")
    edge = free_port()
    process = Process(tmp_path / "service", "serve", "--port", str(edge), "--simulate", DATABASE_URL=away)
    proxy = Kept(
        tmp_path, "proxy", ["tests.soak.proxy", str(port), f"{given['host']}/.s.PGSQL.{given.get('port', 5432)}"], {}
    )
    try:
        until(lambda: "database_awaited" in process.err.read_text(), what="the service to say what it waits for")
        [said, *_] = [line for line in process.err.read_text().splitlines() if "database_awaited" in line]
        assert "Connection refused" in json.loads(said)["reason"]
        proxy.start()
        until(lambda: process.is_ready(f"http://127.0.0.1:{edge}"), what="the service")
    finally:
        code = process.end()
        proxy.stop()
    assert code == 0


def test_a_service_that_waits_for_its_database_can_be_stopped(tmp_path: Path) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    process = Process(tmp_path, "serve", "--port", "0", "--simulate", DATABASE_URL=away)
    try:
        until(lambda: "database_awaited" in process.err.read_text(), what="the service to say what it waits for")
    finally:
        code = process.end()
    assert code == 0 and "error" not in process.out.read_text()


def test_a_database_that_does_not_come_ends_the_start_with_its_reason(tmp_path: Path) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    engine = Payonce(away, providers=[Simulated()], data_dir=tmp_path)
    with pytest.raises(Unavailable) as raised:
        asyncio.run(started(engine, asyncio.Event(), patience_seconds=0))
    assert raised.value.code == "store_unavailable" and "Connection refused" in raised.value.hint
    assert not engine.is_started


def test_of_two_services_on_one_folder_the_second_says_what_is_wrong(tmp_path: Path) -> None:
    with serving(tmp_path):
        second = Process(tmp_path / "second", "serve", "--port", "0", PAYONCE_DATA_DIR=str(tmp_path / ".payonce"))
        assert second.process.wait(DEADLINE_SECONDS) == 1
        assert "simulator_taken" in second.err.read_text()
