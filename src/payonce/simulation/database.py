"""The database of a simulation: the real driver's code over one connection, one transaction at a time.

A transaction is two turns: before its BEGIN, and after its COMMIT; in between nobody else goes on. Faults strike at the
boundaries that the driver names. A connection that breaks, or whose process dies, is rolled back and goes on as a new
one would, because to the server that is the same. Refuses to interleave: races of statements are another test.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg import pq

from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.base.errors import ensure
from payonce.drivers.failures import ConnectionCut
from payonce.drivers.pipeline import Pipeline, Reply
from payonce.drivers.postgres_shared import PostgresDatabase
from payonce.drivers.stepping import run_to_end
from payonce.drivers.transaction import ROLLBACK, Moment
from payonce.simulation.draw import Draw
from payonce.simulation.faults import Faults
from payonce.simulation.scheduler import Actor, Die, Scheduler, Wait, give_way
from payonce.simulation.server import learn
from payonce.store.database import Call, Limits

R = TypeVar("R")

# A transaction usually takes about this long, seen from whoever asked for it.
TRANSACTION_SECONDS: Final = 0.004
# SIGSTOP: longer than the lease of an attempt (30 s) or of an effect (60 s), sometimes than both.
STOPPED_SECONDS: Final = (31.0, 150.0)


class Borrowed(Pipeline):
    """The one connection, as one transaction holds it. Once given back or lost, it does nothing any more."""

    def __init__(self, line: Pipeline) -> None:
        self.connection = line.connection
        self.warnings = []
        self._line: Pipeline | None = line

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """One round trip, while the connection is ours."""
        if self._line is None:
            raise psycopg.OperationalError("the connection is lost")
        replies = await self._line.exchange(calls)
        self.warnings = list(self._line.warnings)
        return replies

    @property
    def is_lost(self) -> bool:
        return self._line is None

    @property
    def status(self) -> pq.TransactionStatus:
        return pq.TransactionStatus.UNKNOWN if self._line is None else self._line.status

    def cut(self) -> None:
        """Lose the connection: the server rolls back what was open."""
        line, self._line = self._line, None
        if line is not None and line.status != pq.TransactionStatus.IDLE:
            run_to_end(line.exchange([ROLLBACK]))


class OneLine:
    """The connection of a run. Who holds it alone may speak; there is never anybody who waits for it."""

    def __init__(self, line: Pipeline) -> None:
        self._line = line
        self._holder: Borrowed | None = None
        self.is_away: Callable[[], bool] = lambda: False

    async def take(self) -> Pipeline:
        """The connection. Raises OperationalError while the server is away."""
        if self.is_away():
            raise psycopg.OperationalError("the server does not answer")
        ensure(self._holder is None, "two transactions were open at once")
        self._holder = Borrowed(self._line)
        return self._holder

    async def give_back(self, line: Pipeline) -> None:
        """Take it back; what is left of a dead holder gives nothing back."""
        if line is self._holder:
            self._holder.cut()
            self._holder = None

    async def doubt(self) -> None:
        """There is no other connection to doubt."""

    def forget_plans(self) -> None:
        """Prepare every statement anew."""
        self._line.forget_plans()

    async def undisturbed(self, work: Coroutine[Any, Any, R]) -> R:
        """Nobody can be cancelled here, only dropped."""
        return await work

    def learn(self) -> None:
        """Let the server learn what the tables hold, between two transactions."""
        ensure(self._holder is None, "the server was to learn within an open transaction")
        learn(self._line)

    def bury(self) -> None:
        """Whoever holds the connection has died: the server rolls back."""
        if self._holder is not None:
            self._holder.cut()
            self._holder = None

    def ask(self, *calls: Call) -> list[Reply]:
        """Ask beside everybody, between two transactions: what the checks do."""
        ensure(self._holder is None, "a check looked into an open transaction")
        return run_to_end(self._line.exchange(calls))


class Boundaries:
    """What happens at the boundaries of every transaction: turns, deaths, stops, cuts."""

    def __init__(self, scheduler: Scheduler, draw: Draw, faults: Faults) -> None:
        self.on_commit: Callable[[Actor, str], None] = lambda actor, name: None
        self.on_answer_lost: Callable[[Actor], None] = lambda actor: None
        # Who once stood still: he may act after his lease is over, and cannot know it.
        self.stopped: set[str] = set()
        self._scheduler = scheduler
        self._draw = draw
        self._faults = faults
        # Most boundaries of a calm seed are only turns.
        self._is_troubled = any(faults.rates[fault] for fault in ("C1", "C3", "D1", "D6"))

    async def observe(self, moment: Moment) -> None:
        """Awaited by the driver at every boundary."""
        actor = self._scheduler.acting()
        place = f"{actor.key} {moment.transaction}.{moment.stage}" if self._is_troubled else ""
        if moment.stage == "before_begin":
            await self._turn(actor, moment)
            await self.suffer(actor, place)
        elif moment.stage == "after_commit":
            self._scheduler.note("committed", actor.key, moment.transaction)
            self.on_commit(actor, moment.transaction)
            if self._faults.strikes("D1", actor.story, place):
                raise ConnectionCut("the answer to COMMIT was lost")
            await self.suffer(actor, place)
            await self._turn(actor, moment)
        elif self._is_troubled:
            self._break(actor, place)
            if self._faults.strikes("C1", actor.story, place):
                await give_way(Die())

    async def suffer(self, actor: Actor, place: str) -> None:
        """Let the process die here, or stand still past every lease."""
        if not self._is_troubled:
            return
        if self._faults.strikes("C1", actor.story, place):
            await give_way(Die())
        stopped = self._faults.strikes("C3", actor.story, place)
        if stopped:
            self.stopped.add(actor.key)
            await give_way(Wait(self._draw.between(*STOPPED_SECONDS, stopped)))

    def _break(self, actor: Actor, place: str) -> None:
        if self._faults.strikes("D1", actor.story, place):
            raise ConnectionCut("the connection broke")
        if self._faults.strikes("D6", actor.story, place):
            raise psycopg.errors.SerializationFailure("could not serialize access")

    async def _turn(self, actor: Actor, moment: Moment) -> None:
        seconds = self._draw.latency(TRANSACTION_SECONDS, "transaction", actor.key, actor.turns, moment.stage)
        await give_way(Wait(seconds))


def database_of(line: OneLine, boundaries: Boundaries, clock: Clock, chance: Chance) -> PostgresDatabase:
    """The port as one host has it."""
    return PostgresDatabase(line, clock=clock, chance=chance, limits=Limits(), observer=boundaries.observe)
