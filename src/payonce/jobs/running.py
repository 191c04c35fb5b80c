"""Running the lanes on asyncio, one task each, so that a provider that is slow to answer holds up no effect.

The event loop lives here and not in the drivers, because only the worker needs it: the lanes themselves know none, and
a script or a simulator drives the same ones without. Stopping lets every current step end; what does not end in time
is cancelled between two statements, and begins again elsewhere from its row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from payonce.jobs.lane import Lane

log = structlog.get_logger(__name__)

# The longest call of a step is one to a provider or a receiver, of at most 20 s; whoever stops us waits about 30 s.
DRAIN_SECONDS: Final = 25.0
# A word to the database; without it, the lease ends by itself.
LEAVE_SECONDS: Final = 2.0
# Many settlements at once are one reason to look, not many.
SHORTEST_PAUSE_SECONDS: Final = 0.02


class Worker:
    """All lanes of a process. `wake` may be called at any time from the loop; `run` ends after `stop`."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes: Final = tuple(lanes)
        self._stopping = asyncio.Event()
        self._wakers = {lane.job.name: asyncio.Event() for lane in self.lanes if lane.job.wakes}
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Something was settled: look for what is owed now, and not at the next interval."""
        for waker in self._wakers.values():
            waker.set()

    def start(self) -> None:
        """Start every lane; returns at once."""
        self._tasks = [asyncio.create_task(self._drive(lane), name=f"payonce-{lane.job.name}") for lane in self.lanes]

    async def run(self) -> None:
        """Start, and return when `stop` was called and everything has ended. A lane never ends by itself."""
        if not self._tasks:
            self.start()
        try:
            await self.ended()
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def ended(self) -> None:
        """Return when every lane has ended, or one has failed: what makes the process unready. Raises its error.

        A process whose jobs are all switched off has nothing that could fail, and stays ready until `stop`.
        """
        tasks = self._tasks
        if not tasks:
            await self._stopping.wait()
            return
        # `wait` leaves the lanes alone when the waiting is cancelled, which `gather` would not.
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def stop(self, within_seconds: float = DRAIN_SECONDS) -> None:
        """Begin no further step, and wait for the current ones."""
        self._stopping.set()
        self.wake()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=within_seconds)
        for task in late:
            log.warning("job_cut_short", job=task.get_name())
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        for lane in self.lanes:
            # Another process goes on at once with what this one held, and need not wait for the lease.
            with suppress(TimeoutError):
                await asyncio.wait_for(lane.leave(), LEAVE_SECONDS)

    async def _drive(self, lane: Lane) -> None:
        waker = self._wakers.get(lane.job.name)
        while not self._stopping.is_set():
            if waker is not None:
                waker.clear()
            pause = await lane.step()
            await self._rest(pause, waker)

    async def _rest(self, seconds: float, waker: asyncio.Event | None) -> None:
        if self._stopping.is_set():
            return
        if waker is not None:
            await asyncio.sleep(min(SHORTEST_PAUSE_SECONDS, seconds))
            seconds -= SHORTEST_PAUSE_SECONDS
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._stopping, waker) if event is not None]
        try:
            await asyncio.wait(waiting, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
