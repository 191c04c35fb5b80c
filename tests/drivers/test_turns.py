"""Turns at a few connections: who came first is next, what serves many goes first, and the wait is known."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

import pytest
from psycopg_pool import PoolTimeout

from payonce.base.came_at import CAME_AT
from payonce.drivers.turns import Turns
from tests.support.waiting import DEADLINE_SECONDS


def came_at(instant: float, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that works for a request which came then; 0: for many."""
    context = contextvars.Context()
    context.run(CAME_AT.set, instant)
    return asyncio.create_task(work, context=context)


def test_who_came_first_is_next_and_what_serves_many_goes_before_it() -> None:
    """Also for the second transaction of a request that came before others have begun with their first."""
    order: list[float] = []

    async def story() -> None:
        turns = Turns(1)
        await turns.take(DEADLINE_SECONDS)

        async def work(instant: float) -> None:
            await turns.take(DEADLINE_SECONDS)
            order.append(instant)
            turns.give_back()

        tasks = [came_at(instant, work(instant)) for instant in (3.0, 1.0, 2.0, 0.0)]
        await asyncio.sleep(0)
        assert order == [] and turns.wait_seconds == 0.0
        turns.give_back()
        await asyncio.gather(*tasks)
        # All turns are free again.
        await turns.take(0.0)

    asyncio.run(story())
    assert order == [0.0, 1.0, 2.0, 3.0]


def test_whoever_leaves_or_waits_too_long_takes_no_turn_along() -> None:
    async def story() -> None:
        turns = Turns(1)
        await turns.take(DEADLINE_SECONDS)
        with pytest.raises(PoolTimeout):
            await turns.take(0.01)
        leaving = asyncio.create_task(turns.take(DEADLINE_SECONDS))
        await asyncio.sleep(0)
        # It is given its turn and leaves before it could begin.
        turns.give_back()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await turns.take(0.0)

    asyncio.run(story())


def test_the_wait_is_as_many_turns_as_there_are_before_it_at_their_pace() -> None:
    async def story() -> None:
        turns = Turns(1)
        await turns.take(DEADLINE_SECONDS)
        waiting = [asyncio.create_task(turns.take(DEADLINE_SECONDS)) for _ in range(60)]
        await asyncio.sleep(0)
        for _ in range(30):
            await asyncio.sleep(0.002)
            turns.give_back()
        # A turn is at least two milliseconds, of which the pace has taken in about half by now.
        assert turns.wait_seconds > 30 * 0.002 * 0.3
        for _ in range(31):
            turns.give_back()
        await asyncio.gather(*waiting)
        assert turns.wait_seconds == 0.0

    asyncio.run(story())
