"""Pairs of use cases on one item of stock, interleaved at every boundary of their transactions: none is sold twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from payonce.base.errors import Conflict
from payonce.conformance.interleaving import Work
from payonce.conformance.scenes import Scene, assert_paid_once, cancel, click, hear
from payonce.store.database import Limits
from payonce.usecases.answers import Checkout, Gone, OrderView, Placed, Silent
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.restock_order import restock_order
from payonce.usecases.set_stock import StockView, set_stock, show_stock
from tests.promises.acts import HOUR
from tests.races.test_pairs import close, every_interleaving, house
from tests.support.house import House
from tests.support.poor import IS_POOR, SERIALIZATION_FAILURE

__all__ = ["house"]

Told = tuple[Work, Work, Callable[[Any, Any], None]]


def stock(house: House, sku: str, on_hand: int) -> None:
    """Say how many there are."""
    house.run(set_stock(house.world, "default", sku, on_hand, by="test"))


def counts(house: House, sku: str) -> tuple[int, int, int]:
    """(free, held, sold)"""
    seen = house.run(show_stock(house.world, "default", sku))
    return seen.free, seen.held, seen.sold


def items(*skus: str, quantity: int = 1) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku in skus]


def place(purpose: str, asked: list[dict[str, Any]], reference: str = "") -> Work:
    wish = PlaceOrder(
        reference or purpose, purpose, 4500, "USD", "player 27", success_url="https://shop.example/", items=asked
    )
    return lambda world: place_order(world, "default", wish)


def the_last_piece(house: House, name: str) -> Told:
    """Two orders for the last piece: one has it, and the other is told so."""
    stock(house, name, 1)

    def check(one: Any, two: Any) -> None:
        assert sorted(isinstance(answer, Placed) for answer in (one, two)) == [False, True]
        assert {answer.code for answer in (one, two) if isinstance(answer, Conflict)} == {"sold_out"}
        assert counts(house, name) == (0, 1, 0)

    return place(f"{name}/a", items(name)), place(f"{name}/b", items(name)), check


def items_crosswise(house: House, name: str) -> Told:
    """Two orders that name the same two items in other sequences: both are placed, and nobody ends the other."""
    left, right = f"{name}.left", f"{name}.right"
    stock(house, left, 2)
    stock(house, right, 2)

    def check(one: Any, two: Any) -> None:
        assert isinstance(one, Placed) and isinstance(two, Placed), (one, two)
        assert (counts(house, left), counts(house, right)) == ((0, 2, 0), (0, 2, 0))

    return place(f"{name}/a", items(left, right)), place(f"{name}/b", items(right, left)), check


def replacing_crosswise(house: House, name: str) -> Told:
    """Two orders take the places of others, each asking for what the other one's predecessor holds."""
    left, right = f"{name}.left", f"{name}.right"
    stock(house, left, 2)
    stock(house, right, 2)
    old = [house.place(f"{name}/{n}", items=items(sku)) for n, sku in enumerate((left, right))]

    def check(one: Any, two: Any) -> None:
        assert isinstance(one, Placed) and isinstance(two, Placed), (one, two)
        assert [house.see(order).closed_reason for order in old] == ["superseded"] * 2
        assert (counts(house, left), counts(house, right)) == ((1, 1, 0), (1, 1, 0))

    def replace(number: int, sku: str) -> Work:
        return place(f"{name}/{number}", items(sku), reference=f"{name}/again/{number}")

    return replace(0, right), replace(1, left), check


def giving_back_and_placing(house: House, name: str) -> Told:
    """The last piece is given back while somebody else asks for it."""
    stock(house, name, 1)
    holder = house.place(f"{name}/a", items=items(name))

    def check(closed: Any, placed: Any) -> None:
        assert house.see(holder).state == "closed"
        got_it = isinstance(placed, Placed)
        assert got_it or placed.code == "sold_out"
        assert counts(house, name) == ((0, 1, 0) if got_it else (1, 0, 0))

    return cancel(holder), place(f"{name}/b", items(name)), check


def closing_twice(house: House, name: str) -> Told:
    """The job and the merchant close the same order: its piece is returned once."""
    stock(house, name, 2)
    order = house.place(f"{name}/a", items=items(name))
    house.clock.move(25 * HOUR)

    def check(closed: Any, view: Any) -> None:
        assert (house.see(order).state, counts(house, name)) == ("closed", (2, 0, 0))

    return close(), cancel(order), check


def coming_back_and_placing(house: House, name: str) -> Told:
    """The payer of an expired order comes back while somebody else asks for the last piece."""
    stock(house, name, 1)
    order = house.place(f"{name}/a", items=items(name))
    house.clock.move(25 * HOUR)
    house.close_old()

    def check(answer: Any, placed: Any) -> None:
        assert isinstance(answer, Checkout | Gone | Silent), answer
        assert isinstance(placed, Placed) is isinstance(answer, Gone), (answer, placed)
        assert counts(house, name) == (0, 1, 0)

    return click(order), place(f"{name}/b", items(name)), check


def paying_and_cancelling(house: House, name: str) -> Told:
    """The webhook of a payment while the merchant cancels: paid, and its piece is sold once."""
    stock(house, name, 3)
    order = house.place(f"{name}/a", items=items(name, quantity=2))
    house.pay(house.checkout(order))

    def check(received: Any, view: Any) -> None:
        assert_paid_once(house, order)
        assert counts(house, name) == (1, 0, 2)

    return hear(house), cancel(order), check


def two_groups_of_payments(house: House, name: str) -> Told:
    """Two groups of webhooks, each of two orders that share two items: all are sold, whoever waits for whom."""
    left, right = f"{name}.left", f"{name}.right"
    stock(house, left, 4)
    stock(house, right, 4)
    orders: list[OrderView] = []
    groups = []
    for group in range(2):
        for number in range(2):
            asked = items(left, right) if number else items(right, left)
            order = house.place(f"{name}/{group}{number}", items=asked)
            house.pay(house.checkout(order))
            orders.append(order)
        groups.append(hear(house))

    def check(one: Any, two: Any) -> None:
        house.finish()
        assert [house.see(order).state for order in orders] == ["paid"] * 4
        assert (counts(house, left), counts(house, right)) == ((0, 0, 4), (0, 0, 4))

    return groups[0], groups[1], check


def saying_and_placing(house: House, name: str) -> Told:
    """Somebody says that there is none left while it is ordered: what was promised first stays promised."""
    stock(house, name, 1)

    def check(said: Any, placed: Any) -> None:
        if isinstance(placed, Placed):
            assert isinstance(said, Conflict) and said.code == "stock_in_use"
            assert counts(house, name) == (0, 1, 0)
        else:
            assert isinstance(said, StockView)
            assert counts(house, name) == (0, 0, 0)

    return lambda world: set_stock(world, "default", name, 0, by="test"), place(f"{name}/a", items(name)), check


def restocking_twice(house: House, name: str) -> Told:
    """Two people say that the goods of an order are back: they come back once."""
    stock(house, name, 1)
    order = house.place(f"{name}/a", 0, items=items(name))

    def restock() -> Work:
        return lambda world: restock_order(world, "default", order.id, by="mai", reason="came by post")

    def check(one: Any, two: Any) -> None:
        assert isinstance(one, OrderView) and isinstance(two, OrderView)
        assert counts(house, name) == (1, 0, 0)

    return restock(), restock(), check


SAME: tuple[Scene, ...] = (
    the_last_piece, items_crosswise, replacing_crosswise, two_groups_of_payments, restocking_twice,
)  # fmt: skip
OTHER: tuple[Scene, ...] = (
    giving_back_and_placing, closing_twice, coming_back_and_placing, paying_and_cancelling, saying_and_placing,
)  # fmt: skip


@pytest.mark.parametrize("scene", [*SAME, *OTHER], ids=lambda scene: scene.__name__)
def test_however_two_of_them_are_interleaved_no_piece_is_lost_or_promised_twice(house: House, scene: Scene) -> None:
    """C13: whoever comes second reads the counts again, under the lock."""
    every_interleaving(house, scene, swap=False, by_statement=True)


@pytest.mark.parametrize("scene", list(OTHER), ids=lambda scene: scene.__name__)
def test_whichever_of_the_two_begins_no_piece_is_lost_or_promised_twice(house: House, scene: Scene) -> None:
    """C13: the other one is interrupted at each of its boundaries."""
    every_interleaving(house, scene, swap=True, by_statement=True)


@pytest.mark.parametrize("scene", [*SAME, *OTHER], ids=lambda scene: scene.__name__)
def test_stock_holds_where_the_database_runs_one_transaction_after_the_other(house: House, scene: Scene) -> None:
    """C13: correct under READ COMMITTED and under SERIALIZABLE."""
    every_interleaving(house, scene, swap=False, limits=Limits(serializable=True))


CROSSWISE: tuple[Scene, ...] = (items_crosswise, replacing_crosswise, two_groups_of_payments)


@pytest.mark.parametrize("scene", CROSSWISE, ids=lambda scene: scene.__name__)
def test_who_waits_for_stock_never_waits_in_a_circle(house: House, scene: Scene) -> None:
    """L2: all stock of a transaction is locked at once and last, so that nobody has to begin again; where everything is
    SERIALIZABLE, only who read what another one wrote meanwhile, and never for a deadlock.
    """
    errors: list[str] = []
    every_interleaving(house, scene, swap=False, by_statement=True, errors=errors)
    assert set(errors) <= ({SERIALIZATION_FAILURE} if IS_POOR else set())
