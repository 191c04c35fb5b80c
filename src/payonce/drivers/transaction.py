"""One transaction over one connection: BEGIN travels with the first statements, COMMIT with the last.

Shared by every driver. A statement that failed ends the transaction: a closure that catches the error and goes on
meets it again at COMMIT, so that nothing half-done is ever committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from psycopg import Error

from payonce.base.errors import Bug, ensure
from payonce.drivers.failures import ConnectionCut
from payonce.drivers.pipeline import AnyConnection, Pipeline, Reply
from payonce.store.database import Awaited, Call, Query, Row

# For each so many statements of a round trip the server is given the whole patience again.
STATEMENTS_IN_PATIENCE: Final = 10

Stage: TypeAlias = Literal["before_begin", "before_statements", "before_commit", "after_commit"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A boundary of a transaction, as observers see it: the `number`-th round trip of the `run`-th run."""

    transaction: str
    stage: Stage
    run: int
    number: int = 0


# Awaited at every boundary. It may wait (a simulator decides who goes on), raise ConnectionCut (the connection breaks
# there), or raise what is no Exception (the process dies there: the connection is cut and nothing else happens).
Observer: TypeAlias = Callable[[Moment], Awaitable[None]]


def _words(sql: str) -> Call:
    return Query(f"transaction.{sql.lower().replace(' ', '_')}", sql, "The words around every transaction."), {}


BEGIN: Final = _words("BEGIN")
COMMIT: Final = _words("COMMIT")
ROLLBACK: Final = _words("ROLLBACK")
BEGIN_READ_ONLY: Final = _words("BEGIN READ ONLY")
BEGIN_SERIALIZABLE: Final = _words("BEGIN ISOLATION LEVEL SERIALIZABLE")
BEGIN_SERIALIZABLE_READ_ONLY: Final = _words("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY")
RELEASE: Final = _words("RELEASE SAVEPOINT payonce")
BACK_TO_SAVEPOINT: Final = _words("ROLLBACK TO SAVEPOINT payonce")


async def unobserved(moment: Moment) -> None:
    """Nobody looks."""


class OpenTx:
    """The port's `Tx` over a pipeline. `begin` and `end` are BEGIN and COMMIT, or None and a savepoint's release;
    `behind_begin` is how the server is to go about it. Each round trip before the end may take `patience_seconds`;
    None is for ever.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        now: datetime,
        moment: Moment,
        observer: Observer,
        *,
        begin: Call | None,
        end: Call,
        behind_begin: Sequence[Call] = (),
        patience_seconds: float | None = None,
    ) -> None:
        self.now = now
        self.failure: Exception | None = None
        self._pipeline = pipeline
        self._moment = moment
        self._observer = observer
        self._begin = begin
        self._behind_begin = behind_begin
        self._end = end
        self._patience_seconds = patience_seconds
        self._queue: list[Call] = []
        self._instead: list[Call] = []
        # By the place of their statements in the queue.
        self._awaited: list[tuple[int, Awaited]] = []
        self._is_open = True
        self._number = 0

    @property
    def connection(self) -> AnyConnection:
        """The psycopg connection itself, for a handler whose own writes must commit with ours."""
        return self._pipeline.connection

    async def all(self, *calls: Call) -> list[list[Row]]:
        """Send `calls` in one round trip; their rows in order."""
        return [reply.rows for reply in await self._exchange(calls)]

    async def rows(self, query: Query, /, **params: object) -> list[Row]:
        """All rows of `query`."""
        [reply] = await self._exchange([(query, params)])
        return reply.rows

    async def one(self, query: Query, /, **params: object) -> Row | None:
        """The only row of `query`, or None. Raises Bug when there are more."""
        rows = await self.rows(query, **params)
        ensure(len(rows) <= 1, f"{query.name} gave {len(rows)} rows where one was expected")
        return rows[0] if rows else None

    async def run(self, query: Query, /, **params: object) -> int:
        """Execute `query`; how many rows it touched."""
        [reply] = await self._exchange([(query, params)])
        return reply.affected

    def later(self, query: Query, /, **params: object) -> None:
        """Queue `query` for the last round trip."""
        ensure(self._is_open, "a statement was queued after the end of its transaction")
        self._queue.append((query, params))

    def read_later(self, query: Query, /, **params: object) -> Awaited:
        """Queue `query` for the last round trip; its rows are there after the COMMIT."""
        awaited = Awaited(query.name)
        self._awaited.append((len(self._queue), awaited))
        self.later(query, **params)
        return awaited

    def otherwise(self, query: Query, /, **params: object) -> None:
        """Queue `query` for the case that the closure refuses."""
        self._instead.append((query, params))

    def refuse(self, begin: Call) -> bool:
        """Let what `otherwise` queued be committed instead of the closure's work; False where that is nothing."""
        if not self._instead:
            return False
        self._queue, self._awaited = self._instead, []
        if self._begin is None:
            self._begin, self._behind_begin = ROLLBACK, [begin]
        return True

    async def ready(self) -> bool:
        """Close the transaction for its closure; whether there is anything to commit. Raises a failure that the
        closure swallowed."""
        self._is_open = False
        if self.failure:
            raise self.failure
        if self._begin and not self._queue:
            return False
        await self._observe("before_commit")
        return True

    async def finish(self, *, patience_seconds: float | None = None) -> list[str]:
        """Send what is queued and the end in one round trip; the SQLSTATEs of the warnings that came with it."""
        first = self._first()
        replies = await self._pipeline.exchange([*first, *self._queue, self._end], patience_seconds=patience_seconds)
        ensure(replies[-1].tag == self._end[0].sql.split()[0], f"the end was answered by {replies[-1].tag}")
        for place, awaited in self._awaited:
            awaited.arrive(replies[len(first) + place].rows)
        return list(self._pipeline.warnings)

    async def _exchange(self, calls: Sequence[Call]) -> list[Reply]:
        ensure(self._is_open, "a statement was sent after the end of its transaction")
        if self.failure:
            raise Bug("a statement was sent after another one failed") from self.failure
        if not calls:
            return []
        try:
            await self._observe("before_statements")
            first = self._first()
            sent = await self._pipeline.exchange([*first, *calls], patience_seconds=self._patience(len(calls)))
            return sent[len(first) :]
        except Error as error:
            self.failure = error
            raise

    def _patience(self, statements: int) -> float | None:
        # A look at all invariants is one round trip of dozens, each of which the server itself limits.
        return self._patience_seconds and self._patience_seconds * (1 + statements // STATEMENTS_IN_PATIENCE)

    def _first(self) -> list[Call]:
        first = [self._begin, *self._behind_begin] if self._begin else []
        self._begin = None
        return first

    async def _observe(self, stage: Stage) -> None:
        if self._observer is unobserved:
            return
        self._number += 1
        try:
            await self._observer(Moment(self._moment.transaction, stage, self._moment.run, self._number))
        except ConnectionCut as cut:
            self.failure = cut
            raise
