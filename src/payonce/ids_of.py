"""The id of an order, however an application says it."""

from __future__ import annotations

from uuid import UUID

from payonce.base import ids
from payonce.usecases.answers import OrderView


def id_of(order: OrderView | UUID | str) -> UUID:
    """The id behind an order, its UUID, or its text `ord_…`. Raises Refused `id_invalid`."""
    if isinstance(order, OrderView):
        return order.id
    return order if isinstance(order, UUID) else ids.read(ids.ORDER, order)
