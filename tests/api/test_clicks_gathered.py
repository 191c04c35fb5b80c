"""Clicks at the edge: what comes while a transaction is under way shares the next one, and nobody another's trouble."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from payonce.api.together import Together
from payonce.base.errors import Refused, Unavailable
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.transaction import Moment
from payonce.store.database import Limits
from payonce.usecases.answers import Checkout, OrderView
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from tests.promises.soundness import assert_sound
from tests.support.house import House


class Watch:
    """Counts transactions."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()

    async def __call__(self, moment: Moment) -> None:
        self.begun[moment.transaction] += moment.stage == "before_begin" and moment.run == 1


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def house(database_url: str, watch: Watch) -> Iterator[House]:
    built = House(database_url)
    # Whoever waits for a lock waits as long as a test should.
    impatient = Limits(lock_seconds=0.5, runs=1)
    chance = built.world.chance
    with SyncDatabase(database_url, clock=built.clock, chance=chance, limits=impatient, observer=watch) as database:
        built.world = replace(built.world, database=database)
        yield built
        assert_sound(built)
    built.close()


def at_once(house: House, orders: list[OrderView], *, leaves: int | None = None) -> list[Any]:
    """What clicks on the orders come to, all sent in the same moment; the one of that number hangs up at once."""

    async def story() -> list[Any]:
        together = Together(house.world)
        world = replace(house.world, together=together)
        clicks = [asyncio.create_task(ensure_checkout(world, "default", order.id, Click())) for order in orders]
        if leaves is not None:
            await asyncio.sleep(0)
            clicks[leaves].cancel()
        found = await asyncio.gather(*clicks, return_exceptions=True)
        await together.aclose()
        return found

    return asyncio.run(story())


def test_twenty_clicks_are_two_transactions(house: House, watch: Watch) -> None:
    """D4: one that decides, and one for the answers; each click gets the page of its own order."""
    orders = [house.place(f"fee:{number}") for number in range(20)]
    answers = at_once(house, orders)
    assert [answer.order_id for answer in answers] == [order.id for order in orders]
    assert {type(answer) for answer in answers} == {Checkout}
    assert (watch.begun["checkout"], watch.begun["created"]) == (1, 1)


def test_who_cannot_be_answered_takes_nobody_elses_answer(house: House, watch: Watch) -> None:
    """D4: the others of his group are decided alone; so is he, and told what is wrong."""
    orders = [house.place(f"fee:{number}") for number in range(4)]
    house.rows("UPDATE orders SET currency = 'XTS' WHERE order_id = %s RETURNING 1", orders[2].id)
    one, two, wrong, three = at_once(house, orders)
    assert isinstance(wrong, Refused)
    assert {type(answer) for answer in (one, two, three)} == {Checkout}
    assert watch.begun["checkout"] == 1 + 4
    # Else the house would not be sound, which is not what is looked at here.
    house.rows("UPDATE orders SET currency = 'USD' WHERE order_id = %s RETURNING 1", orders[2].id)


def test_an_order_that_somebody_keeps_locked_holds_up_nobody_else(house: House) -> None:
    """An application's own open transaction: who clicks on that order is told to come back, all others get a page."""
    orders = [house.place(f"fee:{number}") for number in range(4)]
    with psycopg.connect(house.dsn) as application:
        application.execute("SELECT 1 FROM orders WHERE order_id = %s FOR UPDATE", [orders[1].id])
        one, locked, two, three = at_once(house, orders)
    assert isinstance(locked, Unavailable) and locked.code == "store_unavailable"
    assert {type(answer) for answer in (one, two, three)} == {Checkout}


def test_who_hangs_up_changes_nothing_for_the_others(house: House) -> None:
    """What was begun for him is found when he comes back: the same page."""
    orders = [house.place(f"fee:{number}") for number in range(3)]
    one, gone, two = at_once(house, orders, leaves=1)
    assert isinstance(gone, asyncio.CancelledError)
    assert {type(answer) for answer in (one, two)} == {Checkout}
    house.clock.move(31)
    assert house.checkout(orders[1]).number == 1
