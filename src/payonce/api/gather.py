"""Group commit for webhooks and clicks, and one read for many pages: while one transaction is in flight, what arrives
gathers and goes with the next one.

No timer: a lone delivery goes at once, and a group is as large as the wait before it. Each merchant has a queue of its
own, and at most two groups under way: while the database writes one, the next is verified and decided. Every caller
gets the outcome of its own item. A delivery whose caller leaves is recorded all the same; a click is dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from payonce.api.load import TooMuch
from payonce.base.errors import Bug, Unavailable, ensure

T = TypeVar("T")
R = TypeVar("R")

# Beyond 256 a larger group gains nothing and makes its first caller wait.
LARGEST_GROUP: Final = 256
# While single requests wait for the database: each step of theirs waits for what is decided of a group meanwhile.
PRESSED_GROUP: Final = 48
# A second group begins beside one under way when as many wait as that one has, so that each is half of the callers;
# and never a smaller one than this, because two small transactions cost more than one.
SMALLEST_BESIDE: Final = 16
MOST_GROUPS: Final = 2
# At the rate that one process settles, more than half a second of waiting; who comes later is told to come back.
MOST_WAITING: Final = 2048
FULL_RETRY_SECONDS: Final = 2.0


class Gatherer(Generic[T, R]):
    """`work(lane, items)` answers for a group, in its order; it is called at most twice at once for one lane. `items`
    is what they are called where too many wait, which `on_full` is told of. `apart`: those of a group that fails are
    tried one by one, so that one that cannot be answered takes nobody else's answer; not where the store does not
    answer, which is for all of them. While `is_pressed`, groups are small for the sake of others. `drops_who_left`:
    who hung up before his group began is left out; otherwise what he brought is worked on all the same.
    """

    def __init__(
        self,
        work: Callable[[str, Sequence[T]], Awaitable[Sequence[R]]],
        *,
        items: TooMuch = "deliveries",
        apart: bool = False,
        on_full: Callable[[TooMuch], object] = lambda items: None,
        largest_group: int = LARGEST_GROUP,
        is_pressed: Callable[[], bool] = lambda: False,
        most_waiting: int = MOST_WAITING,
        drops_who_left: bool = False,
    ) -> None:
        self._work = work
        self._items = items
        self._apart = apart
        self._on_full = on_full
        self._largest_group = largest_group
        self._is_pressed = is_pressed
        self._most_waiting = most_waiting
        self._drops_who_left = drops_who_left
        self._waiting: dict[str, deque[tuple[T, asyncio.Future[R]]]] = {}
        # By lane: who serves it, with the size of the group that is under way; 0 before it has begun.
        self._serving: dict[str, dict[asyncio.Task[None], int]] = {}

    async def put(self, lane: str, item: T) -> R:
        """The outcome of this item. Raises what `work` raised for its group, and Unavailable `overloaded` when too
        many wait."""
        waiting = self._waiting.setdefault(lane, deque())
        if len(waiting) >= self._most_waiting:
            self._on_full(self._items)
            raise self.too_many()
        outcome: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        waiting.append((item, outcome))
        serving = self._serving.setdefault(lane, {})
        if len(serving) < MOST_GROUPS and self._may_begin(lane):
            # An empty context: it serves many requests and must not log under the id of the first.
            task = asyncio.create_task(self._run(lane), context=contextvars.Context())
            serving[task] = 0
        return await outcome

    def is_full(self, lane: str) -> bool:
        """Whether an item of this lane would be refused now."""
        return len(self._waiting.get(lane, ())) >= self._most_waiting

    def too_many(self) -> Unavailable:
        """What whoever comes while too many wait is told."""
        said = f"too many {self._items} wait"
        return Unavailable(said, code="overloaded", retry_after_seconds=FULL_RETRY_SECONDS)

    async def close(self) -> None:
        """Wait until everything that was accepted has its outcome."""
        while tasks := [task for serving in self._serving.values() for task in serving]:
            await asyncio.wait(tasks)

    def _may_begin(self, lane: str, beside: asyncio.Task[None] | None = None) -> bool:
        """Whether a group may begin now, beside those of others than `beside`."""
        sizes = [size for task, size in self._serving[lane].items() if task is not beside]
        # One that has not begun yet takes all that waits.
        return all(0 < size <= len(self._waiting[lane]) >= SMALLEST_BESIDE for size in sizes)

    async def _run(self, lane: str) -> None:
        waiting, serving, me = self._waiting[lane], self._serving[lane], asyncio.current_task()
        if me is None:
            raise Bug("a lane is served by no task")
        try:
            # What is left to another one is taken by it when its group is done.
            while waiting and self._may_begin(lane, beside=me):
                largest = min(self._largest_group, PRESSED_GROUP) if self._is_pressed() else self._largest_group
                group = [waiting.popleft() for _ in range(min(len(waiting), largest))]
                if self._drops_who_left:
                    group = [each for each in group if not each[1].done()]
                if group:
                    serving[me] = len(group)
                    await self._serve(lane, group)
        finally:
            # No await since the last look at the queue, so nobody was added unseen.
            del serving[me]
            if not serving:
                for _, outcome in waiting:
                    _fail(outcome, Unavailable("the service is stopping", code="stopping"))
                waiting.clear()

    async def _serve(self, lane: str, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work(lane, [item for item, _ in group])
            ensure(len(results) == len(group), "a group was answered with another number of outcomes")
        except BaseException as error:
            if self._apart and len(group) > 1 and isinstance(error, Exception) and not isinstance(error, Unavailable):
                for each in group:
                    await self._serve(lane, [each])
                return
            for _, outcome in group:
                _fail(outcome, error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, outcome), result in zip(group, results, strict=True):
            if not outcome.done():
                outcome.set_result(result)


def _fail(outcome: asyncio.Future[R], error: BaseException) -> None:
    if outcome.done():
        return
    if isinstance(error, asyncio.CancelledError):
        error = Unavailable("the service is stopping", code="stopping")
    outcome.set_exception(error)
