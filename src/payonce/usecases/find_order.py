"""Find an order by whatever somebody has of it: its id, an attempt's, an event's, its reference, or a provider's id."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import Refused
from payonce.domain.book import RefKey
from payonce.store import books, queries
from payonce.store.database import Tx
from payonce.usecases.world import World

ORDERS: Final = queries.load("orders")
EVENTS: Final = queries.load("events")
# What providers name a payment by: Stripe, ZaloPay, NOWPayments.
KINDS: Final = ("payment_intent", "checkout_session", "charge", "order", "transaction", "invoice", "payment")


async def find_order(world: World, merchant_id: str, text: str) -> UUID:
    """The order that `text` names. Raises Refused `order_unknown` (404)."""
    text = text.strip()
    order_id = ids.read_or_none(ids.ORDER, text)
    attempt_id, event_id = ids.read_or_none(ids.ATTEMPT, text), ids.read_or_none(ids.EVENT, text)
    if order_id is not None:
        return order_id

    async def work(tx: Tx) -> UUID | None:
        if event_id is not None:
            event = await tx.one(EVENTS.show_event, merchant_id=merchant_id, event_id=event_id)
            return event.order_id if event else None
        named = await tx.one(ORDERS.order_by_reference, merchant_id=merchant_id, reference=text)
        if named is not None:
            found: UUID = named.order_id
            return found
        keys = [RefKey(provider, account, kind, text) for provider, account in world.tills for kind in KINDS]
        _, concerned = await books.resolve(tx, merchant_id, keys, [attempt_id] if attempt_id else [])
        return next((each.order_id for each in concerned.values()), None)

    result = await world.database.transaction(work, name="find_order", read_only=True)
    if result is None:
        raise Refused(
            f"nothing here is known as {text!r:.80}",
            code="order_unknown",
            status=404,
            hint="An order is found by its id (ord_…), its reference, att_…, evt_…, or the provider's own id.",
        )
    return result
