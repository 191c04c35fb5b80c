"""An account whose two sides disagree in every way at once, planted by a seed: in the tables, and told by `stage`."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from payonce.domain.ledger import clearing
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import MoneyRecord, MoneySource, Nature
from payonce.drivers.stepping import run_to_end
from payonce.store import reconciliation as store
from payonce.store.database import Tx
from payonce.store.reconciliation import Window, WindowKey
from payonce.usecases.reconcile_comparing import compare
from payonce.usecases.world import World

DAY: Final = date(2026, 11, 19)
FROM: Final = datetime(2026, 11, 19, tzinfo=UTC)
TO: Final = FROM + timedelta(days=1)
# What was read of the provider's books: an hour less than would be needed to name all of the day.
READ: Final = (FROM - timedelta(hours=2), TO + timedelta(minutes=30))
DAYS: Final = (DAY - timedelta(days=1), DAY, DAY + timedelta(days=1))
_KINDS: Final[dict[Nature, str]] = {"charge": "payment_intent", "refund": "refund", "dispute": "dispute"}
_CAPTURE: Final = """
INSERT INTO captures (
    merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor,
    surplus_minor, is_confirmed, captured_at
) VALUES ('default', 'stripe', 'main', %s, %s, %s, %s, %s, %s, 0, 0, true, %s)
"""
_RETURN: Final = """
INSERT INTO returns (
    merchant_id, provider, account, kind, ref, nature, capture_kind, capture_ref, attempt_id, order_id, status,
    amount_minor, returned_minor, currency, first_seen_at
) VALUES ('default', 'stripe', 'main', %s, %s, %s, 'payment_intent', %s, %s, %s, %s, 100000, %s, %s, %s)
"""
_ATTEMPT: Final = """
INSERT INTO attempts (
    merchant_id, attempt_id, order_id, purpose, number, provider, account, flow, state, amount_minor, currency,
    request_method, request_path, request_body, request_key, request_version, created_at
) VALUES ('default', %s, %s, %s, 1, 'stripe', 'main', 'checkout', 'failed', 500, 'USD', 'POST', '/', '', %s, '1', %s)
"""
_WINDOW: Final = """
INSERT INTO reconcile_windows (
    merchant_id, provider, account, day, from_at, to_at, state, read_from, read_until, comparison, rounds, began_at
) VALUES ('default', 'stripe', 'main', %s, %s, %s, 'comparing_theirs', %s, %s, 1, 1, %s)
"""


class Planting:
    """Objects by chance; each value stands near an edge of some rule as often as not."""

    def __init__(self, seed: int, connection: psycopg.Connection[Any]) -> None:
        self.chance = random.Random(seed)
        self.connection = connection
        self.records: list[MoneyRecord] = []
        self.attempts: list[tuple[UUID, UUID]] = []

    def plant(self, objects: int) -> None:
        """Write our side, and gather theirs in `records`."""
        self.connection.execute("SET session_replication_role = replica")
        for day in DAYS:
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            self.connection.execute(_WINDOW, (day, begin, begin + timedelta(days=1), *READ, TO))
        for number in range(objects):
            self._object(number)
        self.connection.execute("SET session_replication_role = DEFAULT")
        self.connection.commit()

    def _object(self, number: int) -> None:
        nature: Nature = self.chance.choice(("charge", "charge", "charge", "refund", "dispute"))
        about = Ref(_KINDS[nature], f"{nature}_{number}")
        attempt, order = self._uuid(), self._uuid()
        amount = self.chance.choice((500, 500, 500, 501))
        capture = Ref("payment_intent", f"charge_{self.chance.randrange(number + 1)}")
        is_here = self.chance.random() < 0.75
        # A capture has its reference and its attempt, always.
        if is_here or self.chance.random() < 0.6:
            self.connection.execute(_ATTEMPT, (attempt, order, f"purpose {number}", f"key {number}", FROM))
            self.attempts.append((attempt, order))
        if is_here:
            self._ours(nature, about, capture, attempt, order, amount)
        elif self.chance.random() < 0.4:
            self._reference(about, attempt, order)
        for repeat in range(self.chance.choice((0, 1, 1, 1, 1, 2, 3))):
            self._theirs(nature, about, capture, attempt, repeat)

    def _reference(self, about: Ref, attempt: UUID, order: UUID) -> None:
        given = (about.kind, about.id, attempt, order)
        insert = "INSERT INTO provider_refs VALUES ('default', 'stripe', 'main', %s, %s, %s, %s)"
        self.connection.execute(insert, given)

    def _ours(self, nature: Nature, about: Ref, capture: Ref, attempt: UUID, order: UUID, amount: int) -> None:
        currency, at = self.chance.choice(("USD", "USD", "USD", "EUR")), self._moment()
        if nature == "charge":
            self._reference(about, attempt, order)
            self.connection.execute(_CAPTURE, (about.kind, about.id, attempt, order, currency, amount, at))
        else:
            kind = about.kind if self.chance.random() < 0.8 else "by_hand"
            status = self.chance.choice(("succeeded", "succeeded", "pending", "failed", "warning", "lost"))
            returned = self.chance.choice((amount, amount, 0))
            row = (kind, about.id, nature, capture.id, attempt, order, status, returned, currency, at)
            self.connection.execute(_RETURN, row)
        if self.chance.random() < 0.7:
            entry = self._uuid()
            account = self.chance.choice((clearing("stripe", "main"), "somewhere else"))
            given = (entry, str(entry), order, self._moment())
            self.connection.execute("INSERT INTO entries VALUES ('default', %s, %s, %s, 'USD', %s)", given)
            self.connection.execute("INSERT INTO postings VALUES ('default', %s, 1, %s, 500)", (entry, account))

    def _theirs(self, nature: Nature, about: Ref, capture: Ref, attempt: UUID, repeat: int) -> None:
        sign = 1 if nature == "charge" else -1
        amount = sign * self.chance.choice((500, 500, 500, 500, 501, -500))
        others = [known for known, _ in self.attempts] or [attempt]
        named = self.chance.choice((None, None, attempt, self.chance.choice(others), self._uuid()))
        currency = self.chance.choice(("USD", "USD", "USD", "USD", "EUR"))
        self.records.append(
            MoneyRecord(
                f"txn_{about.id}_{repeat}", nature, nature, self._moment(), amount, 3, currency, about, amount,
                currency, self.chance.choice((None, capture)), named,
            )
        )  # fmt: skip
        if self.chance.random() < 0.1:
            self.records.append(
                MoneyRecord(f"fee_{about.id}_{repeat}", "other", "fee", self._moment(), -7, 0, currency)
            )

    def _moment(self) -> datetime:
        edge = self.chance.choice((FROM, FROM + timedelta(hours=12), TO, TO - timedelta(minutes=20)))
        return edge + timedelta(minutes=self.chance.choice((-61, -60, -20, -1, 0, 1, 20, 60, 61, 600)))

    def _uuid(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)


def keep_records(world: World, records: list[MoneyRecord], day: date = DAYS[0]) -> None:
    """Stage at most a batch of records, as a page of that day's reading does."""

    async def keep(tx: Tx) -> None:
        window = await store.lock(tx, "default", WindowKey("stripe", "main", day))
        assert window is not None
        await store.stage(tx, "default", window, MoneySource("list"), records)

    run_to_end(world.database.transaction(keep, name="plant"))


def compared_there(world: World, records: list[MoneyRecord]) -> list[Window]:
    """Stage the records and compare the days in the database; the windows, whose lines are not settled yet."""
    for first in range(0, len(records), 1000):
        keep_records(world, records[first : first + 1000])
    return [_compared(world, WindowKey("stripe", "main", day)) for day in DAYS]


def _compared(world: World, key: WindowKey) -> Window:
    async def look(tx: Tx) -> Window | None:
        return await store.lock(tx, "default", key)

    window = run_to_end(world.database.transaction(look, name="look"))
    while window is not None and window.state.startswith("comparing"):
        done = run_to_end(compare(world, "default", window))
        window = None if done is None else done.window
    assert window is not None
    return window
