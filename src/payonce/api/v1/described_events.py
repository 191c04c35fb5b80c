"""What the API answers about the inbox, as it is described in OpenAPI."""

from __future__ import annotations

from typing import Literal

from payonce.api.v1.described_base import Described


class Event(Described):
    """An event of the inbox, without its body."""

    id: str
    object: Literal["event"]
    provider: str
    account: str
    source: str
    key: str
    type: str
    state: Literal["received", "applied", "ignored", "failed", "quarantined"]
    reason: str
    order_id: str | None
    attempt_id: str | None
    tries: int
    next_try_at: str | None
    received_at: str
    occurred_at: str | None


class UnhandledType(Described):
    """An event type that is stored and not handled."""

    provider: str
    type: str
    events: int
    last_at: str


class Replayed(Described):
    """What became of an event that was applied again."""

    id: str
    object: Literal["event_replay"]
    state: str
    reason: str
    order_id: str | None
    attempt_id: str | None


class EventPage(Described):
    """One page of events, the newest first, and which types nobody handles."""

    object: Literal["list"]
    data: list[Event]
    has_more: bool
    unhandled: list[UnhandledType]
