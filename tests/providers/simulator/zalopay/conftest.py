"""A simulated ZaloPay with a clock that stands still, and a merchant in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payonce.providers.simulator.serve import Running, serve_in_thread
from payonce.providers.simulator.world import SeededChance, StillClock
from payonce.providers.simulator.zalopay import ZaloPaySimulator
from tests.providers.simulator.zalopay.merchant import NOON, Merchant


@pytest.fixture
def sim() -> ZaloPaySimulator:
    """Not served; time moves by `sim.advance` only."""
    return ZaloPaySimulator(clock=StillClock(NOON), chance=SeededChance(7))


@pytest.fixture
def merchant(sim: ZaloPaySimulator) -> Merchant:
    """Asks `sim` directly."""
    return Merchant(sim)


@pytest.fixture
def running(sim: ZaloPaySimulator) -> Iterator[Running[ZaloPaySimulator]]:
    """`sim` on a port of the loopback interface."""
    with serve_in_thread(sim, seconds_per_byte=0.001) as served:
        yield served
