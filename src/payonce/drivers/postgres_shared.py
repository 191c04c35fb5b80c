"""The `Database` port as every PostgreSQL driver keeps it: take a connection, run the closure, COMMIT, or run it again.

A driver adds only where connections come from and how COMMIT is protected (`Lines`). The transaction's rules are those
of `store/database.py`; what errors mean is decided in `failures.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final, NoReturn, Protocol, TypeVar

from psycopg import Error, pq

from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.base.errors import Conflict, PayonceError, Refused
from payonce.drivers.failures import (
    ConnectionCut,
    commit_unknown,
    is_from_standby,
    is_giving_way,
    is_loss,
    is_stale_plan,
    judge,
    unavailable,
)
from payonce.drivers.pipeline import Pipeline
from payonce.drivers.transaction import (
    BEGIN,
    BEGIN_READ_ONLY,
    BEGIN_SERIALIZABLE,
    BEGIN_SERIALIZABLE_READ_ONLY,
    COMMIT,
    ROLLBACK,
    Moment,
    Observer,
    OpenTx,
    unobserved,
)
from payonce.store.database import RERUN_CONSTRAINTS, Call, Limits, Meanings, RerunConstraints, T, Tx, inside
from payonce.store.tallies import MEANINGS

# "canceling wait for synchronous replication": committed here, perhaps not on the standby. 57P01 is the same warning
# when the server ends the session.
_DOUBTFUL_WARNINGS: Final = frozenset({"01000", "57P01"})

# Transactions that lift the server's limit on statements for themselves (`be_patient` in `migrate.sql`).
_WITHOUT_LIMIT: Final = "migrate."

R = TypeVar("R")


class Lines(Protocol):
    """Where a driver's connections come from."""

    async def take(self) -> Pipeline:
        """A free connection, not in a transaction. Raises a psycopg error when there is none in time."""
        ...

    async def give_back(self, line: Pipeline) -> None:
        """Take `line` back; a lost one is replaced."""
        ...

    async def doubt(self) -> None:
        """One connection was lost: the idle ones probably are too, and are not to be used again."""
        ...

    def forget_plans(self) -> None:
        """A migration changed a table: let every connection prepare its statements anew."""
        ...

    async def undisturbed(self, work: Coroutine[Any, Any, R]) -> R:
        """Run `work` to its end, also when the caller is cancelled meanwhile."""
        ...


class _Again(Exception):
    """This run is over; `error` is what to raise when there are no more runs."""

    def __init__(self, error: PayonceError) -> None:
        self.error = error


class PostgresDatabase:
    """The port over `lines`. Sleeping between two runs and its jitter come from the clock and chance handed in."""

    def __init__(
        self,
        lines: Lines,
        *,
        clock: Clock,
        chance: Chance,
        limits: Limits,
        meanings: Meanings | None = None,
        rerun_constraints: RerunConstraints = RERUN_CONSTRAINTS,
        observer: Observer = unobserved,
    ) -> None:
        self._lines = lines
        self._clock = clock
        self._chance = chance
        self._limits = limits
        self._meanings: Meanings = {**MEANINGS, **(meanings or {})}
        self._rerun_constraints = rerun_constraints
        self._observer = observer

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work` in a transaction and COMMIT it; see the port."""
        with inside(self):
            run = 1
            while True:
                try:
                    return await self._once(work, name, read_only, run)
                except _Again as again:
                    if run >= self._limits.runs:
                        raise again.error from again.__cause__
                await self._clock.sleep(self._pause(run))
                run += 1

    async def _once(self, work: Callable[[Tx], Awaitable[T]], name: str, read_only: bool, run: int) -> T:
        await self._observer(Moment(name, "before_begin", run))
        line = await self._take(name)
        tx = OpenTx(
            line,
            self._clock.now(),
            Moment(name, "before_begin", run),
            self._observer,
            begin=self._begin(read_only),
            behind_begin=line.plans.calls_for(name) if line.plans is not None else (),
            end=COMMIT,
            patience_seconds=None if name.startswith(_WITHOUT_LIMIT) else self._limits.answer_seconds,
        )
        try:
            said = await _said(work, tx, self._begin(read_only))
            has_work = await tx.ready()
        except BaseException as error:
            # A handler that wrote through the bare connection meets the same errors as our own statements do.
            is_ours = error is tx.failure or (isinstance(error, Error) and (line.is_lost or is_giving_way(error)))
            await self._undo(line, error)
            if is_ours and isinstance(error, Exception):
                await self._give_up(error, name, read_only)
            raise
        await self._lines.undisturbed(self._commit(line, tx, name, read_only, has_work))
        if has_work:
            await self._answered(name, run)
        return said()

    async def _take(self, name: str) -> Pipeline:
        try:
            return await self._lines.take()
        except Error as error:
            raise unavailable(name, error) from error

    async def _commit(self, line: Pipeline, tx: OpenTx, name: str, read_only: bool, has_work: bool) -> None:
        try:
            warnings = await tx.finish(patience_seconds=self._limits.commit_seconds) if has_work else []
        except BaseException as error:
            await self._undo(line, error)
            if is_loss(error):
                await self._unknown(name, error)
            if isinstance(error, Error):
                await self._give_up(error, name, read_only)
            raise
        await self._lines.give_back(line)
        if not _DOUBTFUL_WARNINGS.isdisjoint(warnings):
            await self._unknown(name, None)

    async def _answered(self, name: str, run: int) -> None:
        try:
            await self._observer(Moment(name, "after_commit", run))
        except ConnectionCut as cut:
            await self._unknown(name, cut)

    async def _undo(self, line: Pipeline, error: BaseException) -> None:
        """Roll back and give the connection back; cut it where it is lost or where the process is being torn down: a
        statement that was interrupted leaves a pipeline of which nobody knows how much was answered."""
        if not isinstance(error, Exception) or is_loss(error) or is_from_standby(error):
            line.cut()
        elif line.status != pq.TransactionStatus.IDLE:
            try:
                await line.exchange([ROLLBACK], patience_seconds=self._limits.answer_seconds)
            except Error:
                line.cut()
        await self._lines.undisturbed(self._lines.give_back(line))

    async def _give_up(self, error: Exception, name: str, read_only: bool = False) -> None:
        """Raise what `error` means: _Again, or its domain error."""
        verdict = judge(error, name=name, meanings=self._meanings, rerun=self._rerun_constraints, read_only=read_only)
        if verdict.lost:
            await self._lines.doubt()
        if is_stale_plan(error):
            self._lines.forget_plans()
        raise (_Again(verdict.error) if verdict.again else verdict.error) from error

    async def _unknown(self, name: str, error: BaseException | None) -> None:
        """The outcome of COMMIT is unknown: run again; what it did, if it did, the next run finds."""
        await self._lines.doubt()
        doubt = commit_unknown(name)
        doubt.__cause__ = error
        raise _Again(unavailable(name, doubt)) from doubt

    def _begin(self, read_only: bool) -> Call:
        if self._limits.serializable:
            return BEGIN_SERIALIZABLE_READ_ONLY if read_only else BEGIN_SERIALIZABLE
        return BEGIN_READ_ONLY if read_only else BEGIN

    def _pause(self, run: int) -> float:
        """Seconds before the next run: doubling, with half of it left to chance."""
        longest: float = min(self._limits.longest_pause_seconds, self._limits.first_pause_seconds * 2 ** (run - 1))
        return longest * (0.5 + self._chance.uniform() / 2)


async def _said(work: Callable[[Tx], Awaitable[T]], tx: OpenTx, begin: Call) -> Callable[[], T]:
    """What the closure came to, to be said once it is committed: its result, or a refusal that leaves something to
    commit. What it read may be old, and a server refuses only where it could have committed as well.
    """
    try:
        result = await work(tx)
    except (Refused, Conflict) as refusal:
        if not tx.refuse(begin):
            raise
        return partial(_refuse, refusal)
    return lambda: result


def _refuse(refusal: PayonceError) -> NoReturn:
    raise refusal
