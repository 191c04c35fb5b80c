"""The capability-off run: every flow on a database under SERIALIZABLE and without SKIP LOCKED ends as on PostgreSQL."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from payonce.base.errors import Unavailable
from payonce.drivers.chance import SystemChance
from tests.crash.enumeration import FLOWS, ground_of
from tests.crash.lives import Flow, live
from tests.crash.mortal import INVITE, Ground
from tests.support.databases import TestServer
from tests.support.effects import Desk, Receiver, free_order
from tests.support.house import House
from tests.support.poor import database_of
from tests.support.waiting import DEADLINE_SECONDS

# More than the two cores of the smallest machine, so that they meet.
WORKERS = 4


@pytest.fixture(scope="module")
def grounds(postgres: TestServer) -> Iterator[tuple[Ground, Ground]]:
    """The same database twice, as it is and poorer."""
    name = postgres.create(postgres.template())
    dsn = postgres.server.dsn(name)
    with ground_of(dsn) as rich, ground_of(dsn, is_poor=True) as poor:
        yield rich, poor
    postgres.drop(name)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name.replace(" ", "-"))
def test_a_poorer_database_keeps_the_same_promises(grounds: tuple[Ground, Ground], flow: Flow) -> None:
    """Correct under READ COMMITTED and under SERIALIZABLE, with SKIP LOCKED and without."""
    rich, poor = grounds
    assert live(poor, flow).ending == live(rich, flow).ending


def test_workers_that_wait_for_each_other_deliver_each_effect_once(house: House, database_url: str) -> None:
    """S10: SKIP LOCKED only spares workers from waiting."""
    receiver = Receiver()
    desk = Desk(house, {INVITE: receiver})
    orders = {free_order(house, number) for number in range(20)}
    chance = SystemChance()
    databases = [database_of(database_url, is_poor=True, clock=house.clock, chance=chance) for _ in range(WORKERS)]
    worlds = [replace(house.world, database=database) for database in databases]
    desks = [Desk(house, {INVITE: receiver}, world) for world in worlds]

    def work(desk: Desk) -> None:
        # Who had to give way too often comes back in the next round.
        with suppress(Unavailable):
            desk.deliver()

    threads = [threading.Thread(target=work, args=(each,)) for each in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    desk.deliver()
    assert Counter(call.order_id for call in receiver.calls) == Counter(orders)
    assert {effect.state for effect in desk.effects()} == {"done"}
    for database in databases:
        database.close()
