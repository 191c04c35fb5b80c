"""A process dies at every boundary of every flow, or loses the answer there, and everything is well without a hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.crash.enumeration import FLOWS, enumerate_flow, ground_of, strikes
from tests.crash.lives import Flow, boundaries
from tests.crash.mortal import Ground
from tests.support.databases import TestServer

# What a sceptic should find in every run of the tests.
LEAST_POINTS = 1000


@pytest.fixture(scope="module")
def ground(postgres: TestServer) -> Iterator[Ground]:
    """One database for all lives; each begins with it empty."""
    name = postgres.create(postgres.template())
    with ground_of(postgres.server.dsn(name)) as found:
        yield found
    postgres.drop(name)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name.replace(" ", "-"))
def test_whatever_dies_wherever_the_jobs_make_it_well(
    ground: Ground, flow: Flow, record_property: Callable[[str, object], None]
) -> None:
    """B6: before and after every statement, COMMIT and call, or with its answer lost; some again in recovery."""
    tally = enumerate_flow(ground, flow)
    record_property("crash points", tally.points)
    assert tally.broken == [], f"{len(tally.broken)} of {tally.lives} lives went wrong"


def test_there_are_a_thousand_places_to_die(ground: Ground) -> None:
    """X3: the flows are not so short that their crashes would prove little."""
    assert sum(len(strikes(boundaries(ground, flow), thorough=False)) for flow in FLOWS) >= LEAST_POINTS
