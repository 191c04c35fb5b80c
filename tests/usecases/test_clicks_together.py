"""Clicks that come at the same moment are decided in one transaction: each gets its own answer, as if it came alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from payonce.base.errors import Refused
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.store.database import Tx
from payonce.usecases.answers import AlreadyPaid, Checkout, OrderView
from payonce.usecases.decide_cases import Undecided, decide_alone, decide_group
from payonce.usecases.set_stock import set_stock
from payonce.usecases.together import Case, Drafts
from payonce.usecases.world import World
from tests.promises.conftest import build, house
from tests.promises.soundness import assert_sound
from tests.support.house import House
from tests.support.meeting import Meeting, clicks_on
from tests.support.poor import IS_POOR
from tests.usecases.test_receive_statements import Counted

__all__ = ["build", "house"]


def clicks(house: House, orders: list[OrderView], meeting: Meeting, world: World | None = None) -> list[Any]:
    """What each click comes to, all of them at the same moment."""

    return house.run(clicks_on(orders, meeting)(world or house.world))


def trips_of(house: House, number: int) -> list[list[str]]:
    """What so many first clicks at once send to the database."""
    seen = len(house.rows("SELECT order_id FROM orders"))
    orders = [house.place(f"fee:{seen + each}") for each in range(number)]
    counted = Counted(house.world.database)
    answers = clicks(house, orders, Meeting(), replace(house.world, database=counted))
    assert [type(answer) for answer in answers] == [Checkout] * number
    assert len({answer.url for answer in answers}) == number
    return counted.trips


def test_ten_clicks_on_ten_orders_cost_the_statements_of_one(house: House) -> None:
    """One statement for a table, however many click."""
    lone, ten = trips_of(house, 1), trips_of(house, 10)
    assert ten == lone
    assert all(len(set(trip)) == len(trip) for trip in ten)
    assert_sound(house)


def test_two_clicks_on_one_order_in_one_transaction_make_one_object(house: House) -> None:
    """A1, A2: whoever is decided second finds what the first one began, and waits for its answer."""
    order, other = house.place("fee:1"), house.place("fee:2")
    meeting = Meeting()
    one, elsewhere, two = clicks(house, [order, other, order], meeting)
    assert one.url == two.url != elsewhere.url
    assert meeting.sizes[0] == 3
    assert house.rows("SELECT count(*) FROM attempts") == [(2,)]
    assert len(house.stripe.truth.payable_now()) == 2
    assert_sound(house)


def test_each_of_a_group_gets_its_own_answer(house: House) -> None:
    """New, handed out again, paid, and unknown, in one transaction; "done already" and "no such order" are written."""
    new, open_one, paid = (house.place(f"fee:{number}") for number in range(3))
    before = house.checkout(open_one)
    house.pay(house.checkout(paid))
    house.deliver_owed()
    unknown = replace(new, id=house.world.ids.new())
    meeting = Meeting()
    [begun, again, done, refused] = clicks(house, [new, open_one, paid, unknown], meeting)
    assert meeting.sizes == [4, 1]
    assert isinstance(begun, Checkout) and begun.outcome == "new"
    assert isinstance(again, Checkout) and (again.outcome, again.url) == ("reused", before.url)
    assert isinstance(done, AlreadyPaid)
    assert isinstance(refused, Refused) and (refused.code, refused.status) == ("order_unknown", 404)
    answers = house.rows("SELECT answer FROM receipts WHERE order_id = ANY(%s)", [open_one.id, paid.id, unknown.id])
    assert sorted(answer for (answer,) in answers) == ["offer", "paid", "refused"]
    assert_sound(house)


def test_a_click_that_cannot_be_decided_undoes_the_whole_group(house: House) -> None:
    """Nothing is half done; it is said which one it was, so that the others are decided without it."""
    fine, stuck = house.place("fee:1"), house.place("fee:2")
    # As of an account that is not configured any more.
    house.rows("UPDATE orders SET currency = 'XTS' WHERE order_id = %s RETURNING 1", stuck.id)
    with pytest.raises(Undecided) as undecided:
        clicks(house, [fine, stuck], Meeting())
    assert undecided.value.number == 1
    assert house.rows("SELECT count(*) FROM attempts") == [(0,)]
    assert isinstance(house.click(fine), Checkout)


@pytest.mark.skipif(IS_POOR, reason="without SKIP LOCKED a group waits")
@pytest.mark.parametrize("among", [1, 2], ids=["alone in its group", "with another"])
def test_an_order_that_somebody_holds_is_waited_for_by_no_group(house: House, among: int) -> None:
    """Of a purpose whose older order is locked, nothing is decided: whoever holds it may be about to change it."""
    older = house.place("fee:1")
    house.checkout(older)
    newer, other = house.place("fee:1", amount_minor=5000), house.place("fee:2")
    cases = [_case(house, order) for order in (newer, other)[:among]]
    with psycopg.connect(house.dsn) as application:
        application.execute("SELECT 1 FROM orders WHERE order_id = %s FOR UPDATE", [older.id])
        # Whoever decides about an order holds its attempts as well.
        application.execute("SELECT 1 FROM attempts WHERE order_id = %s FOR UPDATE", [older.id])
        saids = house.run(decide_group(house.world, "default", cases, occasion="created"))
    assert [said and said() for said in saids] == [None, "open"][:among]
    assert house.run(decide_alone(house.world, "default", cases[0], occasion="created")) == house.see(newer).state


def test_what_asks_for_stock_is_decided_by_no_group(house: House) -> None:
    """Many orders share an item, and an application may hold it for as long as its own transaction lasts."""
    house.run(set_stock(house.world, "default", "seat", 5, by="test"))
    seat, other = house.place("fee:1", items=[{"sku": "seat", "quantity": 1}]), house.place("fee:2")
    with psycopg.connect(house.dsn) as application:
        application.execute("SELECT 1 FROM stock_items FOR UPDATE")
        cases = [_case(house, seat), _case(house, other)]
        saids = house.run(decide_group(house.world, "default", cases, occasion="created"))
    assert [said and said() for said in saids] == [None, "open"]
    one, two = clicks(house, [seat, other], Meeting())
    assert isinstance(one, Checkout) and isinstance(two, Checkout)


def test_a_refusal_of_a_lone_click_is_committed(house: House) -> None:
    """C22: also where it is the only one of its group."""
    order = house.place()
    house.rows("UPDATE orders SET currency = 'XTS' WHERE order_id = %s RETURNING 1", order.id)
    ways: list[Callable[[], object]] = [lambda: house.click(order), lambda: clicks(house, [order], Meeting())]
    for number, way in enumerate(ways, 1):
        with pytest.raises(Refused):
            way()
        assert house.rows("SELECT count(*) FROM receipts WHERE answer = 'refused'") == [(number,)]


async def _read_state(tx: Tx, book: Book, order: Order, drafts: Drafts) -> str:
    return order.state


def _case(house: House, order: OrderView) -> Case[str]:
    return Case(order.id, "test", house.world.ids.new(), _read_state)
