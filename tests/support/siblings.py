"""Orders with siblings, as an import or an older state makes them: our own ways to order cannot bring them about."""

from __future__ import annotations

from typing import Any

from payonce.providers.transport import Answer, Request, Transport
from payonce.usecases.answers import OrderView
from tests.support.house import House


class Watched:
    """A transport that remembers which calls went through it."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.calls: list[str] = []

    async def send(self, request: Request) -> Answer:
        self.calls.append(f"{request.method} {request.url}")
        return await self._inner.send(request)


def place_paid(house: House, purpose: str, **more: Any) -> OrderView:
    """An order that is paid, as its provider told."""
    order = house.place(purpose, **more)
    house.pay(house.checkout(order))
    house.deliver_owed()
    return house.see(order)


def import_sharing(
    house: House, sibling: OrderView, purpose: str, *, state: str = "open", owned: bool = True, **more: Any
) -> OrderView:
    """An open order whose attempt names the payment of the sibling. `owned`: the sibling's attempt owns the reference;
    else nobody does, and both only name it.
    """
    stuck = house.place(purpose, **more)
    checkout = house.checkout(stuck)
    house.rows("DELETE FROM provider_refs WHERE order_id = %s RETURNING 1", stuck.id)
    if not owned:
        house.rows(
            "DELETE FROM provider_refs AS r WHERE order_id = %s AND NOT EXISTS (SELECT 1 FROM captures AS c"
            " WHERE c.ref = r.ref) RETURNING 1", sibling.id,
        )  # fmt: skip
    house.rows(
        "UPDATE attempts SET state = %s, handle_ref = (SELECT handle_ref FROM attempts WHERE order_id = %s)"
        " WHERE attempt_id = %s RETURNING 1", state, sibling.id, checkout.attempt_id,
    )  # fmt: skip
    return house.see(stuck)


def money_of(house: House) -> list[tuple[object, ...]]:
    """All that was posted, captured and settled."""
    return house.rows(
        "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM postings), (SELECT count(*) FROM captures),"
        " (SELECT count(*) FROM settlements), (SELECT sum(amount_minor) FROM postings WHERE account = 'orders')"
    )
