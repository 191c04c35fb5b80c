"""The doctor: what the provider is subscribed to against what is handled, and what the database promises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from payonce.domain.policy import Policy
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.providers.simulator.stripe.endpoints import enter
from payonce.usecases.doctor import Check, Facts, _clock, _server, doctor
from tests.support.clocks import HandClock
from tests.support.house import SECRET, House

HERE = "http://shop.invalid"
NAME = "stripe:main events"


def looked(house: House, **facts: Any) -> dict[str, Check]:
    """Every check, by name."""

    async def look() -> dict[str, Check]:
        said: dict[str, Any] = {"base_url": HERE, "connections": 10} | facts
        told = Facts(**said)
        return {check.name: check async for check in doctor(house.world, "default", told)}

    return house.run(look())


def subscribe(stripe: StripeSimulator, events: Iterable[str], url: str = f"{HERE}/webhooks/stripe") -> None:
    """Leave the account with one endpoint."""
    stripe.books.endpoints.clear()
    enter(stripe.books, url, list(events), SECRET)


def handled(house: House) -> list[str]:
    return list(house.till.capabilities.handled_events)


def test_an_endpoint_for_all_events_is_fine(house: House) -> None:
    """B12: the events of the endpoint are compared with those that are handled."""
    assert looked(house)[NAME].health == "ok"


def test_a_handled_event_that_nobody_subscribed_to_is_named(house: House) -> None:
    """B12: what is missing is named, with what to do."""
    subscribe(house.stripe, [event for event in handled(house) if event != "payment_intent.canceled"])
    check = looked(house)[NAME]
    assert (check.health, check.detail["missing"]) == ("warning", ["payment_intent.canceled"])


def test_an_event_that_is_not_handled_is_named_and_no_fault(house: House) -> None:
    """B11: an event that is not handled is stored and counted, never an error."""
    subscribe(house.stripe, [*handled(house), "payout.paid"])
    check = looked(house)[NAME]
    assert (check.health, check.detail["not_handled"]) == ("ok", ["payout.paid"])


def test_no_endpoint_that_leads_here_is_said_with_the_address_to_add(house: House) -> None:
    subscribe(house.stripe, ["*"], url="https://elsewhere.example/hook")
    check = looked(house)[NAME]
    assert check.health == "warning"
    assert f"{HERE}/webhooks/stripe" in check.hint and "elsewhere.example" in check.says


def test_a_provider_that_does_not_answer_is_wrong(house: House) -> None:
    house.stripe.faults.add("*", _timeout(), times=None)  # type: ignore[attr-defined]
    assert looked(house)["stripe:main"].health == "wrong"


def _timeout() -> Any:
    from payonce.providers.simulator.faults import Fault

    return Fault("timeout")


def test_the_database_of_a_test_is_not_durable_and_that_is_seen(house: House) -> None:
    """The tests' own server runs without fsync; in an installation that would lose what was acknowledged."""
    checks = looked(house)
    assert checks["fsync"].health == "wrong" and checks["full_page_writes"].health == "wrong"
    assert checks["synchronous_commit"].health == "ok"
    assert checks["version"].health == "ok" and checks["migrations"].health == "ok"


@pytest.mark.parametrize(
    ("apart", "health"), [(0.0, "ok"), (0.9, "ok"), (5.0, "warning"), (60.0, "wrong"), (-60.0, "wrong")]
)
def test_clocks_that_are_apart_are_seen(apart: float, health: str) -> None:
    now = HandClock().now()
    assert _clock(now + timedelta(seconds=apart), now, now).health == health
    # While the question was under way, the server may have looked at its clock at any time.
    assert _clock(now + timedelta(seconds=5), now, now + timedelta(seconds=10)).health == "ok"


class Row:
    """A row of the server's facts."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@pytest.mark.parametrize(
    ("changed", "name", "health"),
    [
        ({"version_number": 140010, "version": "14.10"}, "version", "wrong"),
        ({"synchronous_commit": "off"}, "synchronous_commit", "wrong"),
        ({"synchronous_commit": "remote_apply"}, "synchronous_commit", "ok"),
        ({"is_standby": True}, "primary", "wrong"),
        ({"max_connections": "12"}, "connections", "warning"),
        ({}, "connections", "ok"),
    ],
)
def test_a_server_that_keeps_no_promise_is_seen(changed: dict[str, Any], name: str, health: str) -> None:
    now = HandClock().now()
    sound = {
        "version_number": 180004, "version": "18.4", "fsync": "on", "full_page_writes": "on",
        "synchronous_commit": "on", "max_connections": "100", "time_zone": "UTC", "is_standby": False, "now": now,
    }  # fmt: skip
    rows: Any = [Row(**sound | changed), Row(connections=5)]
    checks = {check.name: check.health for check in _server(rows, now, now, Facts(HERE, 10))}
    assert checks[name] == health


@pytest.mark.parametrize(
    ("url", "health"),
    [
        ("https://shop.example/hook", "ok"),
        ("http://shop.example/hook", "warning"),
        ("http://127.0.0.1:9000/hook", "warning"),
        ("https://localhost/hook", "warning"),
    ],
)
def test_an_endpoint_that_others_can_read_or_that_is_here_is_warned_of(house: House, url: str, health: str) -> None:
    assert looked(house, webhook_url=url)["webhook_url"].health == health


@pytest.mark.parametrize(("free", "health"), [(10 * 1024**3, "ok"), (1024**3, "warning"), (1024**2, "wrong")])
def test_a_disk_that_fills_is_seen_before_it_is_full(house: House, free: int, health: str) -> None:
    assert looked(house, free_bytes=free)["disk"].health == health


def test_the_strategy_window_and_switched_off_jobs_are_warned_of(house: House) -> None:
    """X1: the strategy that closes payments by the clock is warned of."""
    house.world = replace(house.world, policy=Policy(strategy="window"))
    checks = looked(house, switched_off=["close"], is_simulated=True)
    assert [checks[name].health for name in ("strategy", "jobs", "simulator")] == ["warning"] * 3


def test_the_doctor_changes_nothing(house: House) -> None:
    number = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    before, calls = house.rows(number), len(house.stripe.calls)
    looked(house)
    assert house.rows(number) == before
    assert {call.operation for call in list(house.stripe.calls)[calls:]} == {"webhook_endpoints.list"}
