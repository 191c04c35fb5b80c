"""D13 in the library: whoever asks for a checkout in Python is counted like whoever clicks over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

import payonce
from payonce.installation import Installation
from payonce.providers.simulator.serve import serve_in_thread
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.sync import Payonce as SyncPayonce

SECRET = "whsec_of_the_engine_1234567890"
WISH: dict[str, Any] = {
    "reference": "R-1", "purpose": "fee:1", "amount_minor": 4500, "currency": "USD", "payer_reference": "player 27",
    "success_url": "https://shop.example/thanks", "cancel_url": "https://shop.example/back",
}  # fmt: skip


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    with serve_in_thread(StripeSimulator()) as stripe:
        base = stripe.sim.base_url
        account = payonce.Stripe(api_key="sk_test_of_the_engine_1234", webhook_secrets=[SECRET], api_base=base)
        yield Installation(database_url=database_url, accounts=(account,))


def counted(installation: Installation) -> dict[str, int]:
    """Answers by outcome, of whichever minute."""
    with psycopg.connect(installation.database_url or "") as connection:
        rows = connection.execute("SELECT outcome, sum(answers)::int FROM checkout_counts GROUP BY outcome").fetchall()
    return dict(rows)


def test_checkouts_of_the_library_are_counted_when_it_ends_at_the_latest(installation: Installation) -> None:
    """D13: answers and refusals, and nobody who asks waits for the count."""

    async def work() -> None:
        engine = payonce.Payonce(installation=installation)
        await engine.start(work=False)
        order = (await engine.place_order(**WISH)).order
        await engine.ensure_checkout(order)
        await engine.ensure_checkout(order)
        with pytest.raises(payonce.Refused):
            await engine.ensure_checkout(order, flow="nonsense")
        await engine.aclose()

    asyncio.run(work())
    assert counted(installation) == {"new": 1, "reused": 1, "refused": 1}


def test_without_an_event_loop_they_are_counted_too(installation: Installation) -> None:
    """D13: written with a later click, or at the end."""
    with SyncPayonce(installation=installation) as engine:
        order = engine.place_order(**WISH).order
        engine.ensure_checkout(order)
        assert counted(installation) == {"new": 1}
        engine.ensure_checkout(order)
    assert counted(installation) == {"new": 1, "reused": 1}


def test_many_threads_of_an_application_lose_no_count(installation: Installation) -> None:
    """D13: a web server without an event loop asks from many threads at once."""
    with SyncPayonce(installation=installation) as engine:
        orders = [engine.place_order(**WISH | {"reference": f"R-{n}", "purpose": f"fee:{n}"}).order for n in range(12)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(engine.ensure_checkout, orders))
    assert counted(installation) == {"new": 12}
