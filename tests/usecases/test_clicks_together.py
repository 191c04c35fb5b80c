"""Clicks that come at the same moment are decided in one transaction: each gets its own answer, as if it came alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from payonce.base.errors import Refused
from payonce.usecases.answers import AlreadyPaid, Checkout, OrderView
from payonce.usecases.world import World
from tests.promises.conftest import build, house
from tests.promises.soundness import assert_sound
from tests.support.house import House
from tests.support.meeting import Meeting, clicks_on
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


def test_ten_clicks_on_ten_orders_cost_the_statements_of_two(house: House) -> None:
    """A11, D4: one statement for a table, however many click; a lone click waits for nobody's lock for less long."""
    lone, two, ten = trips_of(house, 1), trips_of(house, 2), trips_of(house, 10)
    assert ten == two
    assert [[name for name in trip if name != "effects.hold_briefly"] for trip in two] == lone
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
    """D4: nothing is half done; whoever gathers decides each of them alone then."""
    fine, stuck = house.place("fee:1"), house.place("fee:2")
    # As of an account that is not configured any more.
    house.rows("UPDATE orders SET currency = 'XTS' WHERE order_id = %s RETURNING 1", stuck.id)
    with pytest.raises(Refused, match=r"XTS|amount"):
        clicks(house, [fine, stuck], Meeting())
    assert house.rows("SELECT count(*) FROM attempts") == [(0,)]
    assert isinstance(house.click(fine), Checkout)
