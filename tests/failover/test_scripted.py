"""The primary is killed under load and its standby takes over: what was acknowledged is there."""

from __future__ import annotations

import os
import threading
from uuid import UUID

import psycopg
import pytest

from payonce.base.errors import InDoubt, Unavailable
from payonce.base.ids import Ids
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.prove import prove_all
from payonce.usecases.world import World
from tests.support.pair import Pair, running_pair
from tests.support.waiting import DEADLINE_SECONDS, until

# `make failover` kills more often.
KILLS = int(os.environ.get("PAYONCE_TESTS_KILLS", "1"))
CALLERS = 3
# Enough that all callers are in the middle of something when it happens, and go on after it.
BEFORE, AFTER = 40, 20


class Load:
    """Callers that place orders of nothing, each paid at once, and write down what they were told."""

    def __init__(self, dsn: str) -> None:
        self.told: list[UUID] = []
        self._is_over = threading.Event()
        self._dsn = dsn
        self._threads = [threading.Thread(target=self._call, args=(caller,)) for caller in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every caller end."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def _call(self, caller: int) -> None:
        with SyncDatabase(self._dsn, clock=BlockingClock(), chance=SystemChance(), connections=1) as database:
            world, number = a_world(database), 0
            while not self._is_over.is_set():
                name = f"{caller}:{number}"
                wish = PlaceOrder(
                    reference=name, purpose=name, amount_minor=0, currency="USD", payer_reference="somebody"
                )
                try:
                    placed = run_to_end(place_order(world, "default", wish))
                except (Unavailable, InDoubt):
                    # Whoever got no answer asks again for the same.
                    continue
                self.told.append(placed.order.id)
                number += 1


def a_world(database: SyncDatabase) -> World:
    """What use cases are handed here; no provider is needed for what costs nothing."""
    clock, chance = BlockingClock(), SystemChance()
    return World(database, clock, Ids(clock, chance), chance, {}, {})


def missing(pair: Pair, told: list[UUID]) -> set[UUID]:
    """What was acknowledged and is not there."""
    with psycopg.connect(pair.standby.dsn()) as connection:
        rows = connection.execute("SELECT order_id FROM settlements").fetchall()
    return set(told) - {order_id for (order_id,) in rows}


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(KILLS))
def test_what_was_acknowledged_survives_the_primary(kill: int) -> None:
    """S12: killed under load with a synchronous standby, which is promoted; callers go on by the same address."""
    with running_pair() as pair:
        load = Load(pair.dsn)
        try:
            until(lambda: len(load.told) >= BEFORE, what="some orders")
            pair.kill_the_primary()
            pair.promote()
            known = len(load.told)
            until(lambda: len(load.told) >= known + AFTER, what="callers to go on at the new primary")
        finally:
            load.stop()
        assert len(set(load.told)) == len(load.told)
        assert missing(pair, load.told) == set()
        with SyncDatabase(pair.standby.dsn(), clock=BlockingClock(), chance=SystemChance()) as database:
            assert run_to_end(prove_all(a_world(database))) == []


@pytest.mark.slow
def test_a_standby_that_nobody_waits_for_loses_some_and_that_is_noticed() -> None:
    """S12: the same comparison finds what an asynchronous standby did not have, so it would find it above too."""
    with running_pair(is_synchronous=False) as pair:
        load = Load(pair.dsn)
        try:
            until(lambda: len(load.told) >= BEFORE, what="some orders")
            pair.hold_the_standby_back()
            known = len(load.told)
            until(lambda: len(load.told) >= known + AFTER, what="orders that the standby does not have")
        finally:
            load.stop()
        pair.kill_the_primary()
        pair.promote()
        assert missing(pair, load.told) != set()
