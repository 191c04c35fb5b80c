"""Flows of orders and checkouts: from the wish to the page where it is paid, and back."""

from __future__ import annotations

from functools import partial
from typing import Any

from payonce.domain.policy import Policy
from payonce.usecases.answers import Checkout, OrderView
from payonce.usecases.restock_order import restock_order
from payonce.usecases.set_stock import set_stock
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.crash.lives import Flow
from tests.crash.mortal import DAY, HOUR, MINUTE, MortalHouse
from tests.promises.acts import cancel, heal, refresh, spoil
from tests.support.meeting import Meeting, clicks_on
from tests.support.parties import Seating, nowpayments_seat, stripe_seat, zalopay_seat

SEAT = [{"sku": "seat", "quantity": 1}]


def by_intent() -> Seating:
    """Stripe, whose payers stay on the application's own page."""
    return partial(stripe_seat, flow="payment_intent")


def nothing_before(house: MortalHouse) -> None:
    """An empty house."""


def placed(house: MortalHouse) -> OrderView:
    """An open order that nobody has clicked on."""
    return house.place()


def with_page(house: MortalHouse) -> OrderView:
    """An order with a page to pay on."""
    order = house.place()
    house.checkout(order)
    return order


def with_old_page(house: MortalHouse) -> OrderView:
    """An order whose page is stale."""
    order = with_page(house)
    house.clock.move(31 * MINUTE)
    return order


def paid_in_silence(house: MortalHouse) -> OrderView:
    """An order that was paid, and nobody told us yet."""
    order = house.place()
    house.pay(house.checkout(order))
    return order


def paid(house: MortalHouse) -> OrderView:
    """An order that is paid and known to be."""
    order = paid_in_silence(house)
    house.deliver_owed()
    return order


def with_lost_create(house: MortalHouse) -> OrderView:
    """An order whose page was made, and its answer lost."""
    order = house.place()
    spoil(house, "*", when="after", times=None)
    house.click(order)
    heal(house)
    house.clock.move(MINUTE)
    return order


def with_one_seat(house: MortalHouse) -> OrderView | None:
    """A shelf with two seats."""
    house.run(set_stock(house.world, DEFAULT_MERCHANT, "seat", 2, by="test"))
    return None


def seat_held(house: MortalHouse) -> OrderView:
    """An order that holds a seat, with a page."""
    with_one_seat(house)
    order = house.place(items=SEAT)
    house.checkout(order)
    return order


def seat_sold(house: MortalHouse) -> OrderView:
    """An order whose seat is sold."""
    with_one_seat(house)
    order = house.place(items=SEAT)
    house.pay(house.checkout(order))
    house.deliver_owed()
    return order


def click(house: MortalHouse, order: OrderView, **more: Any) -> object:
    """Click on Pay."""
    return house.click(order, **more)


def come_back(house: MortalHouse, order: OrderView) -> None:
    """The payer comes back and pays."""
    house.pay_in_the_end(order)


def place_and_pay(house: MortalHouse, _: object, **wish: Any) -> None:
    """Whoever placed the order looks whether it is there, and its payer pays."""
    house.pay_in_the_end(house.place(**wish))


def leave_it(house: MortalHouse, _: object) -> None:
    """Nobody comes back, for some days."""
    house.heal((25 * HOUR, MINUTE, 16 * MINUTE, DAY))


def placing(name: str, set_up: Any, **wish: Any) -> Flow:
    """Place an order; whoever got no answer asks again, and it is paid."""
    return Flow(
        f"place {name}", set_up, lambda house, _: house.place(**wish),
        lambda house, _: place_and_pay(house, _, **wish),
    )  # fmt: skip


def clicking(name: str, set_up: Any, *, pays: bool = True, asks_again: bool = True, **choices: Any) -> Flow:
    """Click on Pay. Whoever got no answer clicks again, and pays or stays away."""
    rest = come_back if pays else leave_it
    return Flow(f"checkout {name}", set_up, click, rest, choices, asks_again)


def two_placed(house: MortalHouse) -> list[OrderView]:
    """Two orders that nobody has clicked on."""
    return [house.place("fee:1"), house.place("fee:2")]


def click_together(house: MortalHouse, orders: list[OrderView]) -> object:
    """Clicks on both at the same moment, of which one comes twice: one transaction decides for all three."""
    return house.run(clicks_on([*orders, orders[0]], Meeting())(house.world))


def come_back_to_both(house: MortalHouse, orders: list[OrderView]) -> None:
    """Both payers come back and pay."""
    for order in orders:
        house.pay_in_the_end(order)


def left(house: MortalHouse, order: OrderView) -> None:
    """Pay by another way, because nothing was sent to the first address."""
    house.click(order, flow="payment", leave_attempt=1)


def pay_left(house: MortalHouse, order: OrderView) -> None:
    """The payer goes on with the way that he chose."""
    answer = house.insist(order, flow="payment")
    assert isinstance(answer, Checkout)
    house.pay(answer)
    house.heal((0.0, 61.0, 16 * MINUTE))


def restock(house: MortalHouse, order: OrderView) -> None:
    """Take the goods back into stock."""
    house.run(restock_order(house.world, DEFAULT_MERCHANT, order.id, by="ann", reason="it came back"))


def expire(house: MortalHouse, order: OrderView) -> None:
    """Old orders are closed."""
    house.clock.move(25 * HOUR)
    house.close_old()


def resolve(house: MortalHouse, order: OrderView) -> None:
    """The job that asks the provider."""
    house.clock.move(16 * MINUTE)
    house.resolve()


ORDERS = (
    placing("a new order", nothing_before),
    placing("the same order again", placed),
    placing("another amount", placed, amount_minor=5000),
    placing("another amount beside a page", with_page, amount_minor=5000),
    placing("another amount beside a lost create", with_lost_create, amount_minor=5000),
    Flow(
        "place another amount beside a payment nobody told of", paid_in_silence,
        lambda house, _: house.place(amount_minor=5000),
    ),
    placing("an order of a seat", with_one_seat, items=SEAT),
    Flow("place an order of nothing", nothing_before, lambda house, _: house.place(amount_minor=0),
         lambda house, _: house.heal((0.0, 61.0)), asks_again=True),
    clicking("first", placed),
    clicking("first, and nobody comes back", placed, pays=False, asks_again=False),
    clicking("first, by intent", placed, seat=by_intent()),
    Flow("checkouts that come together", two_placed, click_together, come_back_to_both, asks_again=True),
    clicking("with a page", with_page),
    clicking("with a stale page", with_old_page),
    clicking("with a stale page, and nobody comes back", with_old_page, pays=False, asks_again=False),
    clicking("after a lost create", with_lost_create),
    clicking("after a payment nobody told of", paid_in_silence),
    clicking("by attempts", with_old_page, policy=Policy(strategy="attempt")),
    clicking("first, at ZaloPay", placed, seat=zalopay_seat),
    clicking("with a stale page, at ZaloPay", with_old_page, seat=zalopay_seat),
    clicking("first, in coins", placed, seat=nowpayments_seat),
    clicking("first, in coins, by payment", placed, seat=partial(nowpayments_seat, flow="payment")),
    Flow("leave an address", with_page, left, pay_left, {"seat": nowpayments_seat}),
    Flow("refresh a page", with_page, lambda house, order: refresh(house, order), come_back),
    Flow("refresh after a payment", paid_in_silence, lambda house, order: refresh(house, order)),
    Flow("cancel", with_page, lambda house, order: cancel(house, order), leave_it),
    Flow("cancel beside a lost create", with_lost_create, lambda house, order: cancel(house, order), leave_it),
    Flow("cancel at ZaloPay", with_page, lambda house, order: cancel(house, order), leave_it, {"seat": zalopay_seat}),
    Flow("close old orders", with_page, expire, leave_it, asks_again=False),
    Flow("close an old order of a seat", seat_held, expire, leave_it, asks_again=False),
    Flow("close an old order, and its payer comes back", with_page, expire, come_back, asks_again=False),
    Flow("resolve a lost create", with_lost_create, resolve, come_back, asks_again=False),
    Flow("resolve a payment nobody told of", paid_in_silence, resolve, asks_again=False),
    Flow("set the stock", nothing_before, lambda house, _: with_one_seat(house)),
    Flow("restock", seat_sold, restock),
)  # fmt: skip
