"""Alive, ready, and numbers."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from payonce.jobs.running import Worker
from payonce.usecases.answers import Received
from tests.support.house import House
from tests.support.line import Line
from tests.support.site import Site, order_body


def test_a_service_with_its_database_is_alive_and_ready(site: Site) -> None:
    assert site.ask("GET", "/livez").status_code == 200
    assert site.ask("GET", "/readyz").json() == {"ready": True, "wrong": []}


def test_without_its_database_it_is_alive_and_not_ready(cut_site: tuple[Site, Line]) -> None:
    site, line = cut_site
    line.close()
    assert site.ask("GET", "/livez").status_code == 200
    ready = site.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert ready.json()["wrong"][0].startswith("store_unavailable")
    assert ready.headers["retry-after"]
    assert site.ask("GET", "/metrics").status_code == 200


def test_a_database_that_lacks_migrations_is_not_ready(site: Site, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE migrations SET checksum = 'other'")
    ready = site.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["wrong"][0].partition(":")[0]) == (503, "schema_changed")


@pytest.mark.parametrize("fails", [False, True])
def test_what_ends_in_the_background_makes_it_unready(house: House, fails: bool) -> None:
    async def worker() -> None:
        if fails:
            raise RuntimeError("the worker is gone")

    site = Site(house, background=[worker])

    async def live() -> None:
        async with site.app.router.lifespan_context(site.app):
            await asyncio.sleep(0.01)

    site.run(live())
    wrong = site.ask("GET", "/readyz").json()["wrong"]
    assert len(wrong) == 1 and "worker" in wrong[0]
    site.close()


def test_a_service_whose_jobs_are_all_switched_off_is_ready(house: House) -> None:
    worker = Worker([])
    site = Site(house, background=[worker.ended])

    async def live() -> None:
        async with site.app.router.lifespan_context(site.app):
            await asyncio.sleep(0.01)

    site.run(live())
    assert site.ask("GET", "/readyz").json() == {"ready": True, "wrong": []}
    site.close()


def test_the_background_ends_with_the_application(house: House) -> None:
    ended = []

    async def worker() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    site = Site(house, background=[worker])

    async def live() -> None:
        async with site.app.router.lifespan_context(site.app):
            await asyncio.sleep(0)

    site.run(live())
    assert ended == [True]
    site.close()


def test_what_happens_is_counted(site: Site) -> None:
    """D13: refused and failed checkouts are measured; E14: repetitions are counted and visible."""
    order = site.place()
    site.api("POST", "/orders", order_body())
    site.ask("HEAD", order["pay_url"])
    site.open_link(order)
    site.open_link(order)
    site.pay(order)
    site.deliver()
    site.open_link(order)
    for _ in range(6):
        site.ask("GET", order["status_url"])
    text = site.ask("GET", "/metrics").text
    for line in (
        'payonce_checkout_total{outcome="new"} 1.0',
        'payonce_checkout_total{outcome="reused"} 1.0',
        'payonce_checkout_total{outcome="blocked_paid"} 1.0',
        'payonce_previews_total{why="head"} 1.0',
        'payonce_duplicates_absorbed_total{kind="order"} 1.0',
        'payonce_duplicates_absorbed_total{kind="checkout"} 1.0',
        'payonce_status_reads_total{outcome="limited"} 1.0',
        'payonce_events_received_total{outcome="applied",provider="stripe",type=',
        'payonce_effects_unfinished{effect="invite",state="pending"} 1.0',
        "payonce_effect_oldest_pending_seconds 0.0",
    ):
        assert line in text, line
    assert "payonce_provider_last_webhook_timestamp" in text
    assert "payonce_event_lag_seconds_bucket" in text
    assert "payonce_event_apply_seconds_bucket" in text


def test_open_findings_show_in_the_numbers_with_their_money(site: Site) -> None:
    """What somebody must look at is counted, listed, and says how much money it is about."""
    site.house.rows(
        "INSERT INTO findings VALUES ('default', gen_random_uuid(), 'second_charge', 'second_charge:x', 'critical', "
        "'finance', 'open', NULL, 4500, 'USD', '{}', 1, now(), now(), now(), NULL, NULL) RETURNING 1"
    )
    text = site.ask("GET", "/metrics").text
    assert 'payonce_findings_open{kind="second_charge",severity="critical"} 1.0' in text
    assert 'payonce_money_at_risk_minor{currency="USD"} 4500.0' in text
    [finding] = site.api("GET", "/findings").json()["data"]
    assert (finding["kind"], finding["money_minor"], finding["state"]) == ("second_charge", 4500, "open")


def test_a_stranger_cannot_make_the_labels_grow(site: Site) -> None:
    metrics = site.edge.metrics
    for number in range(2000):
        metrics.received([Received("accepted", "stripe", f"type.{number}", "ignored", "")], site.clock.now())
        metrics.received([Received("forged", "stripe", f"forged.{number}", "forged", "")], site.clock.now())
    lines = [line for line in metrics.text().decode().splitlines() if line.startswith("payonce_events_received_total")]
    assert len(lines) <= 302
    assert [line for line in lines if "forged." in line] == []
