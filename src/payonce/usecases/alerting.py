"""What telling people of findings is handed: the routes, a channel for each, and how calls run beside each other.

A channel is called after the COMMIT that recorded its message, never inside a transaction. What it raises says nothing
about what happened; what it knows, it answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from payonce.domain.alert import Route
from payonce.domain.delivering import Outcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """One message for one route. `id` is the same at every try: what a receiver recognises a repetition by."""

    id: str
    route: str
    severity: str
    tone: str
    title: str
    body: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Channel(Protocol):
    """Tells one message to the receiver of one route, once, within its own deadline."""

    async def tell(self, message: Message, /) -> Outcome: ...


class Apart(Protocol):
    """How calls to several routes run. The core knows no loop, so whoever has one hands this in."""

    def busy(self) -> Collection[str]:
        """Routes that a call of an earlier step is still under way to."""
        ...

    async def run(self, works: Mapping[str, Callable[[], Awaitable[T]]], /) -> list[T]:
        """Run one piece of work for each route; what those returned that ended soon. The others go on by themselves:
        each records its own outcome."""
        ...


class InTurn:
    """Calls in order, each when the one before has answered."""

    def busy(self) -> Collection[str]:
        """Nothing is ever left running."""
        return ()

    async def run(self, works: Mapping[str, Callable[[], Awaitable[T]]], /) -> list[T]:
        """Run `works` in order."""
        return [await work() for work in works.values()]


def unheard(route: str, outcome: str, reason: str) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Alerting:
    """Routes with their channels. Without routes nothing is noted: a process that knows none must not decide for those
    that do. `heard` is told every outcome, for metrics and logs."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict, repr=False)
    base_url: str = ""
    apart: Apart = field(default_factory=InTurn)
    heard: Callable[[str, str, str], None] = unheard

    def serving(self, merchant_id: str) -> dict[str, Route]:
        """The merchant's routes by name."""
        return {name: route for name, route in self.routes.items() if route.serves(merchant_id)}
