"""A worker that sleeps between its last look and its call, for longer than the provider remembers its key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from payonce.store.database import Database, Tx
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.acts import DAY, MINUTE
from tests.promises.conftest import Build
from tests.promises.money_back import gone

T = TypeVar("T")


class Sleepy:
    """A database after one of whose transactions something else happens, once, before the caller goes on."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.meanwhile: dict[str, Callable[[], None]] = {}

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        result = await self._inner.transaction(work, name=name, read_only=read_only)
        self.meanwhile.pop(name, lambda: None)()
        return result


def test_a_refund_is_not_sent_by_who_slept_until_its_key_was_forgotten(build: Build) -> None:
    """X3: the key makes one of two sendings only while the provider remembers it; who slept past the lease sends
    nothing, because somebody else went on.
    """
    made: list[Sleepy] = []

    def wrap(inner: Database) -> Any:
        made.append(Sleepy(inner))
        return made[-1]

    house = build(database=wrap)
    order = house.place()
    house.pay(house.checkout(order))
    house.deliver_owed()
    house.run(ask_refund(house.world, DEFAULT_MERCHANT, order.id, reason="a part", actor="ann", amount_minor=1000))

    def sleep() -> None:
        house.clock.move(MINUTE)
        house.send_refunds()
        house.clock.move(DAY + MINUTE)

    made[0].meanwhile["begin_refund"] = sleep
    house.send_refunds()
    house.deliver_owed()
    assert gone(house) == [("succeeded", 1000)]
    assert house.rows("SELECT state FROM refunds") == [("succeeded",)]
