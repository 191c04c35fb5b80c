"""`python -m tests.failover.patroni`: trouble a Patroni cluster under the real service, and look at what it answered.

The troubles come in turn, `--kills` of them; `--only WORD` takes those whose names contain it. After each one nothing
that was acknowledged may be missing, one node may write, every invariant holds, and the service goes on by itself. At
the end every order is charged, recorded and told of once. Exit code 1 when something was lost or broken.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.failover.acknowledged import write_gap
from tests.failover.cluster import Cluster, running_cluster
from tests.failover.load import Load, finish, lost, running_load, wrong_at_the_end
from tests.failover.troubles import TROUBLES
from tests.support.reports import write_report
from tests.support.waiting import until

# Enough answers that every shopper is in the middle of something when trouble comes, and has gone on after it.
SOME: Final = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trouble. `gap_seconds` is the longest time without an acknowledged write that ended after it began;
    `whole_seconds` how long the cluster took to be whole again."""

    trouble: str
    acknowledged: int
    lost: dict[str, list[str]]
    primaries: int
    gap_seconds: float
    whole_seconds: float
    proof: str


def live_through(trouble: str, cluster: Cluster, load: Load) -> Outcome:
    """Let it happen, and look at what is left."""
    _wait_for_answers(load, "some answers before")
    # A place that ran out while etcd was silent can go to another node after the cluster was whole.
    until(
        lambda: cluster.is_whole() and cluster.leader().is_primary(),
        what=lambda: f"a settled cluster: {cluster.seen()}",
    )
    began = time.time()
    mend = TROUBLES[trouble](cluster)
    _wait_for_answers(load, f"some answers in spite of {trouble}")
    gap = write_gap(load.moments(), began)
    mend()
    until(cluster.is_whole, what=lambda: f"a whole cluster: {cluster.seen()}")
    whole = time.time()
    _wait_for_answers(load, f"some answers after {trouble}")
    acknowledged = load.acknowledged()
    proved = load.service.command("prove")
    return Outcome(
        trouble, sum(map(len, acknowledged.values())), lost(cluster.dsn, acknowledged), len(cluster.primaries()),
        round(gap, 2), round(whole - began, 2),
        "" if proved.returncode == 0 else proved.stdout + proved.stderr,
    )  # fmt: skip


def _wait_for_answers(load: Load, what: str) -> None:
    known = load.count()
    until(lambda: load.failures or load.count() >= known + SOME, what=what)
    # A shopper who was refused buys nothing more, and later it would only be seen that answers are missing.
    assert not load.failures, f"{what}: {load.failures}"


def play(names: Sequence[str], kills: int, told: Callable[[list[Outcome]], object]) -> tuple[list[Outcome], list[str]]:
    """What became of each trouble, and what was wrong at the end. `told` hears of each as it is over."""
    outcomes: list[Outcome] = []
    with (
        tempfile.TemporaryDirectory(prefix="payonce-load-") as folder,
        running_cluster() as cluster,
        running_load(Path(folder), cluster.dsn) as load,
    ):
        for number, trouble in enumerate(islice(cycle(names), kills), 1):
            outcome = live_through(trouble, cluster, load)
            outcomes.append(outcome)
            sys.stderr.write(f"{number}/{kills} {_line(outcome)}\n")
            told(outcomes)
        finish(load, cluster.dsn)
        return outcomes, wrong_at_the_end(load, cluster.dsn)


def figures(outcomes: Sequence[Outcome], wrong: Sequence[str], seconds: float) -> dict[str, Any]:
    """What the report says."""
    gaps = [outcome.gap_seconds for outcome in outcomes]
    missing = sum(len(names) for outcome in outcomes for names in outcome.lost.values())
    broken = [outcome.trouble for outcome in outcomes if outcome.proof or outcome.primaries != 1]
    summary = (
        f"{len(outcomes)} troubles, {max(outcome.acknowledged for outcome in outcomes)} acknowledged, {missing} lost, "
        f"write gap median {median(gaps):.1f} s, at most {max(gaps):.1f} s, {len(broken) + len(wrong)} wrong, "
        f"{seconds:.0f} s"
    )
    each = {name: [outcome.gap_seconds for outcome in outcomes if outcome.trouble == name] for name in TROUBLES}
    return {
        "summary": summary, "lost": missing, "wrong": list(wrong), "broken": broken,
        "gap_seconds": {name: {"median": median(found), "max": max(found)} for name, found in each.items() if found},
        "troubles": [asdict(outcome) for outcome in outcomes],
    }  # fmt: skip


def _line(outcome: Outcome) -> str:
    return (
        f"{outcome.trouble}: {outcome.acknowledged} acknowledged, {sum(map(len, outcome.lost.values()))} lost, gap "
        f"{outcome.gap_seconds:.1f} s, whole after {outcome.whole_seconds:.1f} s{' BROKEN' if outcome.proof else ''}"
    )


def main() -> int:
    """Play what the command line asks for; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.failover.patroni", description="Trouble a Patroni cluster.")
    parser.add_argument("--kills", type=int, default=len(TROUBLES), help="how many troubles")
    parser.add_argument("--only", default="", metavar="WORD", help="only troubles whose names contain it")
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    asked = parser.parse_args()
    # Whoever ends the run lets it end what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.perf_counter()

    def tell(outcomes: Sequence[Outcome], wrong: Sequence[str] = ()) -> dict[str, Any]:
        told = figures(outcomes, wrong, time.perf_counter() - began)
        write_report(asked.report, told)
        return told

    names = [name for name in TROUBLES if asked.only in name]
    outcomes, wrong = play(names, asked.kills, tell)
    told = tell(outcomes, wrong)
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(told["summary"] + "\n")
    return 1 if told["lost"] or told["wrong"] or told["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
