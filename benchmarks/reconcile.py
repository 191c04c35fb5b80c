"""How long a day of many payments takes to be reconciled, and how much memory the client needs. Prints figures.

    python -m benchmarks.reconcile --payments 1000000

The server is an embedded one of its own. `staged` is what reading costs beside the calls: records in batches, as pages
bring them; `compared` all that follows. Peak memory is of this process, which is the client; the server's is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.big_day import lines_of, make_big_day
from payonce.base.ids import Ids
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import MoneyRecord, MoneySource
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.embedded import EmbeddedServer
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.providers.gateway import ProviderLooker
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.transport import Answer, Request
from payonce.store import reconciliation as store
from payonce.store.database import Tx
from payonce.store.migrate import migrate
from payonce.store.reconciliation import WindowKey
from payonce.usecases.reconcile import Reconciled, reconcile
from payonce.usecases.reconcile_step import grew_much, learn_records
from payonce.usecases.world import World

BATCH = 1000


class Silent:
    """Nobody is called."""

    async def send(self, request: Request) -> Answer:
        raise RuntimeError("a comparison called a provider")


def world_over(database: SyncDatabase, now: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> World:
    """A world with one account of Stripe that is never called; by default the big day was yesterday in it."""
    clock, chance = At(now), SystemChance()
    adapter = StripeAdapter("sk_test_benchmark_1234567890", ["whsec_of_the_benchmark_1234567890"])
    key = ("stripe", "main")
    return World(
        database, clock, Ids(clock, chance), chance, {key: ProviderLooker(adapter, Silent())}, {key: "default"}
    )


class At(BlockingClock):
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


def compare(world: World) -> Reconciled:
    """All that follows the reading of the day."""
    return run_to_end(reconcile(world, "default", 10**9))


def stage(world: World, payments: int) -> None:
    """Stage as many records as the day has, in batches, under another account's name."""
    key = WindowKey("stripe", "main", datetime(2026, 11, 19, tzinfo=UTC).date())
    source, done = MoneySource("list"), 0
    for batch in _batches(payments):

        async def keep(tx: Tx, records: list[MoneyRecord] = batch) -> None:
            window = await store.lock(tx, "default", key)
            if window is not None:
                await store.stage(tx, "default", window, source, records)

        run_to_end(world.database.transaction(keep, name="benchmark_stage"))
        if grew_much(done, done + len(batch)):
            run_to_end(learn_records(world))
        done += len(batch)


def _batches(payments: int) -> Iterator[list[MoneyRecord]]:
    begin = datetime(2026, 11, 18, tzinfo=UTC)
    for first in range(0, payments, BATCH):
        yield [
            MoneyRecord(
                f"txn_staged_{n}", "charge", "charge", begin + timedelta(milliseconds=80 * n), 4500, 161, "USD",
                Ref("payment_intent", f"pi_staged_{n}"), 4500, "USD",
            )
            for n in range(first, min(first + BATCH, payments))
        ]  # fmt: skip


def measure(payments: int) -> dict[str, Any]:
    """The figures."""
    with tempfile.TemporaryDirectory(prefix="payonce-benchmark-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedServer(Path(folder))
        server.start()
        try:
            with SyncDatabase(server.dsn(), clock=BlockingClock(), chance=SystemChance()) as database:
                run_to_end(migrate(database))
                with psycopg.connect(server.dsn()) as connection:
                    planted = make_big_day(connection, payments)
                world = world_over(database)
                before = _peak_mb()
                began = time.perf_counter()
                did = compare(world)
                compared = time.perf_counter() - began
                is_exact = lines_of(server.dsn()) == planted
                began = time.perf_counter()
                stage(world, payments)
                staged = time.perf_counter() - began
                return {
                    "payments": payments, "compared_seconds": round(compared, 2), "staged_seconds": round(staged, 2),
                    "compared_per_second": round(payments / compared), "batches": did.batches, "findings": did.found,
                    "found_exactly_the_planted": is_exact, "client_peak_mb": round(_peak_mb(), 1),
                    "client_peak_mb_before": round(before, 1),
                }  # fmt: skip
        finally:
            server.stop()


def _peak_mb() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1024 if sys.platform != "darwin" else used / 1024**2


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=1_000_000)
    print(json.dumps(measure(parser.parse_args().payments), indent=2))


if __name__ == "__main__":
    main()
