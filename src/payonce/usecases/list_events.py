"""List the inbox: events as they were received and what became of them, and the types that nobody handles (B11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")
STATES: Final = ("received", "applied", "ignored", "failed", "quarantined")


@dataclass(frozen=True, slots=True)
class EventView:
    """One event without its body. `key` is the provider's id of it; `reason` says why it is in its state."""

    id: UUID
    provider: str
    account: str
    source: str
    key: str
    type: str
    state: str
    reason: str
    order_id: UUID | None
    attempt_id: UUID | None
    tries: int
    next_try_at: datetime | None
    received_at: datetime
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unhandled:
    """A type that is stored and not handled: how many came, and when the last one did."""

    provider: str
    type: str
    events: int
    last_at: datetime


async def list_events(
    world: World,
    merchant_id: str,
    *,
    limit: int = 20,
    state: str | None = None,
    event_type: str | None = None,
    order_id: UUID | None = None,
    before: UUID | None = None,
) -> list[EventView]:
    """Events, the newest first; `before` is the last id of the page before. Raises Refused `event_state_unknown`."""
    if state is not None and state not in STATES:
        known = ", ".join(STATES)
        raise Refused(f"there are only {known}", code="event_state_unknown", param="state")

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(
            EVENTS.list_events, merchant_id=merchant_id, limit=limit, state=state, type=event_type, order_id=order_id,
            before=before,
        )  # fmt: skip

    rows = await world.database.transaction(work, name="list_events", read_only=True)
    return [EventView(*row) for row in rows]


async def unhandled_types(world: World, merchant_id: str) -> list[Unhandled]:
    """The types that came and are not handled, the most frequent first."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(EVENTS.count_unhandled, merchant_id=merchant_id)

    rows = await world.database.transaction(work, name="unhandled_types", read_only=True)
    return [Unhandled(*row) for row in rows]
