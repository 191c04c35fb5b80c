"""What the API answers about alerts and silences, as it is described in OpenAPI."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from payonce.api.v1.described_base import Described


class AlertMessage(Described):
    """A message about findings of one kind for one route. `unknown`: it may have arrived, and is not sent again."""

    id: str
    object: Literal["alert"]
    route: str
    kind: str
    tone: Literal["raised", "resolved", "ended"]
    alerts: int
    state: Literal["claimed", "sent", "failed", "unknown", "dead"]
    tries: int
    begun_at: str
    due_at: str | None
    ended_at: str | None
    answer: str | None


class AlertPage(Described):
    """One page of messages, the newest first."""

    object: Literal["list"]
    data: list[AlertMessage]
    has_more: bool


class AlertRouteShown(Described):
    """Where alerts go. Empty lists let everything pass; `messages` counts those of a week by state."""

    object: Literal["alert_route"]
    name: str
    leads_to: str
    kinds: list[str]
    severities: list[str]
    providers: list[str]
    group_seconds: int
    last_sent_at: str | None
    waiting: int
    messages: dict[str, int]


class AlertRouteList(Described):
    """All routes of the merchant."""

    object: Literal["list"]
    data: list[AlertRouteShown]
    has_more: bool


class TestedRoute(Described):
    """What became of a test message."""

    route: str
    outcome: Literal["accepted", "refused", "unknown"]
    says: str


class AlertTest(Described):
    """What became of the test messages, by route."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"object": "alert_test", "data": [{"route": "pager", "outcome": "accepted", "says": "202"}]},
            ]
        },
    )

    object: Literal["alert_test"]
    data: list[TestedRoute]


class Silence(Described):
    """What somebody does not want to be told of until `ends_at`. `held`: how many alerts it kept back."""

    id: str
    object: Literal["silence"]
    kind: str | None
    severity: str | None
    provider: str | None
    order_id: str | None
    author: str
    reason: str
    begins_at: str
    ends_at: str
    holds: bool
    held: int
    ended_by: str | None
    ended_why: str | None


class SilencePage(Described):
    """One page of silences, the newest first."""

    object: Literal["list"]
    data: list[Silence]
    has_more: bool
