"""The `Database` port without an event loop: for Django, Flask, scripts and the command line.

    database = SyncDatabase(dsn, clock=BlockingClock(), chance=SystemChance())
    run_to_end(database.transaction(work, name="settle"))

No thread is started. Any number of threads may use one database; each transaction stays in the thread that began it. A
process that forks opens connections of its own.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg.abc import PQGen

from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.drivers.connecting import SETTINGS, conninfo, settings
from payonce.drivers.pipeline import Pipeline
from payonce.drivers.plans import Plans
from payonce.drivers.postgres_shared import PostgresDatabase
from payonce.drivers.transaction import Observer, unobserved
from payonce.store.database import RERUN_CONSTRAINTS, Limits, Meanings, RerunConstraints

R = TypeVar("R")

# A threaded application server has about as many threads.
DEFAULT_CONNECTIONS: Final = 10
# A server that restarts refuses connections for a moment; asking more often only fills its log.
_KNOCK_SECONDS: Final = 0.1


class SyncDatabase(PostgresDatabase):
    """The port, stepped. `connections` is the largest number open at a time; they are opened when first needed."""

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
        self._shelf = _Shelf(dsn, limits, connections)
        super().__init__(
            self._shelf,
            clock=clock,
            chance=chance,
            limits=limits,
            meanings=meanings,
            rerun_constraints=rerun_constraints,
            observer=observer,
        )

    def close(self) -> None:
        """Close the idle connections."""
        self._shelf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Shelf:
    """`Lines` that blocks: idle connections on a shelf, the last one used first."""

    def __init__(self, dsn: str, limits: Limits, connections: int) -> None:
        self._conninfo = conninfo(dsn, limits)
        self._limits = limits
        self._connections = connections
        self._clear()

    def _clear(self) -> None:
        self._process = os.getpid()
        self._idle: deque[Pipeline] = deque()
        self._free = threading.BoundedSemaphore(self._connections)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().connection.pgconn.finish()

    async def take(self) -> Pipeline:
        if self._process != os.getpid():
            # Forked: the parent's connections are its own. Forgotten, not closed, for closing would end its session.
            self._abandoned = self._idle
            self._clear()
        deadline = time.monotonic() + self._limits.connection_seconds
        if not self._free.acquire(timeout=self._limits.connection_seconds):
            raise psycopg.OperationalError("all connections are in use")
        try:
            with suppress(IndexError):
                return self._idle.pop()
            return self._connect(deadline)
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, line: Pipeline) -> None:
        if not line.is_lost:
            self._idle.append(line)
        self._free.release()

    async def doubt(self) -> None:
        # One connection was lost, so the idle ones probably are too; opening new ones is cheaper than asking each.
        self.close()

    def forget_plans(self) -> None:
        for line in list(self._idle):
            line.forget_plans()

    async def undisturbed(self, work: Coroutine[Any, Any, R]) -> R:
        return await work

    def _connect(self, deadline: float) -> Pipeline:
        connection = self._knock(deadline)
        row = connection.execute(SETTINGS, settings(self._limits), prepare=False).fetchone()
        plans = Plans() if row is not None and row[0] else None

        async def wait(generator: PQGen[Any]) -> Any:
            return connection.wait(generator)

        return Pipeline(connection, wait, plans=plans)

    def _knock(self, deadline: float) -> psycopg.Connection[Any]:
        while True:
            try:
                return psycopg.connect(self._conninfo, autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() + _KNOCK_SECONDS > deadline:
                    raise
                time.sleep(_KNOCK_SECONDS)
