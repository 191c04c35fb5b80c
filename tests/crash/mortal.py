"""A house whose process can die: one database and one simulated provider, which stay, and a process, which may not.

What the provider and the receivers of effects know is theirs, and survives. A letter of the provider that was not
answered comes again. Jobs run one after another, and what one raises is left to the next round, as in a lane.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar, cast
from uuid import UUID

import psycopg
from psycopg import sql

from payonce.base.errors import Bug, InDoubt, PayonceError, Unavailable
from payonce.base.ids import ORDER, Ids, show
from payonce.domain.effect import EffectKind
from payonce.drivers.pipeline import Pipeline
from payonce.drivers.postgres_shared import PostgresDatabase
from payonce.drivers.wrapped_lines import WrappedLines
from payonce.simulation.server import TABLES
from payonce.store.database import Limits
from payonce.usecases.answers import AlreadyPaid, Checkout, CheckoutAnswer, Gone, OrderView
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Accepted, EffectCall, Handlers, Outcome, one_by_one
from payonce.usecases.make_payouts import make_payouts
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.crash.fate import Fate, Graveyard, Lines, MortalTransport
from tests.support.clocks import SeededChance
from tests.support.house import House
from tests.support.poor import PoorLine

T = TypeVar("T")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
INVITE = EffectKind("invite", "order.paid", "fulfilment", "resend")
# The pauses between rounds of work after a crash: past the leases of attempts (30 s) and effects (60 s), past every
# interval at which something in doubt is looked at again, and then once more when all of it should be over.
PAUSES = (0.0, 31.0, 61.0, 5 * MINUTE, 16 * MINUTE, 2 * HOUR)
CREDITS = "CREATE TABLE IF NOT EXISTS credits (order_id uuid, try_number integer)"


class Ground:
    """What stays when a process dies: the database, and those who look at it from beside."""

    def __init__(self, dsn: str, beside: Pipeline, *, is_poor: bool = False) -> None:
        self.dsn = dsn
        self.limits = Limits(serializable=is_poor)
        self.beside = beside
        self.fate = Fate()
        lines = self._lines = Lines(dsn, self.fate)
        self.lines = WrappedLines(lines, PoorLine) if is_poor else lines
        self.graveyard = Graveyard()
        # The checks' own connection, which is never cut.
        self.looking = cast("psycopg.Connection[Any]", beside.connection)
        self.looking.execute(CREDITS)
        found = self.looking.execute(TABLES.sql.replace("%%", "%")).fetchall()
        # Switched off for the moment, foreign keys let tables be emptied in any order.
        self._empty = sql.SQL("SET session_replication_role = replica; {} RESET session_replication_role").format(
            sql.SQL("").join(sql.SQL("DELETE FROM {};").format(sql.Identifier(name)) for (name,) in found)
        )

    def empty(self) -> None:
        """No row in any table, and no process."""
        self.fate.end()
        self.graveyard.clear()
        self.looking.execute(self._empty)

    def close(self) -> None:
        """End the process."""
        self._lines.die()
        self.graveyard.clear()


class Receiver:
    """Takes effects and remembers them, whatever becomes of the process that called. While `is_silent` it takes none
    and does not answer.
    """

    def __init__(self, fate: Fate) -> None:
        self.taken: list[str] = []
        self.is_silent = False
        self._fate = fate

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        """Take one."""
        number = await self._fate.before(f"deliver {effect.kind}")
        if self.is_silent:
            raise TimeoutError("the receiver did not answer")
        self.taken.append(effect.key)
        if await self._fate.after(number):
            raise TimeoutError("the receiver did not answer")
        return Accepted("thanks")


class AskedReceiver(Receiver):
    """One that says whether it has an effect."""

    async def verify(self, effect: EffectCall, /) -> bool:
        """Whether it was taken."""
        number = await self._fate.before(f"verify {effect.kind}")
        if await self._fate.after(number):
            raise TimeoutError("the receiver did not answer")
        return effect.key in self.taken


class Crediting:
    """A handler that writes to the same database."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate

    async def apply(self, effect: EffectCall, connection: psycopg.Connection[Any], /) -> Outcome:
        """Write one row, in the transaction that marks the effect as done."""
        number = await self._fate.before(f"apply {effect.kind}")
        connection.execute("INSERT INTO credits VALUES (%s, %s)", (effect.order_id, effect.try_number))
        if await self._fate.after(number):
            connection.pgconn.finish()
            raise psycopg.OperationalError("the connection broke before the answer came")
        return Accepted()


class MortalHouse(House):
    """A house over one ground. Without a word its payers pay at Stripe's page and are invited by a receiver that knows
    repetitions.
    """

    def __init__(self, ground: Ground, *, kinds: Iterable[EffectKind] = (INVITE,), **choices: Any) -> None:
        kinds = tuple(kinds)
        self.ground, self.fate = ground, ground.fate
        # Seeded, so that every life of a flow passes the same boundaries.
        chance = SeededChance()
        super().__init__(
            ground.dsn, kinds=kinds, transport=lambda inner: MortalTransport(inner, self.fate), **choices
        )  # fmt: skip
        self.world = replace(
            self.world,
            database=PostgresDatabase(ground.lines, clock=self.clock, chance=chance, limits=ground.limits),
            ids=Ids(self.clock, chance), chance=chance,
        )  # fmt: skip
        self.handlers = Handlers(one_by_one(self._describe))
        self.receiver: Receiver = self._receiver(kinds)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Step a use case to its end. Raises Died."""
        return self.ground.graveyard.run(work)

    def rows(self, sql: str, *values: object, **named: object) -> list[tuple[Any, ...]]:
        """Rows of a query, read from beside."""
        found: list[tuple[Any, ...]] = self.ground.looking.execute(sql, named or values).fetchall()
        return found

    def deliver_owed(self) -> list[Any]:
        """Deliver all letters that are due, each alone; one that gets no answer comes again."""
        received: list[Any] = []
        hooks = self.party.due_deliveries()
        answers: dict[int, tuple[int | None, bytes]] = {}
        try:
            for hook in hooks:
                with suppress(Unavailable, InDoubt):
                    received += self.deliver([hook])
                    taken = self.till.acknowledge("accepted")
                    answers[hook.delivery_id] = (taken.status, taken.body)
        finally:
            # Also those behind the one at which the process died: their sender is told nothing.
            for hook in hooks:
                self.party.delivered(hook.delivery_id, *answers.get(hook.delivery_id, (None, b"")))
        return received

    def deliver_effects(self) -> None:
        """Deliver what is due."""
        self.run(deliver_effects(self.world, DEFAULT_MERCHANT, self.handlers))

    def make_payouts(self) -> None:
        """Cover what payees are owed."""
        self.run(make_payouts(self.world, DEFAULT_MERCHANT))

    def work(self) -> None:
        """One round of letters and jobs."""
        jobs = (
            self.deliver_owed, self.retry, self.resolve, self.close_old, self.send_refunds, self.make_payouts,
            self.deliver_effects,
        )  # fmt: skip
        for job in jobs:
            try:
                job()
            except Bug:
                raise
            except PayonceError:
                continue

    def heal(self, pauses: Collection[float] = PAUSES) -> None:
        """Let time pass and the jobs run: all that anybody does after a crash."""
        for pause in pauses:
            self.clock.move(pause)
            self._catch_up()
            self.work()

    def insist(self, order: OrderView | UUID, **more: Any) -> CheckoutAnswer:
        """Click until there is something to pay, or nothing to pay any more; at most some minutes long."""
        for _ in range(6):
            with suppress(PayonceError):
                answer = self.click(order, **more)
                if isinstance(answer, Checkout | AlreadyPaid | Gone):
                    return answer
            self.clock.move(MINUTE)
            self.work()
        raise AssertionError(f"a payer who insists gets no answer: {order}")

    def pay_in_the_end(self, order: OrderView | UUID, **more: Any) -> None:
        """The payer comes back and pays, unless it is paid."""
        answer = self.insist(order, **more)
        if isinstance(answer, Checkout):
            self.pay(answer)
        self.heal((0.0, 61.0, 16 * MINUTE))

    def _catch_up(self) -> None:
        books = getattr(self.party, "books", None)
        catch_up = getattr(books, "catch_up", None)
        if catch_up is not None:
            catch_up()

    def _receiver(self, kinds: Iterable[EffectKind]) -> Receiver:
        receiver = AskedReceiver(self.fate)
        for kind in kinds:
            if kind.transactional:
                self.handlers.add(kind, Crediting(self.fate))
            else:
                self.handlers.add(kind, receiver)
        return receiver

    async def _describe(self, merchant_id: str, order_id: UUID) -> dict[str, Any]:
        return {"id": show(ORDER, order_id), "merchant": merchant_id}
