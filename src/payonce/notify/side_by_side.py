"""What delivering takes from asyncio: calls side by side, an end for those that hang, threads for plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import structlog

from payonce.usecases.python_handlers import Bounded

T = TypeVar("T")
log = structlog.get_logger(__name__)

# Webhooks wait for receivers most of their time; more lanes than this only make the connections of the store wait.
DEFAULT_LANES: Final = 16
# Shorter than the lease of 60 s, so that a function that hangs is given up by its own worker first.
FUNCTION_SECONDS: Final = 45.0
# Most receivers of alerts answer within this; one that does not goes on beside the next step.
PATIENCE_SECONDS: Final = 3.0
# Whoever stops us waits about this long; what is under way then is left to its lease.
DRAIN_SECONDS: Final = 15.0


class SideBySide:
    """Runs up to `lanes` calls at the same time; what `deliver_effects` is handed as `together`."""

    def __init__(self, lanes: int = DEFAULT_LANES) -> None:
        self.lanes = lanes

    async def run(self, works: Sequence[Callable[[], Awaitable[T]]], /) -> list[T]:
        """Run `works`; their results in the same order."""
        lanes = asyncio.Semaphore(self.lanes)

        async def in_lane(work: Callable[[], Awaitable[T]]) -> T:
            async with lanes:
                return await work()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_lane(work)) for work in works]
        return [task.result() for task in tasks]


class Aside:
    """Runs calls to several routes side by side, and waits for none longer than `patience_seconds`: what alerting is
    handed as `apart`. A route that hangs holds up nobody but itself."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    def busy(self) -> Collection[str]:
        """The routes whose call goes on."""
        return [name for name, task in self._under_way.items() if not task.done()]

    async def run(self, works: Mapping[str, Callable[[], Awaitable[T]]], /) -> list[T]:
        """Start one piece of work for each route; the results of those that ended soon."""
        tasks: list[asyncio.Task[T]] = []
        for name, work in works.items():
            tasks.append(asyncio.create_task(_awaited(work), name=f"payonce-alert-{name}"))
            tasks[-1].add_done_callback(_note)
            self._under_way[name] = tasks[-1]
        done, _ = await asyncio.wait(tasks, timeout=self._patience)
        return [task.result() for task in tasks if task in done]

    async def close(self) -> None:
        """Wait for what is under way, and give up what takes longer than a stop may."""
        left = [task for task in self._under_way.values() if not task.done()]
        if left:
            _, late = await asyncio.wait(left, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _note(task: asyncio.Task[Any]) -> None:
    """Say what failed beside the steps, where nobody waits for it any more; its row says the rest."""
    if not task.cancelled() and task.exception() is not None:
        log.error("alert_call_failed", call=task.get_name(), exc_info=task.exception())


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


def bounded(seconds: float = FUNCTION_SECONDS) -> Bounded:
    """What `python_handler` is handed as `bounded`: a call that takes longer ends with TimeoutError."""

    async def wait(call: Awaitable[Any]) -> Any:
        async with asyncio.timeout(seconds):
            return await call

    return wait


async def in_thread(call: Callable[[], T]) -> T:
    """What `python_handler` is handed as `offload`: plain functions run in a thread, and the loop goes on."""
    return await asyncio.to_thread(call)
