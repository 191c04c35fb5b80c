"""A pytest plugin: simulated providers and their clock, for the tests of applications.

    pytest_plugins = ["payonce.testing.fixtures"]   # in the conftest.py at the root, or in a test module

It is not loaded by itself, so that nobody's tests import payonce who did not ask for it. An engine is not among the
fixtures: an application has its own, and hands it `payonce_stripe.account`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payonce.testing.clock import RunningClock
from payonce.testing.simulated import SimulatedNowPayments, SimulatedStripe, SimulatedZaloPay


@pytest.fixture
def payonce_clock() -> RunningClock:
    """The clock of the simulated providers; hand it to an engine as well (`Payonce(clock=…)`), and both are moved."""
    return RunningClock()


@pytest.fixture
def payonce_stripe(payonce_clock: RunningClock) -> Iterator[SimulatedStripe]:
    """A simulated Stripe on a free port."""
    provider = SimulatedStripe(payonce_clock).start()
    yield provider
    provider.stop()


@pytest.fixture
def payonce_zalopay(payonce_clock: RunningClock) -> Iterator[SimulatedZaloPay]:
    """A simulated ZaloPay on a free port."""
    provider = SimulatedZaloPay(payonce_clock).start()
    yield provider
    provider.stop()


@pytest.fixture
def payonce_nowpayments(payonce_clock: RunningClock) -> Iterator[SimulatedNowPayments]:
    """A simulated NOWPayments on a free port."""
    provider = SimulatedNowPayments(payonce_clock).start()
    yield provider
    provider.stop()
