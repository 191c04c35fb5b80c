"""The scheduler: coroutines of the core and of everybody around it, stepped one at a time in virtual time.

A coroutine gives way only by the four instructions below, and goes on when its time has come; who is next follows from
the times alone, which are drawn by name. An actor that dies is dropped where it stands: it is never resumed, and
nothing of it runs, no `finally` and no rollback, until the whole run is over. It starts no thread and knows no event
loop.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from dataclasses import dataclass, field
from hashlib import sha256
from types import coroutine
from typing import Any, Final, Literal

from payonce.base.errors import Bug, ensure

MICRO: Final = 1_000_000
# Far above what a seed takes; only a run that turns in circles reaches it.
MOST_STEPS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after so many virtual seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Join:
    """Go on when another actor has ended, or when the patience is over."""

    actor: Actor
    patience_seconds: float


@dataclass(frozen=True, slots=True)
class Die:
    """Never go on: the process ended here."""


class Stopped(Exception):
    """The run was told to stop here: what was looked for is found."""


Instruction = Wait | Join | Die


@coroutine
def give_way(instruction: Instruction) -> Generator[Instruction, None, None]:
    """Let others go on until the instruction is fulfilled."""
    yield instruction


@dataclass(slots=True, eq=False)
class Actor:
    """One coroutine on its way. `story` is whose business it is, `host` the process that it runs in ('' for people)."""

    key: str
    story: str
    host: str
    coroutine: Coroutine[Any, Any, Any]
    is_daemon: bool = False
    context: Context = field(default_factory=Context)
    state: Literal["running", "done", "failed", "dead"] = "running"
    result: Any = None
    error: BaseException | None = None
    due: int = 0
    ticket: int = 0
    turns: int = 0
    ended: int = 0
    # Who waits for its end, with the ticket that the wait has: whoever lost patience meanwhile is not woken.
    joined_by: list[tuple[Actor, int]] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.state == "running"


class Scheduler:
    """All actors of a run, and its time in microseconds since the beginning."""

    def __init__(self) -> None:
        self.now = 0
        self.current: Actor | None = None
        self.steps = 0
        self.trace: list[str] = []
        self.is_stopped = False
        self.on_death: Callable[[Actor], None] = lambda actor: None
        self.on_failure: Callable[[Actor], None] = lambda actor: None
        self._heap: list[tuple[int, str, int, Actor | None, Callable[[], None] | None]] = []
        self._count = 0
        self._running = 0
        self._dead: list[Actor] = []
        self._alive: dict[Actor, None] = {}

    def spawn(
        self, key: str, story: str, host: str, work: Coroutine[Any, Any, Any], *, after: float = 0.0, ends: bool = True
    ) -> Actor:
        """Start an actor `after` so many seconds. `ends` False: a daemon, which nobody waits for."""
        actor = Actor(key, story, host, work, is_daemon=not ends)
        self._alive[actor] = None
        self._running += ends
        self._plan(actor, self.now + int(after * MICRO))
        return actor

    def at(self, when: int, key: str, act: Callable[[], None]) -> None:
        """Do something at a time that is no actor's doing, such as a clock that jumps."""
        self._count += 1
        heapq.heappush(self._heap, (max(when, self.now), key, self._count, None, act))

    def hasten(self, actor: Actor, seconds: float) -> None:
        """Let an actor that waits go on in `seconds` at the latest."""
        soon = self.now + int(seconds * MICRO)
        if actor.is_running and actor is not self.current and actor.due > soon:
            self._plan(actor, soon)

    def acting(self) -> Actor:
        """Who is being stepped at this moment. Raises Bug outside of the schedule."""
        if self.current is None:
            raise Bug("something runs outside of the schedule")
        return self.current

    def kill(self, actor: Actor) -> None:
        """Drop an actor where it stands."""
        if not actor.is_running:
            return
        self.note("died", actor.key)
        self._end(actor, "dead")
        # Kept, so that its frames are not closed while anything could still see what that does.
        self._dead.append(actor)
        self.on_death(actor)

    def actors(self) -> list[Actor]:
        """Everybody who is still on his way."""
        return list(self._alive)

    @property
    def is_busy(self) -> bool:
        """Whether anybody but daemons is still on his way."""
        return self._running > 0

    def run(self, until: int) -> None:
        """Step everybody until nobody but daemons is left, or the time has come."""
        while self._heap and self._running and self._heap[0][0] <= until:
            self._next()

    def run_all(self, until: int) -> None:
        """Step everybody, daemons too, up to the time."""
        while self._heap and self._heap[0][0] <= until:
            self._next()
        self.now = max(self.now, until)

    def note(self, what: str, *more: object) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{self.now} {what} {' '.join(map(str, more))}")

    def digest(self) -> str:
        """The hash of the whole trace: the same for the same seed, always."""
        return sha256("\n".join(self.trace).encode()).hexdigest()

    def close(self) -> None:
        """End what is left, now that nothing is looked at any more."""
        for actor in [*self._dead, *self._alive]:
            actor.coroutine.close()
        self._dead.clear()
        self._alive.clear()
        self._heap.clear()

    def _plan(self, actor: Actor, when: int) -> None:
        self._count += 1
        actor.due, actor.ticket = when, self._count
        heapq.heappush(self._heap, (when, actor.key, self._count, actor, None))

    def _next(self) -> None:
        when, _, ticket, actor, act = heapq.heappop(self._heap)
        if actor is not None and (actor.ticket != ticket or not actor.is_running):
            return
        if self.is_stopped:
            raise Stopped
        self.now = when
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Bug("the simulation turns in circles")
        if act is not None:
            act()
        elif actor is not None:
            self._step(actor)

    def _step(self, actor: Actor) -> None:
        actor.turns += 1
        self.current = actor
        try:
            instruction = actor.context.run(actor.coroutine.send, None)
        except StopIteration as end:
            actor.result = end.value
            self._end(actor, "done")
        except Exception as error:
            actor.error = error
            self._end(actor, "failed")
            self.on_failure(actor)
        else:
            self._obey(actor, instruction)
        finally:
            self.current = None

    def _obey(self, actor: Actor, instruction: Instruction) -> None:
        if isinstance(instruction, Wait):
            self._plan(actor, self.now + int(instruction.seconds * MICRO))
        elif isinstance(instruction, Join):
            ensure(instruction.actor is not actor, "an actor waits for itself")
            if instruction.actor.is_running:
                self._plan(actor, self.now + int(instruction.patience_seconds * MICRO))
                instruction.actor.joined_by.append((actor, actor.ticket))
            else:
                self._plan(actor, self.now)
        else:
            self.kill(actor)

    def _end(self, actor: Actor, state: Literal["done", "failed", "dead"]) -> None:
        actor.state, actor.ended = state, self.now
        self._running -= not actor.is_daemon
        self._alive.pop(actor, None)
        for other, ticket in actor.joined_by:
            if other.is_running and other.ticket == ticket:
                self._plan(other, self.now)
