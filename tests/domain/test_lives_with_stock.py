"""Whole lives of a purpose whose orders take from stock that others take from as well: none is lost or made (S19)."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from payonce.domain import stock
from payonce.domain.policy import SurplusPolicy
from payonce.domain.reservation import Reservation, StockItem
from tests.domain.lives import Act, Life, acts, policies

ON_HAND = 4
# What an order of each state may have of its items.
ALLOWED = {"waiting": {"wanted"}, "open": {"held"}, "paid": {"sold"}, "closed": {"wanted", "returned"}}


class StockedLife(Life):
    """A life whose orders ask for one seat, or as many as their amount says; other purposes take seats meanwhile."""

    def __init__(self, policy: SurplusPolicy) -> None:
        super().__init__(policy)
        [order] = self.book.orders.values()
        self.book.stock = {"seat": StockItem(UUID(int=1), "seat", ON_HAND - 1, 1, 0)}
        self.book.reservations = {(order.id, "seat"): Reservation(order.id, "seat", 1, "held")}
        self.others = 0

    def _place(self, amount: int) -> None:
        book, items = self.book, {"seat": 1 + amount % 3}
        if stock.short(book, items, giving=book.holder()):
            return
        before = set(book.orders)
        super()._place(amount)
        for order_id in set(book.orders) - before:
            order = book.orders[order_id]
            stock.want(book, order, items)
            assert order.state == "waiting" or stock.reserve(book, order)

    def _others(self, pieces: int) -> None:
        """Orders of other purposes take pieces, or (below zero) give them back."""
        item = self.book.stock["seat"]
        taken = max(min(pieces, item.free), -self.others)
        item.shift(taken, "free", "held")
        self.others += taken

    def _record(self) -> None:
        super()._record()
        item = self.book.stock["seat"]
        sums = {"held": self.others, "sold": 0, "wanted": 0, "returned": 0}
        for reservation in self.book.reservations.values():
            sums[reservation.state] += reservation.quantity
            order = self.book.orders[reservation.order_id]
            assert reservation.state in ALLOWED[order.state], (order, reservation)
        assert (item.on_hand, item.held, item.sold) == (ON_HAND, sums["held"], sums["sold"])
        assert item.free >= 0


def stocked_acts() -> st.SearchStrategy[list[Act]]:
    """The acts of any life, and between them what others do."""
    others = st.tuples(st.just("others"), st.integers(-ON_HAND, ON_HAND))
    return st.tuples(acts(), st.lists(st.tuples(st.integers(0, 30), others), min_size=1, max_size=6)).map(
        lambda drawn: _between(*drawn)
    )


def _between(lived: list[Act], others: list[tuple[int, Act]]) -> list[Act]:
    for place, act in others:
        lived = [*lived[:place], act, *lived[place:]]
    return lived


@settings(max_examples=100, deadline=None, derandomize=True)
@given(policy=policies(), lived=stocked_acts())
def test_whatever_happens_each_piece_is_free_held_or_sold_and_no_order_has_what_it_may_not(
    policy: SurplusPolicy, lived: list[Act]
) -> None:
    """C13: after every act of a random life, stock is where the states of the orders say."""
    life = StockedLife(policy)
    life.settle_down()
    for act in lived:
        life.live(act)
