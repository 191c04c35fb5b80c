"""The only way to a transaction: the port that use cases are handed, and the rules that every driver keeps.

A use case writes its transaction as one closure:

    async def work(tx: Tx) -> Order:
        [found] = await tx.all((orders.lock_order, {"merchant_id": "default", "order_id": order_id}))
        tx.later(orders.mark_paid, merchant_id="default", order_id=order_id, now=tx.now)
        return Order(*found[0])

    order = await database.transaction(work, name="settle")

The closure is run again, whole, after a serialization failure, a deadlock, a lost connection (also during COMMIT, where
the outcome is unknown) and a unique violation. So it must be idempotent: ids are made outside, nothing outside of the
database is touched inside, and state that it gathers is local to it. It refuses transactions inside transactions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

from payonce.base.errors import Bug, PayonceError, ensure

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement. `sql` takes parameters as `%(name)s`; `why` is the sentence above it in its file."""

    name: str
    sql: str
    why: str


class Row(Protocol):
    """A named tuple: `row.state` and `Order(*row)` both work. Columns have the names that the query gives them."""

    def __getattr__(self, name: str) -> Any: ...
    def __getitem__(self, index: int | slice) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...


Call: TypeAlias = tuple[Query, Mapping[str, object]]


class Awaited:
    """What a statement of the last round trip will have answered: readable only once its transaction is committed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows: list[Row] | None = None

    @property
    def rows(self) -> list[Row]:
        """The rows. Raises Bug while the transaction is open, or where it was rolled back."""
        if self._rows is None:
            raise Bug(f"the answer of {self._name} was read before its COMMIT")
        return self._rows

    def arrive(self, rows: list[Row]) -> None:
        """Take the answer in: what a driver does when COMMIT was answered."""
        self._rows = rows


class Tx(Protocol):
    """One open transaction. Every method that is awaited is one round trip; BEGIN travels with the first."""

    @property
    def now(self) -> datetime:
        """The instant of this transaction: aware, UTC, from the injected clock, the same until it ends."""
        ...

    async def all(self, *calls: Call) -> list[list[Row]]:
        """Send `calls` in one round trip; their rows, in the order of the calls (empty where there are none)."""
        ...

    async def rows(self, query: Query, /, **params: object) -> list[Row]:
        """All rows of `query`."""
        ...

    async def one(self, query: Query, /, **params: object) -> Row | None:
        """The only row of `query`, or None. Raises Bug when there are more."""
        ...

    async def run(self, query: Query, /, **params: object) -> int:
        """Execute `query`; how many rows it touched."""
        ...

    def later(self, query: Query, /, **params: object) -> None:
        """Queue `query` for the last round trip, together with COMMIT, in order. Reads do not see it."""
        ...

    def read_later(self, query: Query, /, **params: object) -> Awaited:
        """The same for a statement whose rows are wanted: it sees what was queued before it. A transaction that only
        asks so is a single round trip.
        """
        ...

    def otherwise(self, query: Query, /, **params: object) -> None:
        """Queue `query` for the case that the closure raises Refused or Conflict: its work is rolled back, this is
        committed on the same connection, and only then the refusal leaves. A server that was replaced and does not know
        it cannot commit, so nobody is refused by what it remembers: the closure is run again elsewhere.

        In a transaction that the caller has opened nothing is written: whether it is committed is the caller's to see.
        """
        ...


class Database(Protocol):
    """Where transactions come from."""

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work` in a transaction and COMMIT it; what `work` returned, from the run that was committed.

        `name` says in logs and errors whose transaction it is. When `work` raises, everything is rolled back, what
        `otherwise` queued is committed where it refused, and its error passes through. Raises Unavailable
        `store_unavailable` when the database does not answer or the runs are used up (then the outcome of the last one
        may be unknown), what `meanings` says for a violated constraint, and Bug for SQL that is wrong, for a constraint
        without a meaning, and for a transaction inside a transaction.
        """
        ...


async def read_once(database: Database, *calls: Call, name: str) -> list[list[Row]]:
    """Read in a transaction of a single round trip; the rows, in the order of the calls."""

    async def work(tx: Tx) -> list[Awaited]:
        return [tx.read_later(query, **params) for query, params in calls]

    return [awaited.rows for awaited in await database.transaction(work, name=name, read_only=True)]


Meanings: TypeAlias = Mapping[str, Callable[[str], PayonceError]]
"""Constraint name -> what makes the error that its violation means, from the database's own message."""

# Which unique constraints rerun the closure when they are violated: None is every named one. Somebody else has
# written the row between our read and our write; the next run reads it.
RerunConstraints: TypeAlias = frozenset[str] | None
RERUN_CONSTRAINTS: RerunConstraints = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a transaction tries. All of them are settings."""

    # Deadlocks and serialization failures end after two or three runs; six leave room for 50 callers on one order who
    # wait for its lock. Where rivals begin again instead (SERIALIZABLE) it is about ten at the same moment on one row.
    runs: int = 6
    # Pauses double from the first to the longest, each multiplied by a chance in [0.5, 1), so that rivals separate.
    first_pause_seconds: float = 0.01
    longest_pause_seconds: float = 1.0
    # No statement of a request takes a second; a batch of 1,000 rows takes less than ten.
    statement_seconds: float = 15.0
    # A lock is held for one transaction, never during a call to a provider.
    lock_seconds: float = 5.0
    # A transaction whose process hangs must not hold its locks for ever.
    idle_seconds: float = 30.0
    # How long to wait for a free or a new connection before saying "try later".
    connection_seconds: float = 5.0
    # A COMMIT that waits for a lost standby waits for ever; after this its outcome counts as unknown. It is left
    # running, never cancelled.
    commit_seconds: float = 20.0
    # A server that is silent for longer than its own limit on statements hangs with open connections, and so do we,
    # unless we give the connection up. Nothing was committed on it. Migrations take as long as they take.
    answer_seconds: float = 20.0
    # The isolation that BEGIN asks for; the core is correct under both, the tests run both.
    serializable: bool = False


_open: ContextVar[tuple[int, ...]] = ContextVar("payonce_open_transactions", default=())


def in_transaction() -> bool:
    """Whether the running code is inside a transaction. A provider's transport asks, and refuses to call out."""
    return bool(_open.get())


@contextmanager
def inside(database: object) -> Iterator[None]:
    """Mark the running code as inside a transaction of `database`. Raises Bug when it already is."""
    ensure(id(database) not in _open.get(), "a transaction was opened inside a transaction of the same database")
    before = _open.get()
    _open.set((*before, id(database)))
    try:
        yield
    finally:
        # Set, not reset by token: a closure that a scheduler closes from elsewhere ends in another context.
        _open.set(before)
