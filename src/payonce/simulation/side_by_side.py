"""Calls of one lane side by side, as a worker of ours makes them: each is an actor of its own, and all are one process.

When one of them dies, the process died: everything that belongs to it goes with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from payonce.simulation.scheduler import Actor, Die, Join, Scheduler, give_way

T = TypeVar("T")

# As many as the service has by default.
LANES: Final = 16
# Longer than any call takes with all that can happen to it.
PATIENCE_SECONDS: Final = 24 * 3600.0


class Families:
    """Which actors are one process: a lane and the calls that it makes at this moment."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._parents: dict[Actor, Actor] = {}
        self._children: dict[Actor, list[Actor]] = {}
        self._calls: set[Actor] = set()

    def lane_of(self, actor: Actor) -> Actor:
        """The lane that an actor belongs to: itself, or the one whose call it makes."""
        return self._parents.get(actor, actor)

    def is_call(self, actor: Actor) -> bool:
        """Whether an actor is but a call of a lane, and no process."""
        return actor in self._calls

    def died(self, actor: Actor) -> None:
        """Let the whole process die of which one part died."""
        lane = self.lane_of(actor)
        family = [lane, *self._children.pop(lane, ())] if lane is not actor or lane in self._children else []
        for child in family:
            self._parents.pop(child, None)
        for member in family:
            self._scheduler.kill(member)

    async def run(self, works: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
        """Run `works` side by side; what each returned, in order."""
        lane, scheduler = self._scheduler.acting(), self._scheduler
        children = []
        for number, work in enumerate(works):
            key = f"{lane.key}/{lane.turns}.{number}"
            children.append(scheduler.spawn(key, lane.story, lane.host, _call(work), ends=False))
            self._parents[children[-1]] = lane
            self._calls.add(children[-1])
        self._children[lane] = children
        for child in children:
            # Whoever commits wakes the lane, which has to wait all the same.
            while child.is_running:
                await give_way(Join(child, PATIENCE_SECONDS))
        self._children.pop(lane, None)
        for child in children:
            self._parents.pop(child, None)
        if any(child.state != "done" for child in children):
            failed = next((child.error for child in children if child.error is not None), None)
            if failed is not None:
                raise failed
            await give_way(Die())
        return [child.result for child in children]


class SideBySide:
    """What `deliver_effects` is handed. One call alone needs no actor of its own."""

    lanes: int = LANES

    def __init__(self, families: Families) -> None:
        self._families = families

    async def run(self, works: Sequence[Callable[[], Awaitable[T]]], /) -> list[T]:
        """Run `works` side by side."""
        if len(works) == 1:
            return [await works[0]()]
        return await self._families.run(works)


async def _call(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()
