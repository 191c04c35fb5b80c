"""Many workers, lost answers, dead processes: still one delivery, or one that says it is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest

from payonce.base.errors import Bug, Unavailable
from payonce.base.ids import Ids
from payonce.domain.effect import EffectKind
from payonce.drivers.chance import SystemChance
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.store.database import Database, Tx
from payonce.usecases.effect_handlers import EffectCall, NotAccepted, NotDone
from payonce.usecases.python_handlers import python_handler
from payonce.usecases.world import World
from tests.support.effects import AskedReceiver, Desk, Receiver, free_order, paid_for
from tests.support.house import House

T = TypeVar("T")
INVITE = EffectKind("invite", "order.paid", on_unknown="ask")
HOOK = EffectKind("hook", "order.paid", on_unknown="resend")


def worker_of(house: House, database: Database, kind: EffectKind, receiver: Any) -> Desk:
    """Another worker with connections of its own."""
    chance = SystemChance()
    world = World(database, house.clock, Ids(house.clock, chance), chance, {}, {}, policy=house.world.policy)
    return Desk(house, {kind: receiver}, world)


def test_of_two_workers_at_once_one_delivers(house: House, database_url: str) -> None:
    """E1: two workers at the same moment are one delivery."""
    house.world.kinds[:] = [INVITE]
    paid_for(house)
    receiver, start = Receiver(), threading.Barrier(2)

    def work(_: int) -> list[str]:
        with SyncDatabase(database_url, clock=house.clock, chance=SystemChance()) as database:
            desk = worker_of(house, database, INVITE, receiver)
            start.wait()
            return [found.outcome for found in desk.deliver()]

    with ThreadPoolExecutor(2) as pool:
        outcomes = [outcome for found in pool.map(work, range(2)) for outcome in found]
    assert outcomes == ["accepted"]
    assert len(receiver.calls) == 1


def test_two_hundred_effects_and_eight_workers_are_two_hundred_deliveries(house: House, database_url: str) -> None:
    """E1: whoever delivers, each is delivered once."""
    house.world.kinds[:] = [INVITE]
    for number in range(200):
        free_order(house, number)
    receivers = [Receiver() for _ in range(8)]
    start = threading.Barrier(8)

    def work(number: int) -> int:
        with SyncDatabase(database_url, clock=house.clock, chance=SystemChance()) as database:
            desk = worker_of(house, database, INVITE, receivers[number])
            start.wait()
            accepted = 0
            while house.rows("SELECT 1 FROM effects WHERE state <> 'done' LIMIT 1"):
                # Under SERIALIZABLE so many rivals may use up the runs of a transaction; a worker comes back then.
                with suppress(Unavailable):
                    accepted += sum(1 for found in desk.deliver(limit=200) if found.outcome == "accepted")
            return accepted

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(work, range(8)))
    calls = Counter(call.key for receiver in receivers for call in receiver.calls)
    assert len(calls) == 200
    assert sum(accepted) <= 200
    assert set(calls.values()) == {1}
    assert house.rows("SELECT outcome, count(*) FROM deliveries GROUP BY outcome") == [("accepted", 200)]


class _Twice:
    """A store whose every COMMIT is answered for only at the second run: the first one was done, and nobody knows."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        await self._inner.transaction(work, name=name, read_only=read_only)
        return await self._inner.transaction(work, name=name, read_only=read_only)


@pytest.mark.parametrize("kind", [INVITE, HOOK, EffectKind("credit", "order.paid", transactional=True)])
def test_commits_whose_answers_were_all_lost_change_nothing(database_url: str, kind: EffectKind) -> None:
    """E16: a lost answer of the database repeats no effect, and leaves none behind."""
    house = House(database_url, kinds=[kind])
    calls: list[str] = []

    def take(effect: EffectCall, connection: Any = None) -> None:
        calls.append(effect.key)
        if effect.try_number == 1 and not kind.transactional:
            raise NotDone("busy")

    paid_for(house)
    desk = worker_of(house, _Twice(house.database), kind, python_handler(take, transactional=kind.transactional))
    tries = 1 if kind.transactional else 2
    for _ in range(tries):
        desk.deliver()
        house.clock.move(5)
    shown = desk.only()
    assert (shown.effect.state, shown.effect.tries, len(calls)) == ("done", tries, tries)
    assert desk.retry(shown.effect).state == "pending"
    steps = house.rows("SELECT event FROM audit WHERE subject = 'effect' ORDER BY audit_id")
    assert len(steps) == 2 * tries + 1
    house.close()


class _Failing:
    """A store that does not answer for the transactions of one name."""

    def __init__(self, inner: Database, name: str) -> None:
        self._inner = inner
        self.name = name

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        if name == self.name:
            raise Unavailable("the database does not answer", code="store_unavailable")
        return await self._inner.transaction(work, name=name, read_only=read_only)


@pytest.mark.parametrize(
    ("on_unknown", "sent", "state"), [("ask", 1, "unknown"), ("verify", 1, "done"), ("resend", 2, "done")]
)
def test_when_the_answer_cannot_be_recorded_the_lease_decides(
    house: House, on_unknown: Any, sent: int, state: str
) -> None:
    kind = EffectKind("invite", "order.paid", on_unknown=on_unknown)
    house.world.kinds[:] = [kind]
    receiver = AskedReceiver(has_it=True)
    paid_for(house)
    store = _Failing(house.database, "record_deliveries")
    desk = worker_of(house, store, kind, receiver)
    assert [(found.outcome, found.reason) for found in desk.deliver()] == [("unrecorded", "store_unavailable")]
    assert desk.only().effect.state == "claimed"
    store.name = ""
    for _ in range(3):
        house.clock.move(60)
        desk.deliver()
    assert (len(receiver.calls), desk.only().effect.state) == (sent, state)


def test_an_answer_is_kept_until_the_store_takes_it(house: House) -> None:
    house.world.kinds[:] = [INVITE]
    paid_for(house)

    class Restarting(_Failing):
        async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
            if len(house.clock.slept) == 8:
                self.name = ""
            return await super().transaction(work, name=name, read_only=read_only)

    receiver = Receiver()
    desk = worker_of(house, Restarting(house.database, "record_deliveries"), INVITE, receiver)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert 10 < sum(house.clock.slept) < 60
    assert len(receiver.calls) == 1


def test_one_answer_that_cannot_be_recorded_costs_no_other(house: House) -> None:
    house.world.kinds[:] = [HOOK]
    for number in range(3):
        free_order(house, number)
    records = count()

    class FailingOnce(_Failing):
        async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
            if name == "record_deliveries" and next(records) == 1:
                raise Bug("a constraint that nobody thought of")
            return await super().transaction(work, name=name, read_only=read_only)

    desk = worker_of(house, FailingOnce(house.database, ""), HOOK, Receiver(NotAccepted("503")))
    assert sorted(found.outcome for found in desk.deliver()) == ["accepted", "refused", "unrecorded"]


KILLED_WORKER = """
import os, signal, sys
from payonce.base.ids import Ids
from payonce.domain.effect import EffectKind
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.python_handlers import python_handler
from payonce.usecases.world import World

dsn, outbox, on_unknown, transactional = sys.argv[1:]

def send(effect, connection=None):
    with open(outbox, "a") as letters:
        letters.write(effect.key + "\\n")
        letters.flush()
        os.fsync(letters.fileno())
    os.kill(os.getpid(), signal.SIGKILL)

async def describe(merchant_id, order_ids):
    return {order_id: {} for order_id in order_ids}

clock, chance = BlockingClock(), SystemChance()
world = World(SyncDatabase(dsn, clock=clock, chance=chance), clock, Ids(clock, chance), chance, {}, {})
kind = EffectKind("invite", "order.paid", on_unknown=on_unknown, transactional=transactional == "yes")
handlers = Handlers(describe)
handlers.add(kind, python_handler(send, transactional=kind.transactional))
run_to_end(deliver_effects(world, "default", handlers))
"""


@pytest.mark.parametrize(
    ("on_unknown", "transactional", "state", "sent"),
    [("ask", False, "unknown", 1), ("resend", False, "done", 2), ("ask", True, "done", 2)],
)
def test_a_worker_killed_between_the_work_and_the_answer(
    house: House, database_url: str, tmp_path: Path, on_unknown: Any, transactional: bool, state: str, sent: int
) -> None:
    """E16: SIGKILL after the work, before the answer. What must be single is not repeated."""
    kind = EffectKind("invite", "order.paid", on_unknown=on_unknown, transactional=transactional)
    house.world.kinds[:] = [kind]
    order_id = paid_for(house)
    outbox = tmp_path / "outbox"
    command = [
        sys.executable,
        "-c",
        KILLED_WORKER,
        database_url,
        str(outbox),
        on_unknown,
        "yes" if transactional else "no",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    died = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr

    def take(effect: EffectCall, connection: Any = None) -> None:
        with outbox.open("a") as letters:
            letters.write(effect.key + "\n")

    reborn = worker_of(house, house.database, kind, python_handler(take, transactional=transactional))
    [(lease_until,)] = house.rows("SELECT lease_until FROM effects")
    house.clock.instant = lease_until
    for _ in range(3):
        reborn.deliver()
        house.clock.move(60)
    # What was sent twice carries the same key; inside the transaction, the file is what lies outside of it.
    assert outbox.read_text().splitlines() == [f"{order_id.hex}:paid:invite"] * sent
    assert reborn.only().effect.state == state
    accepted = house.rows("SELECT count(*) FROM deliveries WHERE outcome = 'accepted'")
    assert accepted == [(1 if state == "done" else 0,)]
