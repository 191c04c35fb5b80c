"""Where a process dies: before and after every round trip to the database and every call to the outside.

A process that dies is dropped where it stands: its connections are cut unflushed, and nothing of it runs any more, no
`finally`, no rollback of ours. One whose answer is lost lives on and does not know what became of what it asked.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import psycopg
from psycopg.abc import PQGen

from payonce.drivers.connecting import SETTINGS, conninfo, settings
from payonce.drivers.pipeline import Pipeline, Reply
from payonce.drivers.wrapped_lines import WrappedLine
from payonce.providers.transport import Answer, Request, Transport, Unreachable
from payonce.store.database import Call, Limits

T = TypeVar("T")
R = TypeVar("R")
Mode: TypeAlias = Literal["before", "after", "lost"]
MODES: tuple[Mode, ...] = ("before", "after", "lost")


class Died(BaseException):
    """The process ended here; nothing catches it but who watches it from outside."""


class Death:
    """What is awaited here never goes on."""

    def __await__(self) -> Generator[Death, None, None]:
        yield self


@dataclass(frozen=True, slots=True)
class Strike:
    """Death, or a lost answer, at the boundary with this number, counted from one."""

    number: int
    mode: Mode


class Fate:
    """Counts the boundaries that a process passes, and strikes at one of them."""

    def __init__(self) -> None:
        self.boundaries: list[str] = []
        self.on_death: Callable[[], None] = lambda: None
        self._strike: Strike | None = None
        self._is_on = False

    def begin(self, strike: Strike | None = None) -> None:
        """Count from here on, and strike where `strike` says."""
        self.boundaries, self._strike, self._is_on = [], strike, True

    def end(self) -> list[str]:
        """Stop counting; the boundaries that were passed."""
        self._is_on, self._strike = False, None
        return self.boundaries

    @property
    def has_struck(self) -> bool:
        """Whether the strike that `begin` was given is over."""
        return self._is_on and self._strike is None

    async def before(self, name: str) -> int:
        """A process is about to ask for `name`; the number of this boundary."""
        if not self._is_on:
            return 0
        self.boundaries.append(name)
        number = len(self.boundaries)
        if self._hits(number, "before"):
            await self._die()
        return number

    async def after(self, number: int) -> bool:
        """What was asked for is done; whether its answer gets lost."""
        if self._is_on and self._hits(number, "after"):
            await self._die()
        return self._is_on and self._hits(number, "lost")

    def _hits(self, number: int, mode: Mode) -> bool:
        if self._strike != Strike(number, mode):
            return False
        self._strike = None
        return True

    async def _die(self) -> None:
        self.on_death()
        await Death()


class Graveyard:
    """Runs processes until they end or die, and keeps the dead as they stopped."""

    def __init__(self) -> None:
        self._dead: list[tuple[Context, Coroutine[Any, Any, Any]]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Step `work` to its end. Raises Died."""
        # In a context of its own, for a transaction marks the context that it is open in, and a dead one never ends.
        context = copy_context()
        try:
            context.run(work.send, None)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        self._dead.append((context, work))
        raise Died

    def clear(self) -> None:
        """Let go of the dead, once nobody looks any more."""
        for context, work in self._dead:
            with suppress(RuntimeError, Died):
                context.run(work.close)
        self._dead.clear()


class Watched(WrappedLine):
    """A connection whose every round trip is a boundary."""

    def __init__(self, line: Pipeline, fate: Fate) -> None:
        super().__init__(line)
        self._fate = fate

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """One round trip, named by the last of its statements."""
        number = await self._fate.before(calls[-1][0].name)
        replies = await self.line.exchange(calls, patience_seconds=patience_seconds)
        if await self._fate.after(number):
            self.line.cut()
            raise psycopg.OperationalError("the connection broke before the answer came")
        return replies


class Lines:
    """Connections of one process at a time: opened when needed, kept while it lives, cut when it dies."""

    def __init__(self, dsn: str, fate: Fate) -> None:
        self._dsn = dsn
        self._fate = fate
        self._limits = Limits()
        self._idle: Pipeline | None = None
        self._held: list[Watched] = []
        fate.on_death = self.die

    def die(self) -> None:
        """End the process: whatever it held is cut."""
        for held in self._held:
            held.cut()
        self._held.clear()
        if self._idle is not None:
            self._idle.cut()
            self._idle = None

    async def take(self) -> Pipeline:
        """The idle connection, or a new one."""
        line, self._idle = self._idle or self._connect(), None
        self._held.append(Watched(line, self._fate))
        return self._held[-1]

    async def give_back(self, line: Pipeline) -> None:
        """Keep it for the next; what a dead process holds is not taken back."""
        if isinstance(line, Watched) and line in self._held:
            self._held.remove(line)
            if not line.is_lost:
                self._idle = line.line

    async def doubt(self) -> None:
        """There is no other connection to doubt."""

    def forget_plans(self) -> None:
        """Prepare every statement anew."""
        if self._idle is not None:
            self._idle.forget_plans()

    async def undisturbed(self, work: Coroutine[Any, Any, R]) -> R:
        """Nobody is cancelled here, only dropped."""
        return await work

    def _connect(self) -> Pipeline:
        connection = psycopg.connect(conninfo(self._dsn, self._limits), autocommit=True)
        connection.execute(SETTINGS, settings(self._limits), prepare=False)

        async def wait(generator: PQGen[Any]) -> Any:
            return connection.wait(generator)

        return Pipeline(connection, wait)


class MortalTransport:
    """A transport at each of whose calls the process may die, or lose the answer."""

    def __init__(self, inner: Transport, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    async def send(self, request: Request) -> Answer:
        """Hand the request on."""
        path = request.url.partition("://")[2].partition("/")[2].partition("?")[0]
        number = await self._fate.before(f"{request.method} /{path}")
        answer = await self._inner.send(request)
        if await self._fate.after(number):
            raise Unreachable("the answer was lost", sent=True)
        return answer
