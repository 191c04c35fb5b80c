"""Clicks at the edge: what comes while a transaction is under way shares the next one, and nobody another's trouble."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from payonce.api.together import MOST_TAKEN_OUT, Together
from payonce.base.errors import Bug, Refused, Unavailable
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.drivers.postgres_async import AsyncDatabase
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.transaction import Moment
from payonce.store.database import Limits, Tx
from payonce.usecases.answers import Checkout, OrderView
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.together import Case, Drafts, Occasion
from tests.promises.soundness import assert_sound
from tests.support.house import House
from tests.support.waiting import DEADLINE_SECONDS


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
    """One that decides, and one for the answers; each click gets the page of its own order."""
    orders = [house.place(f"fee:{number}") for number in range(20)]
    answers = at_once(house, orders)
    assert [answer.order_id for answer in answers] == [order.id for order in orders]
    assert {type(answer) for answer in answers} == {Checkout}
    assert (watch.begun["checkout"], watch.begun["created"]) == (1, 1)


def test_who_cannot_be_answered_takes_nobody_elses_answer(house: House, watch: Watch) -> None:
    """The others of his group are decided without him; he is decided alone, and told what is wrong."""
    orders = [house.place(f"fee:{number}") for number in range(4)]
    house.rows("UPDATE orders SET currency = 'XTS' WHERE order_id = %s RETURNING 1", orders[2].id)
    one, two, wrong, three = at_once(house, orders)
    assert isinstance(wrong, Refused)
    assert {type(answer) for answer in (one, two, three)} == {Checkout}
    assert watch.begun["checkout"] == 3
    # Else the house would not be sound, which is not what is looked at here.
    house.rows("UPDATE orders SET currency = 'USD' WHERE order_id = %s RETURNING 1", orders[2].id)


def test_each_of_several_who_cannot_be_answered_is_told_what_is_wrong_with_his_own(house: House) -> None:
    """They are more than are taken out of a group one by one; who can be answered among them is answered."""
    fine, *others = (house.place(f"fee:{number}") for number in range(MOST_TAKEN_OUT + 2))
    strange = ("XTS", "XXX", "XBA", "XBB")
    for currency, order in zip(strange, others, strict=True):
        house.rows("UPDATE orders SET currency = %s WHERE order_id = %s RETURNING 1", currency, order.id)
    *refusals, answer = at_once(house, [*others, fine])
    assert isinstance(answer, Checkout)
    assert [type(refusal) for refusal in refusals] == [Refused] * len(strange)
    for currency, refusal in zip(strange, refusals, strict=True):
        assert currency in str(refusal)
    assert house.rows("SELECT count(*) FROM receipts WHERE answer = 'refused'") == [(len(strange),)]
    house.rows("UPDATE orders SET currency = 'USD' RETURNING 1")


@pytest.mark.parametrize("first", [0, 2], ids=["who comes first", "who comes among others"])
def test_an_order_that_somebody_keeps_locked_holds_up_nobody_else(house: House, first: int) -> None:
    """An application's own open transaction: all others get their page while it lasts, and its payer behind it."""
    orders = [house.place(f"fee:{number}") for number in range(8)]
    stuck = orders[first]
    house.checkout(stuck)

    async def story() -> None:
        async with AsyncDatabase(house.dsn, clock=house.clock, chance=house.world.chance) as database:
            together = Together(replace(house.world, database=database))
            world = replace(house.world, database=database, together=together)

            def click(order: OrderView) -> asyncio.Task[Any]:
                return asyncio.create_task(ensure_checkout(world, "default", order.id, Click()))

            with psycopg.connect(house.dsn) as application:
                application.execute("SELECT 1 FROM orders WHERE order_id = %s FOR UPDATE", [stuck.id])
                application.execute("SELECT 1 FROM attempts WHERE order_id = %s FOR UPDATE", [stuck.id])
                clicks = {order.id: click(order) for order in orders[: first + 1]}
                await asyncio.sleep(0)
                clicks |= {order.id: click(order) for order in orders[first + 1 :]}
                others = [task for order_id, task in clicks.items() if order_id != stuck.id]
                answers = await asyncio.wait_for(asyncio.gather(*others), DEADLINE_SECONDS)
                assert {type(answer) for answer in answers} == {Checkout}
                # Given up after five seconds of waiting, which a slow machine may have used up by now.
                assert not clicks[stuck.id].done() or clicks[stuck.id].exception() is not None
            last = await asyncio.gather(clicks[stuck.id], return_exceptions=True)
            assert isinstance(last[0], Checkout | Unavailable)
            await together.aclose()

    asyncio.run(story())
    assert house.checkout(stuck).number == 1


def test_nobody_asks_for_a_checkout_inside_a_transaction(house: House) -> None:
    """What another connection commits could not be rolled back with it; a handler that asks so is told."""
    order = house.place()

    async def story() -> None:
        world = replace(house.world, together=Together(house.world))

        async def work(tx: Tx) -> None:
            await ensure_checkout(world, "default", order.id, Click())

        with pytest.raises(Bug, match="inside a transaction"):
            await house.world.database.transaction(work, name="handler")

    asyncio.run(story())
    assert house.rows("SELECT count(*) FROM attempts") == [(0,)]


def test_what_was_accepted_is_decided_before_it_closes(house: House) -> None:
    order = house.place()

    async def story() -> None:
        together = Together(house.world)
        world = replace(house.world, together=together)
        click = asyncio.create_task(ensure_checkout(world, "default", order.id, Click()))
        await asyncio.sleep(0)
        assert house.rows("SELECT count(*) FROM attempts") == [(0,)]
        await together.aclose()
        assert house.rows("SELECT count(*) FROM attempts") == [(1,)]
        await click

    asyncio.run(story())


def test_who_hangs_up_before_his_turn_is_left_out(house: House) -> None:
    """Nothing is begun for him, and he takes nobody else's answer; when he comes back he gets his page at once."""
    orders = [house.place(f"fee:{number}") for number in range(3)]
    one, gone, two = at_once(house, orders, leaves=1)
    assert isinstance(gone, asyncio.CancelledError)
    assert {type(answer) for answer in (one, two)} == {Checkout}
    assert house.see(orders[1]).attempts == ()
    assert house.checkout(orders[1]).number == 1


@pytest.mark.parametrize(("occasion", "is_decided"), [("checkout", False), ("created", True)])
def test_what_a_provider_made_is_recorded_although_nobody_waits_for_it(
    house: House, occasion: Occasion, is_decided: bool
) -> None:
    order, decided = house.place(), list[UUID]()

    async def decide(tx: Tx, book: Book, order: Order, drafts: Drafts) -> None:
        decided.append(order.id)

    async def story() -> None:
        together = Together(house.world)
        case = Case(order.id, "test", house.world.ids.new(), decide)
        click = asyncio.create_task(together.decide(occasion, "default", case))
        await asyncio.sleep(0)
        click.cancel()
        await together.aclose()

    asyncio.run(story())
    assert decided == [order.id] * is_decided
