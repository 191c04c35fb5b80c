"""`python -m payonce.simulation --seeds 1:20`: play seeds on all cores, show how far it is, end with a summary.

Exit code 0 when every promise held, 1 when one broke or something expected never happened, 2 for wrong words. With
`--only` and a single seed it plays these stories alone and prints the trace.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from payonce.simulation.batch import find_all, play_seeds
from payonce.simulation.day import ANY, NAMED
from payonce.simulation.report import Report
from payonce.simulation.run import STORIES, Outcome, play
from payonce.simulation.server import create_database, one_line, passing_server
from payonce.simulation.shrink import Smallest, shrink

# A failure of each promise is made small, and no more than these: every one takes as long as some dozen runs.
MOST_SHRUNK: Final = 2
# Accounts that a seed draws those of its merchant from, where nothing else is said.
PROVIDERS: Final = (
    "payonce.app:simulated_stripe", "payonce.app:simulated_zalopay", "payonce.app:simulated_nowpayments",
)  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Play what the command line asks for; its exit code."""
    asked = _parser().parse_args(words)
    console = Console(stderr=True)
    with ExitStack() as stack:
        address = asked.database_url or stack.enter_context(passing_server()).dsn("postgres")
        if asked.only:
            return _tell(asked, address)
        began = time.perf_counter()
        outcomes = _play(asked, address, console)
        seconds = time.perf_counter() - began
        smallest = [] if asked.fast else _shrink(asked, address, outcomes, console)
    report = Report(outcomes, seconds, smallest)
    _show(report, console)
    if asked.report:
        report.write(asked.report)
    sys.stdout.write(report.summary() + "\n")
    return 0 if report.is_good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m payonce.simulation", description="Play seeds of the simulation.")
    parser.add_argument("--seeds", type=_seeds, default=range(1, 21), metavar="FIRST:LAST", help="default: 1:20")
    parser.add_argument("--size", type=int, default=STORIES, help="how many stories a stormy seed tells")
    parser.add_argument(
        "--provider", action="append", metavar="MODULE:FUNCTION",
        help="what makes an account; said several times, a seed draws which of them its merchant has",
    )  # fmt: skip
    parser.add_argument("--database-url", default="", help="a server to use; default: one of its own, without fsync")
    parser.add_argument("--report", type=Path, help="where to write the report as JSON")
    parser.add_argument("--fast", action="store_true", help="one process, up to the first violation, not made small")
    parser.add_argument("--day", choices=(ANY, *NAMED), default=ANY, help="play such days, whatever the seeds draw")
    parser.add_argument("--stories", default="", metavar="STORY,...", help="play these stories of every seed alone")
    parser.add_argument(
        "--only", metavar="STORY,...", help="with a single seed: play these stories and print the trace"
    )
    return parser


def _seeds(text: str) -> range:
    first, _, last = text.partition(":")
    try:
        found = range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIRST:LAST") from None
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} names no seed")
    return found


def _play(asked: argparse.Namespace, address: str, console: Console) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("seeds", total=len(asked.seeds))
        orders = 0

        def done(outcome: Outcome) -> bool:
            nonlocal orders
            orders += outcome.orders
            progress.update(task, advance=1, description=f"seeds ({orders} orders)")
            for broken in outcome.violations[:3]:
                progress.console.print(f"seed {outcome.seed}: {broken}", style="red", markup=False)
            return not (asked.fast and outcome.violations)

        providers, stories = asked.provider or PROVIDERS, asked.stories.split(",") if asked.stories else None
        return play_seeds(
            asked.seeds, address, providers, asked.size, done, day=asked.day, fast=asked.fast, stories=stories
        )


def _shrink(asked: argparse.Namespace, address: str, outcomes: Sequence[Outcome], console: Console) -> list[Smallest]:
    failed = {outcome.violations[0].promise: outcome for outcome in reversed(outcomes) if outcome.violations}
    if not failed:
        return []
    makers = find_all(asked.provider or PROVIDERS)
    with one_line(create_database(address)) as line, console.status("making the failures small"):

        def again(seed: int, stories: Sequence[str] | None, faults: Sequence[str] | None, size: int) -> Outcome:
            return play(seed, line, makers, stories=stories, faults=faults, size=size, day=asked.day)

        return [shrink(again, outcome, asked.size) for outcome in list(failed.values())[:MOST_SHRUNK]]


def _show(report: Report, console: Console) -> None:
    for small in report.smallest:
        console.print(f"\n{small.promise}, made small in {small.runs} runs. The trace:", markup=False)
        console.print("\n".join(small.outcome.trace[-60:]), markup=False, highlight=False, soft_wrap=True)
        console.print("\nA test of it:\n", markup=False)
        console.print(small.as_test(), markup=False, highlight=False, soft_wrap=True)
    for line in report.missed:
        console.print(f"never happened: {line}", style="yellow", markup=False)


def _tell(asked: argparse.Namespace, address: str) -> int:
    """Play some stories of one seed, and print everything that happened."""
    with one_line(create_database(address)) as line:
        outcome = play(
            asked.seeds[0],
            line,
            find_all(asked.provider or PROVIDERS),
            stories=asked.only.split(","),
            size=asked.size,
            day=asked.day,
            keep_trace=True,
        )
    sys.stdout.write("\n".join(outcome.trace) + "\n")
    sys.stdout.write("\n".join(map(str, outcome.violations)) + ("\n" if outcome.violations else "no violations\n"))
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
