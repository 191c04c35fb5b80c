"""`site`: the HTTP edge over a house. `open_site` makes one of another kind, `cut_site` one whose database can go
away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from payonce.drivers.postgres_sync import SyncDatabase
from payonce.store.database import Limits
from tests.support.house import House
from tests.support.line import Line, watched_line
from tests.support.site import Site

OpenSite = Callable[..., Site]


@pytest.fixture
def site(house: House) -> Iterator[Site]:
    """An application with the shop, and one caller who may do everything."""
    made = Site(house)
    yield made
    made.close()


@pytest.fixture
def open_site(database_url: str) -> Iterator[OpenSite]:
    """Makes sites: `house` are options of the house, all others settings of the edge."""
    with ExitStack() as stack:

        def make(house: dict[str, Any] | None = None, **settings: Any) -> Site:
            built = House(database_url, **(house or {}))
            stack.callback(built.close)
            made = Site(built, **settings)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def cut_site(database_url: str) -> Iterator[tuple[Site, Line]]:
    """A site whose line to the database breaks for good when the test closes it."""
    with watched_line(database_url) as line:
        house = House(database_url)
        # Whoever waits for a server that is gone waits as long as a test should.
        impatient = Limits(runs=2, connection_seconds=0.2)
        cut = SyncDatabase(line.dsn, clock=house.clock, chance=house.world.chance, limits=impatient)
        house.world = replace(house.world, database=cut)
        made = Site(house)
        yield made, line
        made.close()
        cut.close()
        house.close()
