"""An order of other values is placed while the former one's create is on its way, where nothing can be cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from payonce.providers.transport import Answer, Request, Transport
from payonce.usecases.answers import Checkout
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.conftest import Build
from tests.support.parties import nowpayments_seat


class Interrupted:
    """A network on which something else happens, once, before the answer to a create comes."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.meanwhile: Callable[[], Any] | None = None

    async def send(self, request: Request) -> Answer:
        answer = await self._inner.send(request)
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
        return answer


def test_an_address_that_nobody_was_given_blocks_no_newer_order(build: Build) -> None:
    """L6: it cannot be cancelled, and was overtaken before anybody was led to it: it is abandoned, and watched."""
    made: list[Interrupted] = []

    def wrap(inner: Transport) -> Any:
        made.append(Interrupted(inner))
        return made[-1]

    house = build(seat=nowpayments_seat, transport=wrap)
    order = house.place()
    newer: list[Any] = []
    made[0].meanwhile = lambda: newer.append(house.place(amount_minor=9900))
    checkout = house.checkout(order)
    assert (checkout.order_id, house.see(order).closed_reason) == (newer[0].id, "superseded")
    assert house.rows("SELECT state, disclosed_at IS NULL FROM attempts ORDER BY attempt_id") == [
        ("abandoned", True), ("open", False),
    ]  # fmt: skip
    house.pay(checkout)
    house.deliver_owed()
    house.retry()
    assert (house.see(newer[0]).state, house.see(newer[0]).counters.recorded) == ("paid", 1)


def test_an_order_that_was_cancelled_meanwhile_blocks_no_newer_one(build: Build) -> None:
    """L6: the same where the merchant cancelled it, and another order of the purpose comes later."""
    made: list[Interrupted] = []

    def wrap(inner: Transport) -> Any:
        made.append(Interrupted(inner))
        return made[-1]

    house = build(seat=nowpayments_seat, transport=wrap)
    order = house.place()
    made[0].meanwhile = lambda: house.run(cancel_order(house.world, DEFAULT_MERCHANT, order.id))
    assert not isinstance(house.click(order), Checkout)
    assert house.see(order).closed_reason == "cancelled"
    assert house.checkout(house.place(amount_minor=9900)).outcome == "new"
