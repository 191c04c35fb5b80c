"""`python -m tests.crash`: live through all crashes of all flows on all cores, and end with one line of figures.

Every boundary in every mode, and further crashes in recovery. Exit code 1 when a life went wrong. `--gate` takes what
the tests take; `--only WORD` the flows whose names contain it; `--report PATH` writes the figures as JSON.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.crash.batch import enumerate_flows
from tests.crash.enumeration import FLOWS, Tally
from tests.support.reports import write_report


def main() -> int:
    """Live through what the command line asks for; its exit code."""
    asked = _parser().parse_args()
    flows = [flow.name for flow in FLOWS if asked.only in flow.name]
    began, tallies = time.perf_counter(), {}
    for name, tally in enumerate_flows(flows, thorough=not asked.gate):
        tallies[name] = tally
        sys.stderr.write(f"{name}: {tally.points} points, {len(tally.broken)} broken\n")
        sys.stderr.writelines(f"  {line}\n" for line in tally.broken)
    return _say(tallies, time.perf_counter() - began, asked.report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="Die at every boundary of every flow.")
    parser.add_argument("--gate", action="store_true", help="only the crashes that the tests live through")
    parser.add_argument("--only", default="", metavar="WORD", help="only flows whose names contain it")
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    return parser


def _say(tallies: dict[str, Tally], seconds: float, report: Path | None) -> int:
    points, second = (sum(getattr(tally, word) for tally in tallies.values()) for word in ("points", "second"))
    broken = [line for tally in tallies.values() for line in tally.broken]
    summary = (
        f"{len(tallies)} flows, {points} crash points, {second} of them in recovery, {len(broken)} broken, "
        f"{seconds:.0f} s"
    )
    flows = {name: {"points": tally.points, "in_recovery": tally.second} for name, tally in tallies.items()}
    figures = {"summary": summary, "points": points, "in_recovery": second, "broken": broken, "flows": flows}
    write_report(report, figures)
    sys.stdout.write(summary + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
