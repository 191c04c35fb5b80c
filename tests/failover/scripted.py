"""`python -m tests.failover.scripted`: kill a primary under load and promote its standby, again and again.

The one that was killed comes back as the standby of the next. Nothing that was acknowledged may be missing, every
invariant holds, and callers go on by the same address. `--report PATH` writes the figures; exit code 1 when something
was lost or broken.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID

import psycopg

from payonce.base.errors import InDoubt, Unavailable
from payonce.base.ids import Ids
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.prove import prove_all
from payonce.usecases.world import World
from tests.failover.acknowledged import Acknowledged, write_gap
from tests.support.pair import Pair, running_pair
from tests.support.reports import write_report
from tests.support.waiting import DEADLINE_SECONDS, until

CALLERS: Final = 3
# Enough that all callers are in the middle of something when it happens, and go on after it.
BEFORE, AFTER = 40, 20
ORDERS: Final = "orders"


class Load:
    """Callers that place orders of nothing, each paid at once, and write down what they were told."""

    def __init__(self, dsn: str, name: str = "load") -> None:
        self.told = Acknowledged()
        self._name = name
        self._is_over = threading.Event()
        self._dsn = dsn
        self._threads = [threading.Thread(target=self._call, args=(caller,)) for caller in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every caller end."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def _call(self, caller: int) -> None:
        with SyncDatabase(self._dsn, clock=BlockingClock(), chance=SystemChance(), connections=1) as database:
            world, number = a_world(database), 0
            while not self._is_over.is_set():
                name = f"{self._name}:{caller}:{number}"
                wish = PlaceOrder(
                    reference=name, purpose=name, amount_minor=0, currency="USD", payer_reference="somebody"
                )
                try:
                    placed = run_to_end(place_order(world, "default", wish))
                except (Unavailable, InDoubt):
                    # Whoever got no answer asks again for the same.
                    continue
                self.told.note(ORDERS, str(placed.order.id))
                number += 1


def a_world(database: SyncDatabase) -> World:
    """What use cases are handed here; no provider is needed for what costs nothing."""
    clock, chance = BlockingClock(), SystemChance()
    return World(database, clock, Ids(clock, chance), chance, {}, {})


def missing(pair: Pair, load: Load) -> set[UUID]:
    """What was acknowledged and is not there."""
    with psycopg.connect(pair.standby.dsn()) as connection:
        rows = connection.execute("SELECT order_id FROM settlements").fetchall()
    return {UUID(name) for name in load.told.ids(ORDERS)} - {order_id for (order_id,) in rows}


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill. `gap_seconds` is the longest time without an acknowledged write that ended after it; `promoted_seconds`
    how long the promotion itself took."""

    acknowledged: int
    lost: int
    told_twice: int
    broken: int
    gap_seconds: float
    promoted_seconds: float


def kill_once(pair: Pair, number: int = 1) -> Kill:
    """Kill the primary under load and promote its standby; what was left."""
    load = Load(pair.dsn, f"kill {number}")
    try:
        until(lambda: len(load.told) >= BEFORE, what="some orders")
        killed = time.time()
        pair.kill_the_primary()
        pair.promote()
        promoted = time.time()
        known = len(load.told)
        until(lambda: len(load.told) >= known + AFTER, what="callers to go on at the new primary")
    finally:
        load.stop()
    told = load.told.ids(ORDERS)
    with SyncDatabase(pair.standby.dsn(), clock=BlockingClock(), chance=SystemChance()) as database:
        broken = run_to_end(prove_all(a_world(database)))
    gap = write_gap(load.told.moments(), killed)
    return Kill(
        len(told), len(missing(pair, load)), len(told) - len(set(told)), len(broken), round(gap, 3),
        round(promoted - killed, 3),
    )  # fmt: skip


def kill_often(times: int) -> Iterator[Kill]:
    """Kill one primary after the other; each is the standby of the next when it comes back."""
    with running_pair() as pair:
        for number in range(1, times + 1):
            if number > 1:
                pair.rejoin()
            yield kill_once(pair, number)


def figures(kills: Sequence[Kill], seconds: float) -> dict[str, Any]:
    """What the report says."""
    gaps = [kill.gap_seconds for kill in kills]
    lost, wrong = sum(kill.lost for kill in kills), sum(kill.told_twice + kill.broken for kill in kills)
    summary = (
        f"{len(kills)} kills, {sum(kill.acknowledged for kill in kills)} acknowledged, {lost} lost, write gap median "
        f"{median(gaps):.2f} s, at most {max(gaps):.2f} s, {wrong} wrong, {seconds:.0f} s"
    )
    return {
        "summary": summary, "lost": lost, "wrong": wrong, "gap_seconds": {"median": median(gaps), "max": max(gaps)},
        "kills": [asdict(kill) for kill in kills],
    }  # fmt: skip


def main() -> int:
    """Kill as often as the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.failover.scripted", description="Kill primaries under load.")
    parser.add_argument("--kills", type=int, default=20, help="how many")
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    asked = parser.parse_args()
    # Whoever ends the run lets it end what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.perf_counter()
    kills: list[Kill] = []
    told: dict[str, Any] = {}
    for kill in kill_often(asked.kills):
        kills.append(kill)
        sys.stderr.write(f"{len(kills)}/{asked.kills} gap {kill.gap_seconds:.2f} s, {kill.lost} lost\n")
        told = figures(kills, time.perf_counter() - began)
        write_report(asked.report, told)
    sys.stdout.write(told["summary"] + "\n")
    return 1 if told["lost"] or told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
