"""A simulated Stripe on a real port, with a clock that stands still, and the official SDK in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import stripe

from payonce.providers.simulator.serve import Running, serve_in_thread
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.providers.simulator.world import SeededChance, StillClock
from tests.providers.simulator.receiver import Receiver, receiving

KEY = "sk_test_simulator"


@pytest.fixture
def running() -> Iterator[Running[StripeSimulator]]:
    """Served over HTTP; time moves by `sim.advance` only."""
    clock = StillClock(datetime(2026, 11, 20, 12, tzinfo=UTC))
    made = StripeSimulator(clock=clock, chance=SeededChance(7))
    # A drop of slow body every millisecond: the shape of the trap without its length.
    with serve_in_thread(made, seconds_per_byte=0.001) as served:
        yield served


@pytest.fixture
def sim(running: Running[StripeSimulator]) -> StripeSimulator:
    """The simulator itself."""
    return running.sim


@pytest.fixture
def client(sim: StripeSimulator) -> stripe.StripeClient:
    """The official SDK. It retries nothing, so that every call of a test is one call on the wire."""
    return sdk(sim)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes webhooks."""
    with receiving() as made:
        yield made


def sdk(sim: StripeSimulator, *, key: str = KEY, retries: int = 0, timeout: float = 20.0) -> stripe.StripeClient:
    """A client of its own."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": sim.base_url},
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=timeout),
    )
