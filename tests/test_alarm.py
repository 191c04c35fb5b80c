"""The whole way: a second charge at the provider is told to a receiver by the running service, and its heart beats."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

import payonce
from payonce.base.errors import Refused
from payonce.domain.alert import Route
from payonce.installation import Installation
from payonce.settings_alerts import AlertRoute
from tests.support.waiting import until
from tests.support.webhook_receiver import receiver

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYWxlcnRzIGhlcmU="


@contextmanager
def watcher() -> Iterator[tuple[str, list[str]]]:
    """A service that waits for heartbeats: its address, and the paths that were called."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ping/one", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def installation(database_url: str, folder: Path, **more: Any) -> Installation:
    """An installation over a provider that is never called."""
    account = payonce.Stripe(
        api_key="sk_test_of_the_alarm_1234", webhook_secrets=["whsec_of_the_alarm_1234567890"],
        api_base="http://127.0.0.1:9",
    )  # fmt: skip
    return Installation(database_url=database_url, data_dir=folder, accounts=(account,), **more)


def test_a_running_service_tells_a_finding_and_its_heart_beats(database_url: str, tmp_path: Path) -> None:
    """C17: a critical finding reaches a receiver at once; the dead man's switch is called meanwhile."""
    with receiver(SECRET) as endpoint, watcher() as (url, beats):
        own = AlertRoute(Route("own", severities=("critical",), resends=True), "webhook", endpoint.url, SECRET)
        it = installation(
            database_url, tmp_path, alert_routes=(own,), heartbeat_url=url, heartbeat_every=timedelta(seconds=30),
            base_url="https://pay.example",
        )  # fmt: skip

        async def live() -> None:
            async with payonce.Payonce(installation=it) as engine:
                engine.asgi()
                with psycopg.connect(database_url, autocommit=True) as connection:
                    connection.execute(
                        "INSERT INTO findings (merchant_id, finding_id, kind, fingerprint, severity, owner, state, "
                        "money_minor, currency, detail, first_seen_at, last_seen_at, deadline_at) VALUES ('default', "
                        "gen_random_uuid(), 'second_charge', 'x', 'critical', 'finance', 'open', 4500, 'USD', '{}', "
                        "now(), now(), now() + interval '1 day')"
                    )
                await asyncio.to_thread(until, lambda: endpoint.got and beats, what="the alert and a beat")

        asyncio.run(live())
    [got] = endpoint.got
    assert got.payload["type"] == "alert"
    assert got.payload["data"]["findings"][0]["link"].startswith("https://pay.example/v1/findings/fnd_")
    assert beats == ["/ping/one"]


def test_a_route_that_cannot_work_is_said_before_anything_is_opened(database_url: str, tmp_path: Path) -> None:
    """B16: nothing starts with a secret that is a sample."""
    weak = AlertRoute(Route("own"), "webhook", "https://ops.example/hooks", "whsec_changeme")
    with pytest.raises(Refused) as refused:
        payonce.Payonce(installation=installation(database_url, tmp_path, alert_routes=(weak,)))
    assert refused.value.code == "secret_weak"


def test_without_apprise_a_chat_is_refused_with_what_to_install(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payonce.notify.alert_routes.find_spec", lambda name: None)
    chat = AlertRoute(Route("chat"), "apprise", "slack://T1/B2/C3")
    with pytest.raises(Refused) as refused:
        payonce.Payonce(installation=installation(database_url, tmp_path, alert_routes=(chat,)))
    assert refused.value.code == "extra_missing" and "payonce[server,alerts]" in refused.value.hint
