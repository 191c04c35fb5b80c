"""Settling is set-based: what a group costs in statements and round trips does not depend on how many it holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from payonce.store.database import Call, Database, Query, Row, Tx
from payonce.usecases.receive import Delivery, receive
from tests.support.house import House

T = TypeVar("T")


class Counted:
    """The port over `inner`, which notes what every round trip of a transaction sends."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.trips: list[list[str]] = []

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work`; see the port."""

        async def counted(tx: Tx) -> T:
            self.trips.append([])
            return await work(_CountedTx(tx, self.trips))

        return await self._inner.transaction(counted, name=name, read_only=read_only)


class _CountedTx:
    def __init__(self, inner: Tx, trips: list[list[str]]) -> None:
        self._inner = inner
        self._trips = trips
        self._last = trips[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def all(self, *calls: Call) -> list[list[Row]]:
        """Note the calls as a round trip before the last one."""
        self._trips.insert(len(self._trips) - 1, [query.name for query, _ in calls])
        return await self._inner.all(*calls)

    def later(self, query: Query, /, **params: object) -> None:
        """Note what goes with the COMMIT."""
        self._last.append(query.name)
        self._inner.later(query, **params)


def trips_of(house: House, payments: int) -> list[list[str]]:
    """What settling so many new payments in one group sends to the database."""
    seen = len(house.rows("SELECT order_id FROM orders"))
    for number in range(seen, seen + payments):
        house.pay(house.checkout(house.place(f"fee:{number}:2026-05")))
    owed = house.owed_webhooks()
    paid = [each for each in owed if b'"payment_intent.succeeded"' in each.body.replace(b" ", b"")]
    counted = Counted(house.world.database)
    world = replace(house.world, database=counted)
    group = [
        Delivery("stripe", None, {name.lower(): value for name, value in each.headers}, each.body) for each in paid
    ]
    received = house.run(receive(world, "default", group))
    assert [(one.verdict, one.outcome) for one in received] == [("accepted", "applied")] * payments
    return counted.trips


def test_a_group_costs_the_same_statements_and_round_trips_whatever_its_size(house: House) -> None:
    """D4: one event is a batch of one; forty are a batch of forty, and not forty statements."""
    lone, forty = trips_of(house, 1), trips_of(house, 40)
    assert forty == lone
    # Known and resolved; locked and loaded; written with the COMMIT.
    assert len(lone) == 3
    assert all(len(set(trip)) == len(trip) for trip in lone), "one statement for each table"
    assert house.rows("SELECT count(*) FROM settlements") == [(41,)]
