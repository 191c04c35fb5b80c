"""Clicks of one host in virtual time: gathered for a moment, decided together, and never by a process that is dead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.simulation.scheduler import MICRO, Actor, Scheduler
from payonce.simulation.together import Together
from payonce.store.database import Tx
from payonce.usecases.answers import OrderView
from payonce.usecases.together import Case, Drafts
from tests.support.house import House


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    built = House(database_url)
    yield built
    built.close()


class Street:
    """Whoever clicks at one host, and how many were decided together each time."""

    def __init__(self, house: House) -> None:
        self.house, self.scheduler, self.sizes = house, Scheduler(), list[int]()
        self._together = Together(self.scheduler, "web-1", 0.3, lambda key, story: house.world, self.sizes.append)

    def click(self, key: str, order: OrderView, after: float) -> Actor:
        """Somebody clicks on an order, so many seconds from now."""
        case = Case(order.id, "test", self.house.world.ids.new(), _reference)
        return self.scheduler.spawn(key, key, "web-1", self._decide(case), after=after)

    async def _decide(self, case: Case[str]) -> str:
        return await self._together.decide("created", "default", case)


async def _reference(tx: Tx, book: Book, order: Order, drafts: Drafts) -> str:
    return order.reference


def test_what_comes_within_a_moment_is_decided_together(house: House) -> None:
    street = Street(house)
    orders = [house.place(f"fee:{number}") for number in range(3)]
    moments = zip("abc", orders, (0.0, 0.2, 0.9), strict=True)
    actors = [street.click(key, order, after) for key, order, after in moments]
    street.scheduler.run_all(5 * MICRO)
    assert [actor.result for actor in actors] == [order.reference for order in orders]
    assert street.sizes == [2, 1]


def test_whoever_comes_after_the_process_died_is_answered_by_its_successor(house: House) -> None:
    street = Street(house)
    scheduler, order = street.scheduler, house.place()
    before = [street.click("a", order, 0.0), street.click("b", order, 0.1)]

    def die() -> None:
        for actor in scheduler.actors():
            if "+created" in actor.key:
                scheduler.kill(actor)

    scheduler.at(MICRO // 5, "death", die)
    after = [street.click("c", order, 1.0), street.click("d", order, 1.1)]
    scheduler.run_all(9 * MICRO)
    assert [actor.state for actor in (*before, *after)] == ["dead", "dead", "done", "done"]
    assert street.sizes == [2]
    scheduler.close()
