"""Show one event of the inbox with its body, byte for byte as it came. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.list_events import EventView
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")


@dataclass(frozen=True, slots=True)
class EventShown:
    """An event and the bytes that came; none, once they were erased."""

    event: EventView
    body: bytes = field(repr=False)
    erased_at: datetime | None = None


async def show_event(world: World, merchant_id: str, event_id: UUID) -> EventShown:
    """The event. Raises Refused `event_unknown` (404)."""

    async def work(tx: Tx) -> Row | None:
        return await tx.one(EVENTS.show_event, merchant_id=merchant_id, event_id=event_id)

    row = await world.database.transaction(work, name="show_event", read_only=True)
    if row is None:
        raise Refused("there is no such event", code="event_unknown", status=404)
    view = EventView(
        row.event_id, row.provider, row.account, row.source, row.event_key, row.type, row.state, row.reason,
        row.order_id, row.attempt_id, row.tries, row.next_try_at, row.received_at, row.occurred_at,
    )  # fmt: skip
    return EventShown(view, bytes(row.body), row.erased_at)
