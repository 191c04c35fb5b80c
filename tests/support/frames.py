"""Processes over one house: each has lanes of its own; all share the database, and a clock that is moved for them."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from payonce.drivers.stepping import run_to_end
from payonce.jobs.lane import Lane
from payonce.jobs.worker import Hand, Job, Ran
from payonce.usecases.effect_handlers import Handlers
from tests.support.house import House

# A test's own lanes look this often at most, so that a day of them is a few thousand looks.
SELDOM_SECONDS = 290.0


async def describe(merchant_id: str, order_ids: Any) -> dict[Any, Any]:
    """Orders without anything to say."""
    return {order_id: {} for order_id in order_ids}


def hand_of(house: House, each: Job | None = None, handlers: Handlers | None = None) -> Hand:
    """What the house hands to its jobs."""
    is_refunding = each is not None and each.sends_back
    world = house.world.for_refunds() if is_refunding else house.world.for_jobs()
    return Hand(world, handlers or Handlers(describe))


def job(use: Callable[..., Any], **more: Any) -> Job:
    """A job for a test."""
    said: dict[str, Any] = {"name": "test", "why": "a test", "every_seconds": 900.0, "at_most": 10, "notify": "never"}
    return Job(use=use, **said | more)


def lane(house: House, each: Job, handlers: Handlers | None = None, **more: Any) -> Lane:
    """The job on its way in one process."""
    return Lane(each, hand_of(house, each, handlers), ["default"], **more)


def step(at: Lane) -> float:
    """One step of a lane."""
    return run_to_end(at.step())


def drive(house: House, lanes: Iterable[Lane], seconds: float) -> None:
    """Let the lanes step, each when its pause is over, until so much time has passed."""
    end = house.clock.now().timestamp() + seconds
    numbers = itertools.count()
    waiting = [(house.clock.now().timestamp(), next(numbers), each) for each in lanes]
    heapq.heapify(waiting)
    while waiting and waiting[0][0] < end:
        due, _, each = heapq.heappop(waiting)
        house.clock.move(max(0.0, due - house.clock.now().timestamp()))
        pause = step(each)
        heapq.heappush(waiting, (house.clock.now().timestamp() + pause, next(numbers), each))


class Rows:
    """A job over so many rows, which it takes up once each, a batch at a time; `before` is called in every batch."""

    def __init__(self, count: int, before: Callable[[Hand], None] = lambda hand: None) -> None:
        self.left = list(range(count))
        self.taken: list[int] = []
        self.runs: list[Any] = []
        self._before = before

    async def use(self, hand: Hand, merchant_id: str, at_most: int) -> Ran:
        """Take up the next rows."""
        assert hand.world.run is not None
        self.runs.append(hand.world.run.run_id)
        self._before(hand)
        batch, self.left = self.left[:at_most], self.left[at_most:]
        self.taken += batch
        return Ran(len(batch), len(batch))
