"""How an application tests its payments: a simulated Stripe beside it, whose payers and webhooks do as they are told.

    DATABASE_URL=postgresql://localhost/club_test pytest examples/fastapi/test_app.py

The database is empty at first; every test has a player of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest

from payonce.testing.serving import free_port, served, wait_for
from payonce.testing.simulated import SimulatedStripe

pytest_plugins = ["payonce.testing.fixtures"]


@pytest.fixture
def club(payonce_stripe: SimulatedStripe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.Client]:
    """The club as it stands in `app.py`, served, with its provider on another port."""
    port = free_port()
    account, address = payonce_stripe.account, f"http://127.0.0.1:{port}"
    told = {
        "DATABASE_URL": os.environ["DATABASE_URL"], "BASE_URL": address, "OUTBOX": str(tmp_path / "outbox.txt"),
        "STRIPE_API_KEY": account.api_key, "STRIPE_API_BASE": account.api_base or "",
        "STRIPE_WEBHOOK_SECRET": ",".join(account.webhook_secrets),
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    payonce_stripe.deliver_to(f"{address}/payments")
    # It reads its settings when it is imported, so every test has it anew.
    sys.modules.pop("examples.fastapi.app", None)
    with served(import_module("examples.fastapi.app").app, port), httpx2.Client(base_url=address, timeout=30) as client:
        yield client


def ask(club: httpx2.Client, player: str) -> dict[str, Any]:
    """A fee of that player."""
    answer = club.post("/fees", json={"player": player, "month": "2026-05", "amount_minor": 4500})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def page(club: httpx2.Client, fee: dict[str, Any]) -> str:
    """The page that the payer is led to."""
    return str(club.post(f"/fees/{fee['id']}/pay").headers["location"])


def is_member(club: httpx2.Client, player: str) -> Callable[[], bool]:
    """Whether the membership was written, however often it is asked."""
    return lambda: [player, "2026-05"] in club.get("/members").json()


def test_who_pays_is_a_member_once_also_when_every_webhook_comes_twice(
    club: httpx2.Client, payonce_stripe: SimulatedStripe
) -> None:
    fee = ask(club, "ann")
    payonce_stripe.double_webhooks(None)
    assert payonce_stripe.pay(page(club, fee)) == "succeeded"
    wait_for(is_member(club, "ann"), what="the membership")
    payonce_stripe.wait_until_quiet()
    counters = club.get(f"/fees/{fee['id']}").json()["counters"]
    assert (counters["charged"], counters["recorded"]) == (1, 1)
    assert club.post(f"/fees/{fee['id']}/pay").status_code == 409


def test_who_is_declined_is_no_member_and_pays_on_the_same_page(
    club: httpx2.Client, payonce_stripe: SimulatedStripe
) -> None:
    fee = ask(club, "bob")
    shown = page(club, fee)
    assert payonce_stripe.decline(shown) == "declined"
    payonce_stripe.wait_until_quiet()
    assert page(club, fee) == shown and not is_member(club, "bob")()
    payonce_stripe.pay(shown)
    wait_for(is_member(club, "bob"), what="the membership")


def test_a_fee_that_was_refunded_in_the_dashboard_says_so(club: httpx2.Client, payonce_stripe: SimulatedStripe) -> None:
    fee = ask(club, "eve")
    shown = page(club, fee)
    payonce_stripe.pay(shown)
    wait_for(is_member(club, "eve"), what="the membership")
    payonce_stripe.refund(shown, 1500)
    wait_for(lambda: club.get(f"/fees/{fee['id']}").json()["amounts"]["refunded_minor"] == 1500, what="the refund")
