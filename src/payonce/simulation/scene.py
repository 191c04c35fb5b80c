"""The scene of one run: time, hosts, database and provider in one hand, and what was said to whom.

Requests of people run as actors of their own in a host of ours, so that either can vanish without the other. What use
cases answer is witnessed here: an error that no use case may raise, and a page that was never recorded, are violations.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from payonce.base.errors import Bug, PayonceError
from payonce.domain.payout import Share
from payonce.domain.policy import Policy
from payonce.simulation.database import Boundaries, OneLine
from payonce.simulation.day import Day
from payonce.simulation.draw import Draw
from payonce.simulation.faults import Faults
from payonce.simulation.goods import Goods
from payonce.simulation.hosts import Host
from payonce.simulation.providers import Providers
from payonce.simulation.receiver import Receiver
from payonce.simulation.scheduler import MICRO, Actor, Join, Scheduler, Wait, give_way
from payonce.store import queries
from payonce.usecases.items import Item
from payonce.usecases.world import World

T = TypeVar("T")

# Questions of the harness alone: what is asked of every installation lies in `store/invariants.sql`.
CHECKS: Final = queries.parse((Path(__file__).parent / "checks.sql").read_text("utf-8"), "checks.sql")

# A browser or an impatient person waits so long for an answer; a click may honestly take 40 s when Stripe is silent.
PATIENCE_SECONDS: Final = 75.0
REQUEST_SECONDS: Final = 0.03


class Lost(Exception):
    """No answer came back: the process died, or whoever asked lost patience."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, about what, how, and at which virtual second."""

    promise: str
    ref: str
    detail: str
    at_seconds: float

    def __str__(self) -> str:
        return f"{self.promise} at {self.at_seconds:.3f} s: {self.ref}: {self.detail}"


@dataclass(slots=True)
class Story:
    """One purpose and everybody who has to do with it; what they know of it."""

    key: str
    purpose: str
    payer: str
    amount_minor: int
    currency: str
    # What each of its orders takes from stock, and what payees get of it.
    items: tuple[Item, ...] = ()
    shares: tuple[Share, ...] = ()
    order_ids: list[UUID] = field(default_factory=list)
    attempt_ids: list[UUID] = field(default_factory=list)
    is_cancelled: bool = False


@dataclass(slots=True)
class Scene:
    """Everything of one run. `acknowledged`: event keys that were answered 2xx; `counts`: what happened sometimes."""

    seed: int
    day: Day
    merchant_id: str
    draw: Draw
    faults: Faults
    scheduler: Scheduler
    line: OneLine
    boundaries: Boundaries
    providers: Providers
    receiver: Receiver
    policy: Policy
    goods: Goods
    # Whether the monitor looks as a job.
    is_monitored: bool
    hosts: dict[str, Host]
    # From our ids to stories: what was made in the course of which.
    made: dict[UUID, str]
    # After how many seconds at most somebody comes back who left.
    longest_gap: float
    stories: dict[str, Story] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    # Whether the first broken promise ends the run.
    stops_at_first: bool = False
    # How often a person asked again for an effect, by key: then it may be accepted once more.
    asked_again: Counter[str] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        """The virtual time."""
        return self.scheduler.now / MICRO

    def break_promise(self, promise: str, ref: str, detail: str) -> None:
        """Note a violation, once."""
        if all((known.promise, known.ref) != (promise, ref) for known in self.violations):
            self.violations.append(Violation(promise, ref, detail, self.seconds))
            self.scheduler.note("VIOLATION", promise, ref, detail)
            self.scheduler.is_stopped = self.stops_at_first

    def web_host(self, key: str) -> Host:
        """The host that a request happens to reach."""
        return self.hosts["web-1" if self.draw.happens(0.5, "host", key) else "web-2"]

    def start(
        self, key: str, story: str, use: Callable[[World], Coroutine[Any, Any, T]], host: Host | None = None
    ) -> Actor:
        """Start a request in one of our hosts."""
        host = host or self.web_host(key)
        world = host.hand(self.draw, key, self.made, story)
        return self.scheduler.spawn(
            key, story, host.name, use(world), after=self.draw.latency(REQUEST_SECONDS, "request", key)
        )

    async def answer(self, actor: Actor, patience: float = PATIENCE_SECONDS) -> Any:
        """What a request answers. Raises its expected error, and Lost where no answer comes."""
        await give_way(Join(actor, patience))
        if actor.state == "done":
            self.scheduler.note("answered", actor.key, describe(actor.result))
            return actor.result
        if actor.state == "failed" and isinstance(actor.error, PayonceError) and not isinstance(actor.error, Bug):
            self.scheduler.note("refused", actor.key, actor.error.code)
            self.counts[f"error {actor.error.code}"] += 1
            raise actor.error
        self.inspect(actor)
        raise Lost(actor.state)

    def inspect(self, actor: Actor) -> None:
        """Note an error that no use case may raise, whoever asked."""
        if actor.state == "failed" and actor.error is not None:
            self.report(actor.error, actor.key)

    def report(self, error: BaseException, who: str) -> None:
        """Note an error, once for each of its kind, unless it is one of the expected families."""
        if isinstance(error, PayonceError) and not isinstance(error, Bug):
            return
        hint = getattr(error, "hint", "")
        where = "".join(traceback.format_tb(error.__traceback__)[-2:])
        about = f"{type(error).__name__}: {error}"[:120]
        self.break_promise("no error of ours", about, f"{who}: {hint}\n{where}")

    async def rest(self, seconds: float) -> None:
        """Let time pass, as somebody who is no part of payonce."""
        await give_way(Wait(seconds))


def describe(result: Any) -> str:
    """An answer in a word or two, without ids, for the trace."""
    for name in ("outcome", "reason", "code", "verdict"):
        found = getattr(result, name, None)
        if isinstance(found, str):
            return f"{type(result).__name__}.{found}"
    if isinstance(result, list):
        return "[" + ", ".join(map(describe, result)) + "]"
    state = getattr(getattr(result, "order", result), "state", "")
    return f"{type(result).__name__}.{state}"
