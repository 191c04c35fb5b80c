"""An Event: what happened, with the object as it was then. And the endpoints that want to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """The API call that made something happen; both None when a payer, a bank or the clock did."""

    request_id: str | None = None
    idempotency_key: str | None = None


NOBODY = Cause()


@dataclass(slots=True)
class Event:
    """`waiting` holds the endpoints that have not taken it yet, `failed` those that never will."""

    id: str
    created: int
    type: str
    api_version: str
    object: dict[str, Any]
    previous: dict[str, Any] | None
    cause: Cause
    waiting: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    @property
    def delivered(self) -> bool:
        """Whether every endpoint that wanted it has taken it."""
        return not self.waiting and not self.failed

    def shown(self, api_version: str | None = None) -> dict[str, Any]:
        """The envelope. An endpoint with a version of its own gets that one."""
        data: dict[str, Any] = {"object": self.object}
        if self.previous is not None:
            data["previous_attributes"] = self.previous
        return {
            "id": self.id,
            "object": "event",
            "api_version": api_version or self.api_version,
            "created": self.created,
            "data": data,
            "livemode": False,
            "pending_webhooks": len(self.waiting),
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": self.type,
        }


@dataclass(slots=True)
class WebhookEndpoint:
    """Where events go. `secrets` are several while one is being rolled; shown only when the endpoint is made."""

    id: str
    created: int
    url: str
    enabled_events: list[str]
    secrets: tuple[str, ...]
    api_version: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    enabled: bool = True

    def wants(self, event_type: str) -> bool:
        """Whether it is subscribed to events of this type."""
        return self.enabled and ("*" in self.enabled_events or event_type in self.enabled_events)

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it, without its secret."""
        return {
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "application": None,
            "created": self.created,
            "description": self.description,
            "enabled_events": list(self.enabled_events),
            "livemode": False,
            "metadata": dict(self.metadata),
            "status": "enabled" if self.enabled else "disabled",
            "url": self.url,
        }
