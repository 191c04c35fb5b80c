"""The `Database` port inside a transaction that the caller has opened: its commit is ours, its rollback too.

    with connection.transaction():
        connection.execute("INSERT INTO players ...")
        joined = JoinedDatabase(connection, clock=clock)
        run_to_end(joined.transaction(work, name="place"))

A savepoint keeps what the closure did apart, so that its refusal leaves the caller's own work alone. Nothing is run
again here: only the caller can run its transaction again. Refuses a connection that has none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from psycopg import AsyncConnection, Connection, Error, pq
from psycopg.abc import PQGen

from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.drivers.failures import judge
from payonce.drivers.pipeline import Pipeline
from payonce.drivers.transaction import (
    BACK_TO_SAVEPOINT,
    RELEASE,
    Moment,
    Observer,
    OpenTx,
    unobserved,
)
from payonce.store.database import Meanings, T, Tx, inside
from payonce.store.tallies import MEANINGS


class JoinedDatabase:
    """The port over the caller's psycopg connection, of either kind. It is left as it was found, but for the rows."""

    def __init__(
        self,
        connection: Connection[Any] | AsyncConnection[Any],
        *,
        clock: Clock,
        meanings: Meanings | None = None,
        observer: Observer = unobserved,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._meanings: Meanings = {**MEANINGS, **(meanings or {})}
        self._observer = observer

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work` once, inside the caller's transaction; what it queued is sent before this returns.

        Raises Refused `transaction_required` when none is open, and Unavailable `store_unavailable` when the caller
        should run its whole transaction again (the driver's error is the cause).
        """
        self._look()
        with inside(self):
            # Not prepared: the statements of a connection belong to its owner, who may drop them at any time.
            line = Pipeline(self._connection, _waiting(self._connection), prepare=False)
            try:
                return await self._joined(line, work, name)
            finally:
                line.release()

    async def _joined(self, line: Pipeline, work: Callable[[Tx], Awaitable[T]], name: str) -> T:
        moment = Moment(name, "before_begin", 1)
        tx = OpenTx(line, self._clock.now(), moment, self._observer, begin=None, end=RELEASE)
        try:
            await self._begin()
        except Error as error:
            raise judge(error, name=name, meanings=self._meanings, rerun=None).error from error
        try:
            result = await work(tx)
            await tx.ready()
            await tx.finish()
        except Exception as error:
            with suppress(Error):
                await line.exchange([BACK_TO_SAVEPOINT, RELEASE])
            if error is tx.failure or isinstance(error, Error):
                raise judge(error, name=name, meanings=self._meanings, rerun=None).error from error
            raise
        return result

    async def _begin(self) -> None:
        # By psycopg's own door: without autocommit it opens the transaction first, as for the caller's own statements.
        if isinstance(self._connection, AsyncConnection):
            await self._connection.execute("SAVEPOINT payonce", prepare=False)
        else:
            self._connection.execute("SAVEPOINT payonce", prepare=False)

    def _look(self) -> None:
        if self._connection.pgconn.pipeline_status != pq.PipelineStatus.OFF:
            raise Refused(
                "The connection is in a pipeline, and cannot be joined there.",
                code="pipeline_open",
                hint="Leave the `with connection.pipeline():` block first.",
            )
        status = self._connection.info.transaction_status
        if status == pq.TransactionStatus.INERROR:
            raise Refused(
                "The transaction to join has failed already.",
                code="transaction_failed",
                hint="Roll it back, and begin again.",
            )
        if self._connection.autocommit and status != pq.TransactionStatus.INTRANS:
            raise Refused(
                "There is no open transaction to join.",
                code="transaction_required",
                hint="Begin one on this connection first: `with connection.transaction():`.",
            )


def _waiting(connection: Connection[Any] | AsyncConnection[Any]) -> Callable[[PQGen[Any]], Awaitable[Any]]:
    if isinstance(connection, AsyncConnection):
        return connection.wait

    async def wait(generator: PQGen[Any]) -> Any:
        return connection.wait(generator)

    return wait
