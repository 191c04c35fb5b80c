"""`python -m tests.soak --minutes 240`: random kills and stops of everything under load, for that long.

Service, worker, database and the proxy between are killed (SIGKILL) or stand still (SIGSTOP), one or two of them at
once, and come back. Nothing that was acknowledged may be missing, every invariant holds, and in the end every order is
charged, recorded and told of once. `--report PATH` writes the figures; exit code 1 when something was lost or wrong.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.failover.acknowledged import write_gap
from tests.failover.load import finish, lost, wrong_at_the_end
from tests.soak.ground import TROUBLES, Ground, part_of, running_ground
from tests.support.reports import write_report
from tests.support.waiting import until

# Enough answers that every shopper is in the middle of something when trouble comes, and has gone on after it.
SOME: Final = 12
# How long a trouble lasts: mostly a moment, sometimes longer than leases (30 s) and the patience with a silent server.
USUAL_SECONDS, LONG_SECONDS, LONG_SHARE = 4.0, 45.0, 0.15
# So often everything that was acknowledged is looked up in the middle of the run.
LOOKED_UP_EVERY: Final = 25


@dataclass(slots=True)
class Told:
    """What came of a run until now. `gaps`: seconds without an acknowledged write, for each time that trouble came."""

    seconds: float = 0.0
    troubles: Counter[str] = field(default_factory=Counter)
    gaps: list[float] = field(default_factory=list)
    acknowledged: int = 0
    orders: int = 0
    lost: dict[str, list[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def live_through(ground: Ground, names: Sequence[str], seconds: float) -> float:
    """Let troubles happen together for so long, mend them, and wait until everything goes on; the write gap."""
    load, began = ground.load, time.time()
    known = load.count()
    mends = [(name, TROUBLES[name](ground)) for name in TROUBLES if name in names]
    threading.Event().wait(seconds)
    for _, mend in mends:
        mend()
    mended = load.count()
    until(lambda: load.failures or load.count() >= max(known, mended) + SOME, what=f"some answers after {names}")
    return write_gap(load.moments(), began)


def look(ground: Ground, told: Told, end: bool = False) -> None:
    """Compare what was acknowledged with what is there, and ask every invariant."""
    acknowledged = ground.load.acknowledged()
    told.acknowledged = sum(map(len, acknowledged.values()))
    told.orders = len(acknowledged["orders"])
    told.lost |= lost(ground.direct, acknowledged)
    told.wrong += [line for line in ground.ended() if line not in told.wrong]
    if end:
        told.wrong += wrong_at_the_end(ground.load, ground.direct)
    else:
        told.wrong += ground.load.failures
        proved = ground.load.service.command("prove")
        told.wrong += [proved.stdout + proved.stderr] if proved.returncode else []


def draw(chance: random.Random) -> tuple[list[str], float]:
    """What happens next, and for how long: one trouble, or two of different parts."""
    first = chance.choice(list(TROUBLES))
    names = [first]
    if chance.random() < 0.3:
        others = [name for name in TROUBLES if part_of(name) != part_of(first)]
        names.append(chance.choice(others))
    longest = LONG_SECONDS if chance.random() < LONG_SHARE else USUAL_SECONDS
    return names, chance.uniform(0.1, longest)


def play(seconds: float, seed: int, report: Path | None) -> Told:
    """Play for so long; what came of it."""
    chance, told, began = random.Random(seed), Told(), time.monotonic()
    with running_ground() as ground:
        until(lambda: ground.load.count() >= SOME, what="some answers before")
        while (told.seconds < seconds or not told.troubles) and not told.lost and not told.wrong:
            names, lasting = draw(chance)
            told.gaps.append(live_through(ground, names, lasting))
            told.troubles.update(names)
            told.seconds = time.monotonic() - began
            sys.stderr.write(
                f"{told.seconds:.0f} s: {', '.join(names)} for {lasting:.1f} s, gap {told.gaps[-1]:.1f} s\n"
            )
            if len(told.gaps) % LOOKED_UP_EVERY == 0:
                look(ground, told)
                write_report(report, figures(told, seconds))
            told.wrong += [line for line in ground.load.failures if line not in told.wrong]
        if not told.wrong:
            finish(ground.load, ground.direct)
        look(ground, told, end=True)
        return told


def figures(told: Told, wanted_seconds: float) -> dict[str, Any]:
    """What the report says."""
    missing = sum(len(names) for names in told.lost.values())
    gap = {"median": round(median(told.gaps), 2), "max": round(max(told.gaps), 2)} if told.gaps else {}
    said = f"write gap median {gap['median']:.1f} s, at most {gap['max']:.1f} s, " if gap else ""
    return {
        "summary": f"{told.seconds / 60:.0f} min, {told.troubles.total()} kills and stops, {told.orders} orders paid, "
        f"{told.acknowledged} acknowledged, {missing} lost, {said}{len(told.wrong)} wrong",
        "minutes": round(told.seconds / 60, 1), "wanted_minutes": round(wanted_seconds / 60, 1),
        "troubles": {name: told.troubles[name] for name in TROUBLES}, "orders": told.orders,
        "acknowledged": told.acknowledged, "lost": missing, "wrong": told.wrong, "gap_seconds": gap,
    }  # fmt: skip


def main() -> int:
    """Play what the command line asks for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Kill and stop everything under load.")
    parser.add_argument("--minutes", type=float, default=3.0, help="for how long")
    parser.add_argument("--seed", type=int, default=1, help="what is drawn from")
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    asked = parser.parse_args()
    # Whoever ends the run lets it end what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    told = play(asked.minutes * 60, asked.seed, asked.report)
    said = figures(told, asked.minutes * 60)
    write_report(asked.report, said)
    sys.stderr.writelines(f"{line}\n" for line in told.wrong)
    sys.stdout.write(said["summary"] + "\n")
    return 1 if told.lost or told.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
