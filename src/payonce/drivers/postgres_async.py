"""The `Database` port on asyncio: a psycopg pool, and a COMMIT that no cancellation reaches.

    database = AsyncDatabase(dsn, clock=SystemClock(), chance=SystemChance())
    async with database:
        await database.transaction(work, name="settle")

Refuses to be used before `open()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from weakref import WeakSet

from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.drivers.connecting import SETTINGS, conninfo, settings
from payonce.drivers.pipeline import Pipeline
from payonce.drivers.plans import Plans
from payonce.drivers.postgres_shared import PostgresDatabase
from payonce.drivers.transaction import Observer, unobserved
from payonce.drivers.turns import Turns
from payonce.store.database import RERUN_CONSTRAINTS, Limits, Meanings, RerunConstraints

R = TypeVar("R")

# Two lanes of group commit, a few requests and a worker; PostgreSQL itself is busy with about as many as it has cores.
DEFAULT_CONNECTIONS = 10
# How long `close` waits for COMMITs that were sent.
CLOSING_SECONDS = 5.0
# Pauses between two knocks at a server that is away: a restart takes tenths of a second, a failover some seconds, and
# the pool's own pauses double for as long as the server is away.
_FIRST_KNOCK_SECONDS: Final = 0.05
_LONGEST_KNOCK_SECONDS: Final = 0.5


class AsyncDatabase(PostgresDatabase):
    """The port for asyncio. `connections` is the largest number open at a time; one is opened first."""

    def __init__(
        self,
        dsn: str,
        *,
        clock: Clock,
        chance: Chance,
        limits: Limits | None = None,
        connections: int = DEFAULT_CONNECTIONS,
        meanings: Meanings | None = None,
        rerun_constraints: RerunConstraints = RERUN_CONSTRAINTS,
        observer: Observer = unobserved,
    ) -> None:
        limits = limits or Limits()
        self._pool = _Pool(dsn, limits, connections)
        super().__init__(
            self._pool,
            clock=clock,
            chance=chance,
            limits=limits,
            meanings=meanings,
            rerun_constraints=rerun_constraints,
            observer=observer,
        )

    @property
    def wait_seconds(self) -> float:
        """How long requests wait at present for their turn at a connection."""
        return self._pool.turns.wait_seconds

    async def open(self) -> None:
        """Start to connect. Returns at once; the first transaction waits for its connection."""
        await self._pool.open()

    async def close(self) -> None:
        """Wait for COMMITs on their way, then close every connection."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Connection(AsyncConnection[Any]):
    """A connection that knows its pipeline, which knows what it has prepared."""

    line: Pipeline | None = None
    plans: Plans | None = None

    @classmethod
    async def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Connect, and knock again for up to `knock_seconds` where nobody opens; `on_refusal` is told why not. Raises
        what the last knock raised.
        """
        deadline, pause = monotonic() + float(options.pop("knock_seconds", 0)), _FIRST_KNOCK_SECONDS
        on_refusal: Callable[[OperationalError], None] = options.pop("on_refusal", lambda error: None)
        while True:
            try:
                return await super().connect(conninfo, **options)
            except OperationalError as error:
                on_refusal(error)
                if monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(_LONGEST_KNOCK_SECONDS, pause * 2)


class _Pool:
    """`Lines` over psycopg's own pool."""

    def __init__(self, dsn: str, limits: Limits, connections: int) -> None:
        self._limits = limits
        # Weakly, for the pool replaces connections when they are an hour old.
        self._lines: WeakSet[Pipeline] = WeakSet()
        self._running: set[asyncio.Task[Any]] = set()
        self.turns = Turns(connections)
        # Why the last connection was not made; None since one was. The pool itself says only that it waited.
        self._refusal: str | None = None
        self._pool: AsyncConnectionPool[_Connection] = AsyncConnectionPool(
            conninfo(dsn, limits),
            connection_class=_Connection,
            kwargs={
                "autocommit": True,
                "knock_seconds": limits.connection_seconds,
                "on_refusal": self._note_refusal,
            },
            min_size=1,
            max_size=connections,
            timeout=limits.connection_seconds,
            # Knocking is ours; whoever asks next begins it again.
            reconnect_timeout=0.0,
            configure=self._configure,
            open=False,
            name="payonce",
        )

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSING_SECONDS)
        await self._pool.close()

    async def take(self) -> Pipeline:
        await self.turns.take(self._limits.connection_seconds)
        connection = await self._connected()
        if connection.line is None:
            connection.line = Pipeline(connection, connection.wait, plans=connection.plans)
            self._lines.add(connection.line)
        return connection.line

    async def give_back(self, line: Pipeline) -> None:
        connection: Any = line.connection
        try:
            await self._pool.putconn(connection)
        finally:
            self.turns.give_back()

    async def doubt(self) -> None:
        # After a restart of the server every idle connection is dead; finding that out one run at a time would use up
        # the runs. They are not asked: at a server that hangs the question would never be answered.
        await self._pool.drain()

    def forget_plans(self) -> None:
        for line in self._lines:
            line.forget_plans()

    async def undisturbed(self, work: Coroutine[Any, Any, R]) -> R:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._end)
        # `wait` leaves the task alone when the waiting is cancelled, which `await task` would not.
        await asyncio.wait({task})
        return task.result()

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Looked at here, so that a failure whose caller was cancelled is no "exception was never retrieved".
            task.exception()

    async def _connected(self) -> _Connection:
        """A connection, for whose turn it is."""
        try:
            return await self._pool.getconn()
        except BaseException as error:
            self.turns.give_back()
            if isinstance(error, PoolTimeout) and self._refusal is not None:
                raise OperationalError(self._refusal) from error
            raise

    def _note_refusal(self, error: OperationalError) -> None:
        self._refusal = str(error)

    async def _configure(self, connection: _Connection) -> None:
        self._refusal = None
        answer = await connection.execute(SETTINGS, settings(self._limits), prepare=False)
        row = await answer.fetchone()
        connection.plans = Plans() if row is not None and row[0] else None
