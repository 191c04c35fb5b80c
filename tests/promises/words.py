"""Genuine words of the provider that its simulator would not say by itself: events of any content, really signed."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.signing import stripe_signature
from payonce.usecases.answers import Received
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import SECRET, House

_numbers = count(1)


def intent(attempt_id: UUID | None, name: str = "pi_1", status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """A payment intent as an event carries it; of our attempt, where one is given."""
    marks = {"payonce_attempt": ids.show(ids.ATTEMPT, attempt_id)} if attempt_id else {}
    amount = more.pop("amount", 4500)
    return {
        "id": name, "object": "payment_intent", "status": status, "amount": amount, "currency": "usd",
        "amount_received": amount if status == "succeeded" else 0, "metadata": marks, "latest_charge": None,
        "last_payment_error": None, "livemode": False,
    } | more  # fmt: skip


def event(kind: str, found: dict[str, Any], house: House, **more: Any) -> dict[str, Any]:
    """The envelope, made now."""
    made = {
        "id": f"evt_written_{next(_numbers)}", "object": "event", "type": kind, "livemode": False,
        "created": int(house.clock.now().timestamp()), "data": {"object": found}, "pending_webhooks": 1,
    }  # fmt: skip
    return made | more


def delivery(
    house: House, told: dict[str, Any] | bytes, *, secret: str = SECRET, account: str | None = None
) -> Delivery:
    """The event as it comes over the wire, signed now."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    mark = stripe_signature((secret,), int(house.clock.now().timestamp()), body)
    return Delivery("stripe", account, {"stripe-signature": mark}, body)


def hear(house: House, *told: dict[str, Any] | bytes, merchant: str = DEFAULT_MERCHANT, **more: Any) -> list[Received]:
    """Deliver all of it as one group."""
    return house.run(receive(house.world, merchant, [delivery(house, one, **more) for one in told]))


def succeeded(house: House, attempt_id: UUID | None, name: str = "pi_1", **more: Any) -> dict[str, Any]:
    """The event that tells of a payment."""
    return event("payment_intent.succeeded", intent(attempt_id, name, **more), house)
