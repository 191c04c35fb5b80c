"""A merchant at the simulated provider, the provider on a real port, and a receiver of its notices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payonce.providers.simulator.nowpayments import NowPaymentsSimulator
from payonce.providers.simulator.serve import Running, serve_in_thread
from tests.providers.simulator.nowpayments.merchant import Merchant
from tests.providers.simulator.receiver import Receiver, receiving


@pytest.fixture
def merchant() -> Merchant:
    """His account, without sockets; time moves by `sim.advance` only."""
    return Merchant()


@pytest.fixture
def running(merchant: Merchant) -> Iterator[Running[NowPaymentsSimulator]]:
    """The same account, served over HTTP."""
    # A drop of slow body every millisecond: the shape of the trap without its length.
    with serve_in_thread(merchant.sim, seconds_per_byte=0.001) as served:
        yield served


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes notices."""
    with receiving() as made:
        yield made
