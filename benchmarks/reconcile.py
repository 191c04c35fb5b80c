"""How long many payments take to be reconciled, in the database and on files, and in how much memory. Prints figures.

    python -m benchmarks.reconcile --payments 1000000 --files 1000000 10000000 30000000 --report dist/reconcile.json

In the database: the server is an embedded one of its own, and the floor (COPY and plain anti-joins of the same rows) is
measured beside it by the same server. `staged` is what reading costs beside the calls: records in batches, as pages
bring them; `compared` all that follows, of rows that nobody has read since they were written: who reads a row first
notes on its page that it counts, and that page goes whole into the WAL. `compared_again` is the same day once more, as
it is where autovacuum or anybody else has read the rows. Peak memory is of this process, which is the client; the
server's is its own.
On files (F9): Parquet of both sides, compared by DuckDB without a limit and within 512 MB, each in its own process.
Seconds of processors stand beside those of the clock, because a shared machine stretches the latter.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.big_day import lines_of, make_big_day
from benchmarks.big_files import compare_apart
from benchmarks.floor_of_reconciling import measure_floor
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
FILES = (1_000_000, 10_000_000, 30_000_000)
# From how many payments on 512 MB do not suffice for the join, however much is spilled.
MANY = 20_000_000
# Seconds, MB, and how much dearer a payment may be among 30M than among 10M: linear, with a tenth for chance.
TARGET = {
    "parquet_seconds": 5, "within_512mb_seconds": 15, "within_512mb_peak_mb": 512, "cost_at_30m_to_10m": 1.1,
}  # fmt: skip
Say = Callable[[str], object]


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


def set_back(url: str) -> None:
    """Set the day to where its comparison begins."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE reconcile_windows SET state = 'comparing_theirs', cursor = NULL")


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


def measure_database(payments: int) -> dict[str, Any]:
    """The figures of one day in the database, with the floor beside."""
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
                set_back(server.dsn())
                began = time.perf_counter()
                compare(world)
                again = time.perf_counter() - began
                is_exact = is_exact and lines_of(server.dsn()) == planted
                floor = measure_floor(server.dsn())
                whole_floor = floor["copied_seconds"] + floor["joined_seconds"]
                began = time.perf_counter()
                stage(world, payments)
                staged = time.perf_counter() - began
                return {
                    "payments": payments, "compared_seconds": round(compared, 2),
                    "compared_again_seconds": round(again, 2), "staged_seconds": round(staged, 2),
                    "compared_per_second": round(payments / compared), "batches": did.batches, "findings": did.found,
                    "found_exactly_the_planted": is_exact, "client_peak_mb": round(_peak_mb(), 1),
                    "client_peak_mb_before": round(before, 1), "floor": floor,
                    "compared_to_joins_of_the_floor": round(compared / floor["joined_seconds"], 2),
                    "compared_to_the_floor": round(compared / whole_floor, 2),
                    "compared_again_to_the_floor": round(again / whole_floor, 2),
                }  # fmt: skip
        finally:
            server.stop()


def _peak_mb() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1024 if sys.platform != "darwin" else used / 1024**2


def measure_files(payments: int) -> dict[str, Any]:
    """The figures of that many payments on files, without a limit and within 512 MB, or 768 where they are many."""
    with tempfile.TemporaryDirectory(prefix="payonce-benchmark-") as folder:
        command = [sys.executable, "-m", "benchmarks.big_files", "make", folder, str(payments)]
        subprocess.run(command, check=True)
        limits = ways(payments).items()
        return {"payments": payments} | {name: compare_apart(Path(folder), memory) for name, memory in limits}


def ways(payments: int) -> dict[str, str | None]:
    """Within which memory so many are compared, by what that is called."""
    limit = "768MB" if payments > MANY else "512MB"
    return {"unlimited": None, limit: limit}


def measure(payments: int = 1_000_000, files: Sequence[int] = FILES, *, say: Say = lambda text: None) -> dict[str, Any]:
    """All figures; under `figures` F9 as {value, target, met}. `say` is told of each as it comes."""
    found: dict[str, Any] = {"database": measure_database(payments), "files": []}
    say(json.dumps(found["database"], indent=2))
    for number in files:
        found["files"].append(measure_files(number))
        say(row(found["files"][-1]))
    found["figures"] = {"F9": f9(found["files"])}
    return found


def f9(files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """10M in seconds, and how much more a payment costs among the most than among 10M. None was not measured."""
    by_number = {one["payments"]: one for one in files}
    ten, most = by_number.get(10_000_000), by_number.get(30_000_000)
    value: dict[str, Any] = {
        "parquet_seconds": ten and ten["unlimited"]["seconds"], "within_512mb_seconds": ten and ten["512MB"]["seconds"],
        "within_512mb_peak_mb": ten and ten["512MB"]["peak_mb"],
        "cost_at_30m_to_10m": ten and most and _cost(most, ten),
        "exact": all(one[way]["found_exactly_the_planted"] for one in files for way in ways(one["payments"])),
    }  # fmt: skip
    is_known = all(part is not None for part in value.values())
    met = is_known and value["exact"] and all(value[name] <= most for name, most in TARGET.items())
    return {"value": value, "target": TARGET, "met": met}


def _cost(most: dict[str, Any], ten: dict[str, Any]) -> float:
    """How much dearer a payment is among 30M than among 10M, by the worse of both ways."""
    pairs = zip(ways(most["payments"]), ways(ten["payments"]), strict=True)
    dearer: float = max(most[way]["seconds"] / ten[other]["seconds"] for way, other in pairs) / 3
    return round(dearer, 2)


def row(one: dict[str, Any]) -> str:
    """A line of the table: each way with its seconds, those of processors, and its peak."""
    told = "  ".join(
        f"{way}: {one[way]['seconds']:8.2f} s {one[way]['cpu_seconds']:8.2f} cpu-s {one[way]['peak_mb']:6} MB"
        for way in ways(one["payments"])
    )
    return f"{one['payments']:>11,}  {told}"


def main() -> None:
    """Print the figures, and write them as JSON where a report is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, nargs="*", default=FILES)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    found = measure(given.payments, given.files, say=lambda text: print(text, flush=True))
    print(json.dumps(found["figures"], indent=2))
    if given.report is not None:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
