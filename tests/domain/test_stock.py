"""Stock in the rules: every way of an order with every state of what it asks for. All or none; sold and back once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from uuid import UUID

import pytest

from payonce.base.errors import Bug, Conflict
from payonce.domain import checkout, purpose, stock
from payonce.domain.book import Book, Rules
from payonce.domain.checkout import Dead, Offer, Terms
from payonce.domain.order import Order
from payonce.domain.policy import Policy, SurplusPolicy
from payonce.domain.reservation import STATES, Reservation, StockItem
from tests.domain.purposes import an_attempt, an_order, capture_of, join, new_book, payment

# What an order in each state has of its items, where nothing went wrong.
HAS = {"waiting": "wanted", "open": "held", "paid": "sold", "closed": "returned"}


def stocked(book: Book, order: Order, items: dict[str, int], free: int, state: str | None = None) -> None:
    """Let the order ask for the items and have what its state says; so many more of each are free."""
    state = state or HAS[order.state]
    order.has_items = True
    for sku, quantity in items.items():
        item = book.stock.setdefault(sku, StockItem(UUID(int=len(book.stock)), sku, free, 0, 0))
        if state in ("held", "sold"):
            item.free += quantity
            item.shift(quantity, "free", state)
        book.reservations[order.id, sku] = Reservation(order.id, sku, quantity, state)


def counts(book: Book, sku: str = "seat") -> tuple[int, int, int]:
    """(free, held, sold)"""
    item = book.stock[sku]
    return item.free, item.held, item.sold


def has(book: Book, order: Order) -> list[str]:
    """The states of what the order asks for, by sku."""
    return [each.state for each in book.reservations_of(order)]


def pay_open(book: Book, order: Order) -> None:
    [attempt] = book.attempts_of(order)
    join(book, attempt, payment(attempt))


def pay_late(book: Book, order: Order) -> None:
    [attempt] = book.attempts_of(order)
    join(book, attempt, payment(attempt, source="poll"))


def come_back(book: Book, order: Order) -> None:
    checkout.next_step(book, order, Terms("stripe", "main", "payment_intent", Policy().lease), Policy())


# The order's state, what is done, and with enough stock and without: the order's state then, and what it has.
WAYS: dict[str, tuple[str, Callable[[Book, Order], None], tuple[str, str], tuple[str, str]]] = {
    "promoted": ("waiting", lambda b, o: purpose.reconsider(b), ("open", "held"), ("closed", "wanted")),
    "never opened": ("waiting", lambda b, o: purpose.close_order(b, o, "cancelled"),
                     ("closed", "wanted"), ("closed", "wanted")),
    "paid": ("open", pay_open, ("paid", "sold"), ("paid", "sold")),
    "closed": ("open", lambda b, o: purpose.close_order(b, o, "expired"),
               ("closed", "returned"), ("closed", "returned")),
    "reopened": ("closed", come_back, ("open", "held"), ("closed", "returned")),
    "paid late": ("closed", pay_late, ("paid", "sold"), ("closed", "returned")),
    "paid again": ("paid", pay_late, ("paid", "sold"), ("paid", "sold")),
}  # fmt: skip


@pytest.mark.parametrize("enough", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_an_order_moves_its_stock_with_it(way: str, enough: bool) -> None:
    """C13: held while it can be paid, sold once it is paid, returned once it is closed; and none is lost or made."""
    state, act, with_stock, without = WAYS[way]
    order = an_order(state=state, opened_at=None if state == "waiting" else an_order().opened_at)
    tries = [] if state == "waiting" else [an_attempt(order, state="open" if state == "open" else "closed")]
    if state == "paid":
        order.allocated_minor = order.amount_minor
    book = new_book(order, attempts=tries)
    stocked(book, order, {"seat": 2, "meal": 1}, free=2)
    if not enough:
        # Of one item there is enough, and of the other one a piece too few: then nothing is taken of either.
        others = book.stock["seat"].free - 1
        book.stock["seat"].shift(others, "free", "sold")
    before = {sku: item.on_hand for sku, item in book.stock.items()}
    act(book, order)
    expected = with_stock if enough else without
    assert (order.state, has(book, order)) == (expected[0], [expected[1]] * 2)
    assert {sku: item.on_hand for sku, item in book.stock.items()} == before
    held = {"held": 2}.get(expected[1], 0)
    assert counts(book)[1] == held


def test_what_an_order_that_waited_cannot_have_closes_it_as_sold_out() -> None:
    """C12: the one before it is closed, and what it asks for is gone: it says so, and nobody can pay it."""
    order = an_order(state="waiting", opened_at=None)
    book = new_book(order)
    stocked(book, order, {"seat": 1}, free=0)
    purpose.reconsider(book)
    assert (order.state, order.closed_reason) == ("closed", "sold_out")
    assert [step.target for step in book.steps] == ["closed"]


@pytest.mark.parametrize("free", [0, 1])
def test_an_order_has_what_its_predecessor_gives_back_in_the_same_step(free: int) -> None:
    """C13: the last piece goes from the old order to the new one, and to nobody between them."""
    old, new = an_order(1, close_because="superseded"), an_order(2, "waiting", opened_at=None)
    book = new_book(old, new)
    stocked(book, old, {"seat": 1}, free=free)
    stocked(book, new, {"seat": 1 + free}, free=free)
    purpose.reconsider(book)
    assert (old.state, new.state, has(book, old), has(book, new)) == ("closed", "open", ["returned"], ["held"])
    assert counts(book) == (0, 1 + free, 0)


def test_a_late_payment_has_what_the_order_holds_that_makes_way_for_it() -> None:
    """X6: the open order beside it is closed, and its piece is the late one's."""
    late, other = an_order(1, "closed"), an_order(2)
    attempt = an_attempt(late, state="closed")
    book = new_book(late, other, attempts=[attempt])
    stocked(book, late, {"seat": 1}, free=0)
    stocked(book, other, {"seat": 1}, free=0)
    pay_late(book, late)
    assert (late.state, other.state, other.closed_reason) == ("paid", "closed", "superseded")
    assert (has(book, late), has(book, other), counts(book)) == (["sold"], ["returned"], (0, 0, 1))


@pytest.mark.parametrize(("answer", "surplus"), [("refund", 5000), ("hold", 0)])
def test_a_late_payment_without_stock_revives_nothing_and_goes_the_way_of_the_policy(answer: str, surplus: int) -> None:
    """X6: sold out is one of the reasons for which late money goes back, or waits for a person."""
    order = an_order(state="closed")
    attempt = an_attempt(order, state="closed")
    book = new_book(order, attempts=[attempt])
    book.rules = replace(Rules(), surplus=SurplusPolicy(late_else=answer))  # type: ignore[arg-type]
    stocked(book, order, {"seat": 1}, free=0)
    pay_late(book, order)
    assert (order.state, book.settlements, capture_of(book, attempt).surplus_minor) == ("closed", [], surplus)
    assert {finding.kind for finding in book.findings} == {"second_charge" if surplus else "late_payment"}
    assert counts(book) == (0, 0, 0)


@pytest.mark.parametrize("free", [0, 1])
def test_a_person_lets_held_money_pay_its_order_only_with_its_stock(free: int) -> None:
    """X6: an order that was cancelled is paid after all because a person says so, and nobody can sell what is gone."""
    order = an_order(state="closed", closed_reason="cancelled")
    attempt = an_attempt(order, state="closed")
    book = new_book(order, attempts=[attempt])
    book.rules = replace(Rules(), surplus=SurplusPolicy(late_else="hold"))
    stocked(book, order, {"seat": 1}, free=free)
    pay_late(book, order)
    if free:
        assert purpose.accept(book, order)
        assert (order.state, has(book, order)) == ("paid", ["sold"])
        return
    with pytest.raises(Conflict) as error:
        purpose.accept(book, order)
    assert (error.value.code, order.state, has(book, order)) == ("sold_out", "closed", ["returned"])


@pytest.mark.parametrize("free", [0, 1])
def test_a_part_that_comes_late_opens_its_order_again_only_with_its_stock(free: int) -> None:
    order = an_order(state="closed")
    attempt = an_attempt(order, state="closed")
    book = new_book(order, attempts=[attempt])
    stocked(book, order, {"seat": 1}, free=free)
    join(book, attempt, payment(attempt, captured=100, source="poll"))
    assert (order.state, has(book, order)) == (("open", ["held"]) if free else ("closed", ["returned"]))
    assert capture_of(book, attempt).surplus_minor == (0 if free else 100)


def test_a_payer_who_comes_back_to_what_is_sold_out_is_told_so_and_may_come_back_again() -> None:
    """D2: an order that expired is opened again once there is enough for it again."""
    order = an_order(state="closed")
    book = new_book(order)
    stocked(book, order, {"seat": 1}, free=0)
    terms = Terms("stripe", "main", "payment_intent", Policy().lease)
    assert checkout.next_step(book, order, terms, Policy()) == Dead("sold_out")
    assert (order.state, order.closed_reason, book.steps) == ("closed", "expired", [])
    book.stock["seat"].free = 1
    checkout.next_step(book, order, terms, Policy())
    assert (order.state, has(book, order)) == ("open", ["held"])


@pytest.mark.parametrize("free", [0, 1])
def test_where_a_provider_cannot_cancel_the_live_attempt_is_given_again_only_with_stock(free: int) -> None:
    """C13: there the order is closed and its stock is back while its attempt lives on."""
    order = an_order(state="closed")
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    book.rules = Rules(accounts={("stripe", "main"): replace(book.rules.of("stripe", "main"), can_close=False)})
    stocked(book, order, {"seat": 1}, free=free)
    step = checkout.next_step(book, order, Terms("stripe", "main", "payment_intent", Policy().lease), Policy())
    assert step == (Offer(attempt) if free else Dead("sold_out"))
    assert (order.state, counts(book)) == (("open", (0, 1, 0)) if free else ("closed", (0, 0, 0)))


@pytest.mark.parametrize("state", STATES)
def test_stock_is_given_back_once_and_only_what_is_held(state: str) -> None:
    """C13: whoever closes it again, and whatever its order has, nothing is returned twice."""
    order = an_order()
    book = new_book(order)
    stocked(book, order, {"seat": 3}, free=4, state=state)
    free = counts(book)[0]
    for _ in range(3):
        stock.give_back(book, order)
    assert counts(book)[0] == free + (3 if state == "held" else 0)
    assert has(book, order) == ["returned" if state == "held" else state]


@pytest.mark.parametrize("state", STATES)
def test_goods_come_back_once_and_only_what_was_sold(state: str) -> None:
    order = an_order(state="paid")
    book = new_book(order)
    stocked(book, order, {"seat": 1, "meal": 2}, free=5, state=state)
    back = [stock.restock(book, order, ["meal"]) for _ in range(2)] + [stock.restock(book, order)]
    assert back == ([["meal"], [], ["seat"]] if state == "sold" else [[], [], []])
    assert has(book, order) == ["returned" if state == "sold" else state] * 2


@pytest.mark.parametrize("state", ["wanted", "returned", "sold"])
def test_an_order_that_does_not_hold_its_stock_cannot_be_settled(state: str) -> None:
    order = an_order()
    book = new_book(order)
    stocked(book, order, {"seat": 1}, free=1, state=state)
    with pytest.raises(Bug):
        stock.sell(book, order)
    assert has(book, order) == [state]


def test_every_move_of_stock_is_a_step_that_says_what_and_how_much() -> None:
    """C5: who asks what became of a piece finds it in the audit of its order."""
    order = an_order()
    book = new_book(order, attempts=[an_attempt(order)])
    stocked(book, order, {"seat": 2}, free=0)
    pay_open(book, order)
    steps = [(s.subject_id, s.source, s.event, s.target, s.cause) for s in book.steps if s.subject == "reservation"]
    assert steps == [(order.id, "held", "sold", "sold", "seat x 2, test")]
    assert (book.changed_stock, book.changed_reservations) == ({"seat"}, {(order.id, "seat")})


def test_two_orders_never_have_more_than_there_is_whatever_happens_in_which_order() -> None:
    """C13: of the purposes that share an item, each takes from what the others left."""

    def open_it(book: Book, order: Order) -> None:
        purpose.reconsider(book)

    def close_it(book: Book, order: Order) -> None:
        if order.state == "open":
            purpose.close_order(book, order, "cancelled")

    for acts in permutations([(0, open_it), (1, open_it), (0, close_it), (1, close_it)]):
        orders = [an_order(n + 1, "waiting", opened_at=None, purpose=f"p{n}") for n in range(2)]
        books = [new_book(order) for order in orders]
        for book, order in zip(books, orders, strict=True):
            stocked(book, order, {"seat": 1}, free=1)
        books[1].stock = books[0].stock
        for which, act in acts:
            act(books[which], orders[which])
            assert sum(order.state == "open" for order in orders) == counts(books[0])[1] <= 1
            assert books[0].stock["seat"].on_hand == 1
