"""Two use cases of a house, interleaved as a schedule says: what `payonce conformance` does, on databases of tests.

`by_statement`: they stop before each statement, not only before each round trip. Under READ COMMITTED every statement
of a round trip sees what was committed until it began, so somebody else may commit between any two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from psycopg import Error

from payonce.base.errors import PayonceError
from payonce.conformance.ground import named
from payonce.conformance.interleaving import Choose as Choose
from payonce.conformance.interleaving import Puppet as Puppet
from payonce.conformance.interleaving import Work as Work
from payonce.conformance.interleaving import at_random as at_random
from payonce.conformance.interleaving import interleave
from payonce.conformance.interleaving import preempted_at as preempted_at
from payonce.drivers.chance import SystemChance
from payonce.drivers.pipeline import Pipeline, Reply
from payonce.drivers.postgres_shared import Lines
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.transaction import Moment, Observer
from payonce.drivers.wrapped_lines import WrappedLine, WrappedLines
from payonce.store.database import Call, Limits
from payonce.usecases.world import World
from tests.support.house import House
from tests.support.poor import database_of

# Every transaction that decides about orders begins with one of those. Before it only reads, or claims the keys of
# events, which whoever has claimed them holds as well.
FIRST_LOCK = "order_locks."


class StatementByStatement(WrappedLine):
    """A connection that says one statement at a time; somebody looks before each but the first of a round trip."""

    def __init__(self, line: Pipeline, observer: Observer) -> None:
        super().__init__(line)
        self._observer = observer

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """As many round trips as there are statements."""
        replies: list[Reply] = []
        for number, call in enumerate(calls):
            if number:
                await self._observer(Moment(call[0].name, "before_statements", 1))
            replies += await self.line.exchange([call], patience_seconds=patience_seconds)
        return replies


class Overheard(WrappedLine):
    """A connection whose errors are written down by their SQLSTATE, before anybody tries again."""

    def __init__(self, line: Pipeline, errors: list[str]) -> None:
        super().__init__(line)
        self._errors = errors

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """One round trip."""
        try:
            return await self.line.exchange(calls, patience_seconds=patience_seconds)
        except Error as error:
            self._errors.append(error.sqlstate or type(error).__name__)
            raise


def play(
    house: House, first: Work, second: Work, choose: Choose, limits: Limits | None = None, *,
    by_statement: bool = False, errors: list[str] | None = None,
) -> tuple[Puppet, Puppet]:  # fmt: skip
    """Run both to their end as `choose` says; what became of them is their `outcome`. `errors` is told the SQLSTATEs of
    all that the database refused to either of them.
    """
    heard = [] if errors is None else errors

    def open_world(name: str, observer: Observer) -> tuple[World, Callable[[], None]]:
        database = database_of(
            named(house._database_url, name), clock=house.clock, chance=SystemChance(), connections=1, limits=limits,
            observer=observer,
        )  # fmt: skip
        # One connection for all plays of a house: to open it and to prepare everything anew takes longer than a play.
        database._lines = _kept(house, (name, limits), database)
        database._lines = WrappedLines(database._lines, lambda line: Overheard(line, heard))
        if by_statement:
            database._lines = WrappedLines(database._lines, lambda line: StatementByStatement(line, observer))
        return replace(house.world, database=database), lambda: None

    puppets = interleave(house._database_url, open_world, first, second, choose)
    for puppet in puppets:
        if isinstance(puppet.outcome, BaseException) and not isinstance(puppet.outcome, PayonceError):
            raise puppet.outcome
    return puppets


def next_step(step: int, one: Puppet, two: Puppet) -> int:
    """At which boundary of the first the next play is to interrupt it.

    When the second came to wait for the very first lock that it takes, because the first has it, it comes to the same
    wait wherever in the rest of that transaction the first stands: nothing was committed meanwhile, no lock is given
    back. Those plays are the same, and the next one is after the COMMIT.
    """
    place, stood_at = two.waits[0] if two.waits else ("", -1)
    if stood_at != step or not place.startswith(FIRST_LOCK):
        return step + 1
    ends = (number for number in range(step + 1, len(one.moments)) if ":after_commit:" in one.moments[number])
    return next(ends, step + 1)


_lines: WeakKeyDictionary[House, dict[Hashable, Lines]] = WeakKeyDictionary()


def _kept(house: House, key: Hashable, database: SyncDatabase) -> Lines:
    """The lines of that kind that the house has, or those of the database, which are closed with the house."""
    kept = _lines.setdefault(house, {})
    if key not in kept:
        kept[key] = database._lines
        house.opened.callback(database.close)
    return kept[key]
