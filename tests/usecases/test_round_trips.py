"""What is not a webhook costs few transactions. They are counted: a clock would tell more of the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal, TypeVar

from payonce.base.errors import Bug
from payonce.providers.contract import Unreadable, Verified
from payonce.providers.gateway import ProviderLooker
from payonce.store.database import Database, Tx
from payonce.usecases.backfill import backfill
from payonce.usecases.close_orders import close_orders
from payonce.usecases.ensure_checkout import ensure_checkout
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import list_orders, read_orders
from payonce.usecases.world import DEFAULT_MERCHANT, World
from tests.support.effects import Desk, paid_for
from tests.support.house import House

T = TypeVar("T")


class Named:
    """The port over `inner`, which counts transactions by their names."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.names: Counter[str] = Counter()

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work`; see the port."""
        self.names[name] += 1
        return await self._inner.transaction(work, name=name, read_only=read_only)


def counted(house: House) -> tuple[World, Counter[str]]:
    """The house's world, and what it asks of the database."""
    database = Named(house.world.database)
    return replace(house.world, database=database), database.names


def test_an_order_is_placed_and_told_of_in_one_transaction(house: House) -> None:
    world, names = counted(house)
    wish = PlaceOrder("R-1", "fee:1", 4500, "USD", "player 1")
    placed = house.run(place_order(world, DEFAULT_MERCHANT, wish))
    assert names == {"place_order": 1}
    assert placed.order == house.see(placed.order.id)
    again = house.run(place_order(world, DEFAULT_MERCHANT, wish))
    assert (again.existing, again.order) == (True, placed.order)
    assert names == {"place_order": 2}


def test_a_first_checkout_is_two_transactions_around_its_call(house: House) -> None:
    order = house.place()
    world, names = counted(house)
    house.run(ensure_checkout(world, DEFAULT_MERCHANT, order.id))
    assert names == {"checkout": 1, "created": 1}


def test_orders_are_read_in_one_transaction_however_many_they_are(house: House) -> None:
    paid = [paid_for(house, f"fee:{number}") for number in range(3)]
    open_ones = [house.place(f"fee:{number}") for number in range(3, 7)]
    ids = [*paid, *(order.id for order in open_ones)]
    world, names = counted(house)
    views = house.run(read_orders(world, DEFAULT_MERCHANT, ids))
    assert names == {"read_order": 1}
    assert views == {order_id: house.see(order_id) for order_id in ids}
    listed = house.run(list_orders(world, DEFAULT_MERCHANT))
    assert [view.id for view in listed] == sorted(ids, reverse=True)
    assert names == {"read_order": 2, "list_orders": 1}


def test_a_look_for_effects_that_finds_none_is_one_transaction(house: House) -> None:
    world, names = counted(house)
    assert Desk(house, {}, world).deliver() == []
    assert names == {"look_for_effects": 1}


def test_a_walk_that_meets_nothing_new_is_one_transaction_for_all_its_lists(house: House) -> None:
    for number in range(3):
        paid_for(house, f"fee:{number}")
    assert house.backfill().silent == 0
    house.clock.move(20 * 60)
    world, names = counted(house)
    did = house.run(backfill(world.for_jobs(), DEFAULT_MERCHANT))
    # All lists of Stripe were due again, and all of what they tell is known.
    assert (did.pages, did.new, did.applied) == (len(house.rows("SELECT list FROM cursors")), 0, 0)
    assert did.entries > 0
    assert names == {"cursors": 1, "look_at_lists": 1}
    assert all(at == house.clock.now() for (at,) in house.rows("SELECT walked_at FROM cursors"))


class Reading(ProviderLooker):
    """A looker that notes what is read again."""

    def note_into(self, noted: list[str]) -> Reading:
        """Note keys there."""
        self._noted = noted
        return self

    def again(self, body: bytes, source: Literal["webhook", "poll", "backfill"]) -> Verified | Unreadable:
        """Read, and note it."""
        found = super().again(body, source)
        self._noted.append(found.key)
        return found


def test_an_event_of_a_log_that_is_known_is_not_read_again(house: House) -> None:
    paid_for(house)
    noted: list[str] = []
    tills = {
        key: Reading(till._adapter, till._transport).note_into(noted)
        for key, till in house.world.for_jobs().tills.items()
    }
    world = replace(house.world.for_jobs(), tills=tills)
    did = house.run(backfill(world, DEFAULT_MERCHANT))
    known = {key for (key,) in house.rows("SELECT event_key FROM event_keys")}
    assert did.new == 0 and known
    # Objects are read to see how they stand; events are known by their keys.
    assert noted and not known & set(noted)


def test_orders_that_expired_before_anybody_clicked_are_closed_together(house: House) -> None:
    """C10: nobody is asked about an order without an attempt, so many of them are one transaction."""
    ids = [house.place(f"fee:{number}").id for number in range(20)]
    clicked = house.place("fee:clicked")
    house.checkout(clicked)
    house.clock.move(25 * 3600)
    world, names = counted(house)
    did = house.run(close_orders(world.for_jobs(), DEFAULT_MERCHANT))
    assert (did.closed, did.left) == (21, 0)
    assert {house.see(order_id).state for order_id in (*ids, clicked.id)} == {"closed"}
    assert names["close_orders"] == 1
    # The one that was clicked is closed at its provider first: its lease, its answer, and a look that it is over.
    assert names["close"] == 3


def test_an_order_that_cannot_be_marked_holds_no_other_up(house: House) -> None:
    ids = [house.place(f"fee:{number}").id for number in range(3)]
    house.clock.move(25 * 3600)
    world, names = counted(house)
    database = world.database

    class Failing:
        """Fails the marking of many, and of the second one by itself."""

        async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
            if name == "close_orders" and names[name] in (0, 2):
                names[name] += 1
                raise Bug("a constraint that nobody thought of")
            return await database.transaction(work, name=name, read_only=read_only)

    did = house.run(close_orders(replace(world, database=Failing()).for_jobs(), DEFAULT_MERCHANT))
    assert did.looked_at == 3
    assert sorted(house.see(order_id).state for order_id in ids) == ["closed", "closed", "open"]
