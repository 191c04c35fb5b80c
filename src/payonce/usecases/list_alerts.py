"""Show what was told of findings: messages, the newest first, and how routes are doing. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.alert import MESSAGE_STATES
from payonce.store.alerts import ALERTS
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

# What did not arrive for longer than a day is in the list, and no more news.
RECENT: Final = timedelta(days=1)
# A week says whether a route works at all.
REMEMBERED: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message: for which route, about what, of how many alerts, and what became of it."""

    id: UUID
    route: str
    kind: str
    tone: str
    alerts: int
    state: str
    tries: int
    begun_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Messages:
    """How many messages of a route are in a state."""

    route: str
    state: str
    messages: int


@dataclass(frozen=True, slots=True)
class RouteView:
    """How a route is doing: its messages of a week by state, when it last told something, and what waits for it."""

    name: str
    states: Mapping[str, int] = field(default_factory=dict)
    last_sent_at: datetime | None = None
    waiting: int = 0


async def list_alerts(
    world: World, merchant_id: str, *, limit: int = 20, state: str | None = None, route: str | None = None,
    before: UUID | None = None,
) -> list[MessageView]:  # fmt: skip
    """Messages, the newest first, behind the id `before`. Raises Refused `alert_state_unknown`."""
    if state is not None and state not in MESSAGE_STATES:
        known = ", ".join(MESSAGE_STATES)
        raise Refused(f"there are only {known}", code="alert_state_unknown", param="state")

    async def work(tx: Tx) -> list[MessageView]:
        given = {"limit": limit, "state": state, "route": route, "before": before}
        return [MessageView(*row) for row in await tx.rows(ALERTS.list_messages, merchant_id=merchant_id, **given)]

    return await world.database.transaction(work, name="list_alerts", read_only=True)


async def unfinished_alerts(world: World, merchant_id: str) -> list[Messages]:
    """Messages of the last day that are not known to have arrived, and alerts that wait for their message."""
    sent, waiting = await _count(world, merchant_id, RECENT)
    return [
        *(Messages(row.route, row.state, row.messages) for row in sent if row.state != "sent"),
        *(Messages(row.route, "waiting", row.alerts) for row in waiting),
    ]


async def routes_seen(world: World, merchant_id: str) -> dict[str, RouteView]:
    """How every route is doing that was used within a week, or that something waits for."""
    sent, waiting = await _count(world, merchant_id, REMEMBERED)
    left = {row.route: row.alerts for row in waiting}
    return {
        name: RouteView(
            name,
            {row.state: row.messages for row in sent if row.route == name},
            next((row.last_at for row in sent if (row.route, row.state) == (name, "sent")), None),
            left.get(name, 0),
        )
        for name in sorted({row.route for row in sent} | left.keys())
    }


async def _count(world: World, merchant_id: str, within: timedelta) -> tuple[list[Row], list[Row]]:
    async def work(tx: Tx) -> tuple[list[Row], list[Row]]:
        sent, waiting = await tx.all(
            (ALERTS.count_messages, {"merchant_id": merchant_id, "since": tx.now - within}),
            (ALERTS.count_waiting, {"merchant_id": merchant_id}),
        )
        return sent, waiting

    return await world.database.transaction(work, name="count_alerts", read_only=True)
