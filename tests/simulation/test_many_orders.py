"""Rushes of many orders in every run of the tests, a seed in each test, so that the processes share them."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Final

import pytest

from payonce.simulation.day import RUSH
from payonce.simulation.run import STORIES
from tests.simulation.conftest import SIMULATED_ORDERS, Playing

# What a sceptic should find in every run of the tests; `make soak DAY=rush` plays as many as one likes. On two cores a
# thousand take about fifteen seconds.
LEAST_ORDERS: Final = 30_000
# Every story places an order at least.
A_SEED: Final = STORIES * RUSH.times
SEEDS: Final = range(101, 101 + ceil(LEAST_ORDERS / A_SEED))


def test_there_are_seeds_enough() -> None:
    assert len(SEEDS) * A_SEED >= LEAST_ORDERS


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_rush_breaks_no_promise(play: Playing, seed: int, record_property: Callable[[str, object], None]) -> None:
    """S1 to S12, S20, S21, L1 to L9: hundreds of orders that meet, and some of everything that goes wrong."""
    rush = play(seed, day=RUSH.name)
    record_property(SIMULATED_ORDERS, rush.orders)
    assert rush.violations == (), rush.trace[-60:]
    assert rush.orders >= A_SEED
