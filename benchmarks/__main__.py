"""Everything that is said of speed, in one run, side by side on one server: `make bench`, `make bench QUICK=1`.

    python -m benchmarks [--quick] [--past ORDERS] [--only F1,F2]

Sides take turns, repetition by repetition, so that a machine that grows slower grows slower for all. The result goes to
benchmarks/results/latest.json, the tables to docs/performance.md, the pictures to docs/images. Exit code 1 when a floor
wrote fewer rows than payonce, for then nothing was compared, or when something could not be measured; a target that is
missed is printed as missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from benchmarks import asking, drain, figures, flood, others, page, reconciled, simulated, standing
from benchmarks.place import Place, running
from benchmarks.settling import Settling, Side, lacking

PAST: Final = "bench_past"
# Those bring a server of their own.
_NEED_NOTHING: Final = frozenset({"F9", "F11"})
_NEED_SIDES: Final = frozenset({"F1", "F2", "F3", "F4", "F5", "F6"})


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: `orders` wait in the template, each measurement takes `seconds`."""

    repetitions: int
    orders: int
    seconds: float
    past: int
    effects: int
    handled: int
    events: int
    seeds: int
    payments: int


# Three minutes and an hour, on a machine with nothing else to do.
QUICK: Final = Size(2, 40_000, 2.0, 0, 2_000, 4_000, 8_000, 4, 0)
LONG: Final = Size(5, 160_000, 5.0, 5_000_000, 20_000, 60_000, 1_000_000, 20, 10_000_000)


class Bench:
    """One run."""

    def __init__(self, place: Place, size: Size, only: frozenset[str]) -> None:
        self._place = place
        self._size = size
        self._only = only
        self.sides: dict[str, list[Side]] = {}
        self.values: dict[str, float] = {}
        # Why something could not be measured.
        self.failed: dict[str, str] = {}
        self.after_each: Callable[[], None] = lambda: None

    def play(self) -> None:
        """Measure everything that is asked for. Raises RuntimeError where a measurement is none."""
        size = self._size
        if self._only - _NEED_NOTHING:
            self._say(f"making {size.orders:,} orders")
            self._place.make_template(size.orders)
        if self._only & _NEED_SIDES:
            self._settle()
        if "F4" in self._only:
            for name, side in flood.waits(self._place, orders=size.orders, seconds=size.seconds).items():
                self._note(name, side)
        self._try("F6", "of_empty", self._with_a_past, size.past > 0)
        self._try("F7", "webhooks", lambda: drain.webhooks(self._place, size.effects))
        self._try("F7", "transactional", lambda: drain.transactional(self._place, size.handled))
        for part, ask in (("bare", asking.bare), ("checkouts", asking.checkouts), ("statuses", asking.statuses)):
            self._try("F8", part, partial(self._asked, ask))
        self._try("F10", "start_seconds", standing.start_seconds)
        self._try("F10", "resident_mb", lambda: max(standing.memory_mb(self._place, size.events)))
        self._try("F11", "rushes", lambda: simulated.orders_per_second(size.seeds, "rush"))
        self._try("F11", "storms", lambda: simulated.orders_per_second(size.seeds, "storm"))
        for part, measure in reconciled.parts(size.payments).items():
            self._try("F9", part, measure)

    def _asked(self, ask: Callable[..., Side]) -> float:
        side = ask(self._place, seconds=self._size.seconds)
        self._note(side.name, side)
        return side.rate

    def _settle(self) -> None:
        size = self._size
        settling = Settling(self._place, orders=size.orders, seconds=size.seconds)
        turns: dict[str, Callable[[], Side]] = {
            "floor E": lambda: settling.floor_e(16),
            "floor S": settling.floor_s,
            "one process": lambda: settling.payonce(1, 64),
            "two processes": lambda: settling.payonce(2, 256),
            "floor E, lone": lambda: settling.floor_e(1),
            "lone": lambda: settling.payonce(1, 1),
            "duplicates": lambda: settling.payonce(1, 64, repeat=True),
            "half rate": lambda: settling.payonce(
                2, 256, rate=max(side.rate for side in self.sides["two processes"]) / 2
            ),
        }
        if "F3" in self._only:
            self._say("preparing the peers")
            others.prepare(self._place, size.orders)
            turns["ORM service"] = lambda: settling.orm(2, 64)
            turns["dj-stripe"] = lambda: settling.django(2, 16)
        for _ in range(size.repetitions):
            for name, measure in turns.items():
                self._note(name, measure())
        self._compare()

    def _compare(self) -> None:
        """Whether each floor wrote what payonce wrote. Raises RuntimeError with the tables where not."""
        for floor in ("floor E", "floor S"):
            missing = lacking(self.sides[floor][-1], self.sides["one process"][-1])
            if missing:
                raise RuntimeError(f"{floor} wrote fewer rows than payonce: {', '.join(missing)}")

    def _with_a_past(self) -> float:
        size = self._size
        self._say(f"making a past of {size.past:,} orders")
        self._place.make_template(size.orders, size.past, PAST)
        settling = Settling(self._place, orders=size.orders, seconds=size.seconds, first=size.past + 1, template=PAST)
        for _ in range(min(3, size.repetitions)):
            self._note("with a past", settling.payonce(2, 256))
        return figures.of_sides(self.sides)["F6.of_empty"]

    def _try(self, figure: str, part: str, measure: Callable[[], float], is_wanted: bool = True) -> None:
        if figure not in self._only or not is_wanted:
            return
        try:
            self.values[f"{figure}.{part}"] = value = measure()
        except RuntimeError as error:
            # Not measured is not met; the others are measured all the same.
            self.failed[f"{figure}.{part}"] = str(error).strip().splitlines()[-1][:200]
            self._say(f"{figure} {part} was not measured: {error}")
        else:
            self._say(f"{figure} {part}: {value:,.2f}")
        self.after_each()

    def _note(self, name: str, side: Side) -> None:
        self.sides.setdefault(name, []).append(side)
        self._say(
            f"{name}: {side.rate:,.0f}/s, p50 {side.p50:.1f}, p99 {side.p99:.1f}, mean {side.mean:.2f} ms; an event: "
            f"{side.rows_per_event:g} rows, {side.fsyncs_per_event:.3f} fsyncs, {side.wal_per_event:,} bytes of WAL, "
            f"{side.server_cpu_us} us of the server, {side.service_cpu_us} us of the service"
        )
        self.after_each()

    def _say(self, what: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)


def main() -> int:
    """Run, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three minutes: few repetitions, no past, no millions")
    parser.add_argument("--past", type=int, help="how many orders are in the tables for F6")
    parser.add_argument("--only", default="", help="figures to measure, such as F1,F5; nothing is written then")
    asked = parser.parse_args()
    size = QUICK if asked.quick else LONG
    if asked.past is not None:
        size = Size(**{**asdict(size), "past": asked.past})
    every = frozenset(target.figure for target in figures.TARGETS)
    only = frozenset(asked.only.split(",")) if asked.only else every
    with running() as place:
        [(version,)] = place.rows("SHOW server_version", database="postgres")
        run = {
            "mode": "quick" if asked.quick else "long", "repetitions": size.repetitions, "cores": os.cpu_count(),
            "postgresql": version.split()[0], "python": platform.python_version(), "past": size.past,
            "load_before": round(os.getloadavg()[0], 1), "load_after": 0.0,
            "began_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }  # fmt: skip
        bench = Bench(place, size, only)
        # A run that is stopped leaves what it has measured.
        bench.after_each = lambda: _keep(bench, run) if only == every else None
        bench.play()
    print(page.text(_result(bench, run)))
    if only == every:
        page.main()
        words = [str(others.PYTHON), "-m", "benchmarks.plots", str(page.LATEST), str(page.ROOT / "docs" / "images")]
        subprocess.run(words, cwd=page.ROOT, check=True)
    return 1 if bench.failed else 0


def _result(bench: Bench, run: dict[str, Any]) -> dict[str, Any]:
    run["load_after"] = round(os.getloadavg()[0], 1)
    return {
        "run": run, "failed": bench.failed, "figures": figures.judged(bench.values | figures.of_sides(bench.sides)),
        "sides": {name: [asdict(side) for side in many] for name, many in bench.sides.items()},
    }  # fmt: skip


def _keep(bench: Bench, run: dict[str, Any]) -> None:
    page.LATEST.parent.mkdir(exist_ok=True)
    page.LATEST.write_text(json.dumps(_result(bench, run), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
