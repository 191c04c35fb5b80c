"""Stock of orders, from the wish to the goods and back. After every test the counts agree with what orders have (S19).

`seat` is what is rare here; `meal` is there in plenty.
"""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from payonce.base.errors import Conflict, PayonceError, Refused
from payonce.domain.policy import Policy, SurplusPolicy
from payonce.drivers.stepping import run_to_end
from payonce.joining import joined_world
from payonce.usecases.answers import AlreadyPaid, Checkout, Gone, OrderView, Placed
from payonce.usecases.close_orders import close_orders
from payonce.usecases.explain_order import explain_order
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.restock_order import restock_order
from payonce.usecases.set_stock import StockView, set_stock, show_stock
from tests.promises.acts import HOUR, MINUTE, cancel, expire, findings, intent_of
from tests.promises.conftest import Build
from tests.promises.soundness import everything
from tests.promises.words import hear, succeeded
from tests.support.house import House
from tests.support.poor import answered
from tests.support.waiting import DEADLINE_SECONDS

SEAT = [{"sku": "seat", "quantity": 1}]
BOTH = [{"sku": "seat", "quantity": 1}, {"sku": "meal", "quantity": 2}]


def stock(house: House, seats: int, meals: int = 100) -> None:
    """Say what there is."""
    for sku, on_hand in (("seat", seats), ("meal", meals)):
        house.run(set_stock(house.world, "default", sku, on_hand, by="test"))


def counts(house: House, sku: str = "seat") -> tuple[int, int, int]:
    """(free, held, sold)"""
    seen = house.run(show_stock(house.world, "default", sku))
    return seen.free, seen.held, seen.sold


def has(house: House, order: OrderView) -> list[tuple[str, int, str]]:
    """What the order has, as people see it."""
    return [(item.sku, item.quantity, item.state) for item in house.see(order).items]


def refused(house: House, **more: Any) -> PayonceError:
    """Place an order that is refused, and show that nothing changed."""
    before = everything(house)
    with pytest.raises((Refused, Conflict)) as error:
        house.place(**more)
    assert everything(house) == before
    return error.value


def test_what_an_order_asks_for_is_held_with_it_and_sold_once_it_is_paid(house: House) -> None:
    """C13: from the wish to the goods, each piece is counted in one place."""
    stock(house, 3)
    order = house.place(items=BOTH)
    assert (counts(house), counts(house, "meal")) == ((2, 1, 0), (98, 2, 0))
    assert has(house, order) == [("meal", 2, "held"), ("seat", 1, "held")]
    house.pay(house.checkout(order))
    house.deliver_owed()
    house.deliver_owed()
    assert (house.see(order).state, counts(house), counts(house, "meal")) == ("paid", (2, 0, 1), (98, 0, 2))
    assert {state for _, _, state in has(house, order)} == {"sold"}
    told = [line.says for line in house.run(explain_order(house.world, "default", order.id)).lines]
    assert [says.partition(", ")[0] for says in told if says.startswith("its stock")] == [
        "its stock: wanted → held (reserved", "its stock: wanted → held (reserved",
        "its stock: held → sold (sold", "its stock: held → sold (sold",
    ]  # fmt: skip


def test_an_order_without_items_touches_no_stock(house: House) -> None:
    stock(house, 1)
    before = house.rows("SELECT xmin::text, sku FROM stock_items ORDER BY sku")
    order = house.place()
    house.pay(house.checkout(order))
    house.deliver_owed()
    assert (has(house, order), house.rows("SELECT xmin::text, sku FROM stock_items ORDER BY sku")) == ([], before)


def test_of_an_order_that_cannot_have_all_nothing_is_placed_and_nothing_held(house: House) -> None:
    """C13: all of it or nothing, and which items are lacking is said."""
    stock(house, 1)
    error = refused(house, items=[{"sku": "seat", "quantity": 2}, {"sku": "meal", "quantity": 1}])
    assert (error.code, error.status, error.detail) == ("sold_out", 409, {"skus": ["seat"]})
    assert (counts(house), counts(house, "meal")) == ((1, 0, 0), (100, 0, 0))


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([{"sku": "unknown", "quantity": 1}], "stock_unknown"),
        ([{"sku": "seat", "quantity": 0}], "items_invalid"),
        ([{"sku": "seat", "quantity": True}], "items_invalid"),
        ([{"sku": "seat", "quantity": 1_000_001}], "items_invalid"),
        ([{"sku": "seat"}], "items_invalid"),
        ([*SEAT, *SEAT], "items_invalid"),
        ([{"sku": f"s{number}", "quantity": 1} for number in range(101)], "items_invalid"),
        ([{"sku": "", "quantity": 1}], "sku_invalid"),
        ([{"sku": "a b", "quantity": 1}], "sku_invalid"),
        ([{"sku": "a/b", "quantity": 1}], "sku_invalid"),
        ([{"sku": "a\x00", "quantity": 1}], "sku_invalid"),
        ([{"sku": 7, "quantity": 1}], "sku_invalid"),
    ],
)
def test_items_that_cannot_be_are_refused(house: House, items: list[dict[str, Any]], code: str) -> None:
    stock(house, 1)
    error = refused(house, items=items)
    assert (error.code, error.status) == (code, 422)
    assert (error.param or "").startswith("items")


def test_the_same_items_again_are_the_same_order_in_any_sequence_and_hold_nothing_more(house: House) -> None:
    """C12: items are among an order's values."""
    stock(house, 5)
    order = house.place(items=BOTH)
    assert house.place(items=BOTH[::-1]).id == order.id
    assert counts(house) == (4, 1, 0)


def test_other_items_are_another_order_that_has_what_the_former_one_gives_back(house: House) -> None:
    """C12: the last seat goes from the one to the other, also where the former one has a page that is closed first."""
    stock(house, 1)
    first = house.place(items=SEAT)
    house.checkout(first)
    second = house.place(items=BOTH, reference="other")
    assert (house.see(first).closed_reason, house.see(second).state) == ("superseded", "open")
    assert (has(house, first), has(house, second)) == (
        [("seat", 1, "returned")], [("meal", 2, "held"), ("seat", 1, "held")],
    )  # fmt: skip
    assert counts(house) == (0, 1, 0)


def test_for_other_items_that_are_not_to_be_had_the_former_order_is_not_closed(house: House) -> None:
    """D2: whoever asks for too much keeps what he has."""
    stock(house, 2)
    first = house.place(items=SEAT)
    assert refused(house, items=[{"sku": "seat", "quantity": 3}], reference="other").code == "sold_out"
    assert isinstance(house.click(first), Checkout)


def test_an_order_that_waits_and_whose_items_others_took_meanwhile_closes_as_sold_out(house: House) -> None:
    """C12: it waits while its predecessor's payment is on its way, and holds nothing that long."""
    stock(house, 2)
    first = house.place(items=SEAT)
    house.pay(house.checkout(first), "pm_usBankAccount_processing")
    house.deliver_owed()
    waiting = house.place(items=[{"sku": "seat", "quantity": 2}], reference="two")
    assert (waiting.state, has(house, waiting), counts(house)) == ("waiting", [("seat", 2, "wanted")], (1, 1, 0))
    house.place("of somebody else", items=SEAT)
    fail_debit(house, first)
    for _ in range(3):
        house.clock.move(MINUTE)
        house.deliver_owed()
        house.close_old()
        house.resolve()
    assert (house.see(first).state, house.see(waiting).closed_reason) == ("closed", "sold_out")
    assert (counts(house), has(house, waiting)) == ((1, 1, 0), [("seat", 2, "wanted")])


def fail_debit(house: House, order: OrderView) -> None:
    """Let the bank refuse the debit that is on its way."""
    [found] = house.stripe.truth.intents()
    house.stripe.bank.settle_debit(found.id, success=False)


@pytest.mark.parametrize("how", ["expired", "cancelled"])
def test_what_a_closed_order_held_is_free_again_once(house: House, how: str) -> None:
    """C13: however often and by whomever it is closed."""
    stock(house, 2)
    order = house.place(items=SEAT)
    house.checkout(order)
    if how == "expired":
        expire(house, order)
    for _ in range(2):
        cancel(house, order)
        house.close_old()
        house.resolve()
    assert (counts(house), has(house, order)) == ((2, 0, 0), [("seat", 1, "returned")])


def test_closed_by_many_at_once_its_stock_is_returned_once(house: House) -> None:
    """C13: jobs of several processes and the merchant close the same order at the same moment."""
    stock(house, 5)
    order = house.place(items=[{"sku": "seat", "quantity": 2}])
    house.clock.move(25 * HOUR)
    at_once(*[lambda: run_to_end(close_orders(house.world, "default"))] * 3, lambda: cancel(house, order))
    assert (house.see(order).state, counts(house)) == ("closed", (5, 0, 0))
    steps = house.rows("SELECT event FROM audit WHERE subject = 'reservation' ORDER BY audit_id")
    assert steps == [("reserved",), ("returned",)]


def at_once(*acts: Any) -> list[Any]:
    """Do all of it in threads that begin together; what came of each."""
    found: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def do(place: int, act: Any) -> None:
        start.wait(DEADLINE_SECONDS)
        try:
            found[place] = answered(act)
        except PayonceError as error:
            found[place] = error

    threads = [threading.Thread(target=do, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    return found


def test_of_ten_orders_for_the_last_three_pieces_three_are_placed(house: House) -> None:
    """C13: whoever is at it at the same moment, no piece is promised twice."""
    stock(house, 3)
    found = at_once(*[lambda n=n: house.place(f"race:{n}", items=SEAT) for n in range(10)])
    placed = [one for one in found if isinstance(one, OrderView)]
    assert (len(placed), counts(house)) == (3, (0, 3, 0))
    assert {one.code for one in found if isinstance(one, PayonceError)} == {"sold_out"}


def test_orders_that_name_their_items_in_other_sequences_do_not_block_each_other(house: House) -> None:
    """L2: stock is locked in one sequence, whatever the sequence of a wish."""
    stock(house, 50)
    wishes = [BOTH, BOTH[::-1]] * 5
    found = at_once(*[lambda n=n, i=i: house.place(f"cross:{n}", items=i) for n, i in enumerate(wishes)])
    assert all(isinstance(one, OrderView) for one in found), found
    assert (counts(house), counts(house, "meal")) == ((40, 10, 0), (80, 20, 0))


def test_the_payer_of_an_expired_order_has_its_items_again_or_is_told_that_they_are_gone(house: House) -> None:
    """D2: opened again with its stock, or 410 as long as there is none."""
    stock(house, 1)
    order = house.place(items=SEAT)
    expire(house, order)
    other = house.place("of somebody else", items=SEAT)
    answer = house.click(order)
    assert isinstance(answer, Gone) and answer.reason == "sold_out"
    assert refused(house, items=SEAT).code == "sold_out"
    assert (house.see(order).closed_reason, counts(house)) == ("expired", (0, 1, 0))
    cancel(house, other)
    assert isinstance(house.click(order), Checkout)
    assert (house.see(order).state, counts(house)) == ("open", (0, 1, 0))


def test_placed_again_an_expired_order_is_opened_with_its_items(house: House) -> None:
    """C12: the same values as the newest, merely expired order are that order."""
    stock(house, 1)
    order = house.place(items=SEAT)
    expire(house, order)
    assert counts(house) == (1, 0, 0)
    assert (house.place(items=SEAT).id, counts(house)) == (order.id, (0, 1, 0))


def late(house: House) -> tuple[OrderView, Checkout]:
    """An order with the only seat that expired although its page was paid in the end."""
    stock(house, 1)
    order = house.place(items=SEAT)
    checkout = house.checkout(order)
    expire(house, order)
    house.stripe.books.sessions[checkout.provider_ref or ""].status = "open"
    return order, checkout


def paid_late(house: House, checkout: Checkout) -> None:
    house.clock.move(MINUTE)
    house.pay(checkout)
    house.owed_webhooks()
    hear(house, succeeded(house, checkout.attempt_id, intent_of(house, checkout)))
    house.clock.move(MINUTE)
    house.resolve()


def test_a_late_payment_asks_for_its_stock_again_and_is_settled_where_there_is_some(house: House) -> None:
    """C13: what was returned is sold after all."""
    order, checkout = late(house)
    paid_late(house, checkout)
    assert (house.see(order).state, counts(house), findings(house)) == ("paid", (0, 0, 1), [])
    steps = house.rows("SELECT event FROM audit WHERE subject = 'reservation' ORDER BY audit_id")
    assert [event for (event,) in steps] == ["reserved", "returned", "reserved", "sold"]


def test_a_late_payment_whose_stock_is_gone_is_surplus_that_goes_back(house: House) -> None:
    """X6: where stock cannot be had the order stays closed, and its money is found and sent back."""
    order, checkout = late(house)
    other = house.place("of somebody else", items=SEAT)
    paid_late(house, checkout)
    seen = house.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("closed", 1, 0)
    assert (findings(house), [effect.kind for effect in seen.effects]) == (["second_charge"], [])
    assert house.rows("SELECT serves, amount_minor, reason FROM refunds") == [("surplus", 4500, "late_payment")]
    assert (counts(house), has(house, other)) == ((0, 1, 0), [("seat", 1, "held")])


def test_a_late_payment_whose_stock_is_gone_is_held_where_the_policy_says_so(build: Build) -> None:
    """X6: or a person decides; and once there is stock again, the money pays its order after all."""
    house = build(policy=Policy(surplus=SurplusPolicy(late_else="hold")))
    order, checkout = late(house)
    other = house.place("of somebody else", items=SEAT)
    paid_late(house, checkout)
    assert (house.see(order).state, findings(house)) == ("closed", ["late_payment"])
    cancel(house, other)
    house.click(order)
    assert (house.see(order).state, counts(house), findings(house)) == ("paid", (0, 0, 1), [])


def test_an_order_of_nothing_sells_its_items_at_once(house: House) -> None:
    """D16: settled without a provider, and its goods with it."""
    stock(house, 1)
    order = house.place(amount_minor=0, items=SEAT)
    assert (order.state, has(house, order), counts(house)) == ("paid", [("seat", 1, "sold")], (0, 0, 1))
    assert refused(house, purpose="another", amount_minor=0, items=SEAT).code == "sold_out"


def test_money_that_goes_back_returns_no_goods_and_a_person_returns_them_once(house: House) -> None:
    """C13: a refund says nothing of the goods; whoever has them again says so, with a reason."""
    stock(house, 2)
    order = house.place(items=SEAT)
    checkout = house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    house.stripe.bank.refund(intent_of(house, checkout))
    house.deliver_owed()
    assert (house.see(order).refunded_minor, counts(house)) == (4500, (1, 0, 1))
    for _ in range(2):
        back = house.run(restock_order(house.world, "default", order.id, by="mai", reason="came by post"))
        assert ([item.state for item in back.items], counts(house)) == (["returned"], (2, 0, 0))
    [found] = house.rows("SELECT actor, cause FROM audit WHERE event = 'restocked'")
    assert found == (
        "mai",
        "seat x 1, restocked: came by post",
    )
    assert isinstance(house.click(order), AlreadyPaid)


def test_goods_of_an_order_that_bought_none_cannot_come_back(house: House) -> None:
    stock(house, 2)
    before = everything(house)
    for order, skus in ((house.place(items=SEAT), None), (house.place("plain"), None)):
        with pytest.raises(Conflict) as error:
            house.run(restock_order(house.world, "default", order.id, by="mai", reason="why not", skus=skus))
        assert error.value.code == "nothing_to_restock"
    assert (counts(house), before["stock_items"] == []) == ((1, 1, 0), False)


def test_how_many_there_are_is_said_by_a_person_and_never_less_than_orders_have(house: House) -> None:
    """A12: what is held and sold stays theirs, and each change is in the audit with its reason."""
    stock(house, 3)
    house.pay(house.checkout(house.place("sold", items=SEAT)))
    house.deliver_owed()
    house.place("held", items=SEAT)
    for on_hand, free in ((2, 0), (10, 8), (10, 8)):
        said = house.run(set_stock(house.world, "default", "seat", on_hand, by="mai", reason="counted"))
        assert (said.on_hand, counts(house)) == (on_hand, (free, 1, 1))
    before = everything(house)
    for bad, code in (
        (1, "stock_in_use"),
        (-1, "on_hand_invalid"),
        (True, "on_hand_invalid"),
        (10**10, "on_hand_invalid"),
    ):
        with pytest.raises((Refused, Conflict)) as error:
            house.run(set_stock(house.world, "default", "seat", bad, by="mai"))
        assert error.value.code == code
    assert everything(house) == before
    rows = house.rows(
        "SELECT source, target, cause FROM audit WHERE subject = 'stock' AND actor = 'mai' ORDER BY audit_id"
    )
    assert rows == [("3", "2", "seat: counted"), ("2", "10", "seat: counted")]


def test_stock_said_by_many_at_once_is_one_of_what_they_said(house: House) -> None:
    found = at_once(*[
        lambda n=n: run_to_end(set_stock(house.world, "default", "new", n, by="test")) for n in (1, 2, 3, 4)
    ])  # fmt: skip
    assert all(isinstance(one, StockView) for one in found), found
    assert house.run(show_stock(house.world, "default", "new")).on_hand in (1, 2, 3, 4)


def test_inside_the_applications_transaction_stock_is_held_and_given_back_with_it(house: House) -> None:
    """B13: an order, its reservations and the application's own rows are one transaction."""
    stock(house, 1)
    with psycopg.connect(house._database_url) as connection:
        placed = place_inside(house, connection, "R-1")
        assert [item.state for item in placed.order.items] == ["held"]
        with pytest.raises(Conflict) as error:
            place_inside(house, connection, "R-2")
        assert error.value.code == "sold_out"
        connection.rollback()
        assert (counts(house), house.rows("SELECT order_id FROM orders")) == ((1, 0, 0), [])
        place_inside(house, connection, "R-3")
        connection.commit()
    assert counts(house) == (0, 1, 0)


def place_inside(house: House, connection: Any, reference: str) -> Placed:
    world = joined_world(house.world, {}, connection, house.clock)
    wish = PlaceOrder(reference, reference, 4500, "USD", "player 27", items=SEAT, success_url="https://shop.example/")
    return run_to_end(place_order(world, "default", wish, drive=False))
