"""`python -m tests.project.long_run RUN…`: keep what long runs measured, and write it into docs/guarantees.md.

It reads what the runs named left in dist/, keeps their figures in docs/figures/long-run.json beside those of other
runs, and writes the page from there; without names it only writes the page. `--add` keeps what the same run measured
before as well, so that four hours may be two evenings: the page adds them up and says how many there were. Figures are
never typed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.project.tree import ROOT

PAGE: Final = ROOT / "docs" / "guarantees.md"
KEPT: Final = ROOT / "docs" / "figures" / "long-run.json"
REPORTS: Final = ROOT / "dist"
_BEGIN: Final = "<!-- written from docs/figures/long-run.json by `python -m tests.project.long_run` -->\n"
_END: Final = "<!-- the end of what is written from it -->\n"

Report = Mapping[str, Any]
# What was measured under each target: one entry, or those of several runs that count together.
Kept = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a run. `target`: the least that is wanted, or the most where `is_limit`; None: it has none.

    `joined` makes one figure of those of several runs: what is counted is added up.
    """

    what: str
    read: Callable[[Report], float]
    target: float | None = None
    is_limit: bool = False
    joined: Callable[[Iterable[float]], float] = sum

    def judged(self, value: float) -> str:
        """How the value stands to the target: reached, how much of it, or missed."""
        if self.target is None:
            return "–"
        if self.is_limit:
            return "kept" if value <= self.target else "MISSED"
        return "reached" if value >= self.target else f"{max(1, int(100 * value / self.target))} % of it"


@dataclass(frozen=True, slots=True)
class Run:
    """A target of make that takes long: what it measures, and on what conditions it says that it did."""

    name: str
    measures: tuple[Measure, ...]
    conditions: Callable[[Report], str]


def count(*names: str) -> Callable[[Report], float]:
    """Read numbers, or how many stand in lists, and add them up."""

    def read(report: Report) -> float:
        return sum(len(report[name]) if isinstance(report[name], list) else report[name] for name in names)

    return read


def longest_gap(report: Report) -> float:
    """The longest of all gaps, in seconds, where each kind of trouble has its own."""
    return max(float(gap["max"]) for gap in report["gap_seconds"].values())


def _ends(report: Report) -> list[int]:
    """The first and the last seed."""
    return [min(report["seeds"], default=0), max(report["seeds"], default=0)]


def at_most(what: str, read: Callable[[Report], float], bound: float) -> Measure:
    """What has a limit in each run."""
    return Measure(what, read, bound, is_limit=True, joined=max)


def none(what: str, *names: str) -> Measure:
    """What must not happen at all."""
    return Measure(what, count(*names), 0, is_limit=True)


RUNS: Final = (
    Run("soak", (
        Measure("simulated orders", count("orders"), 1_000_000),
        Measure("faults", lambda report: sum(fault["times"] for fault in report["faults"].values()), 1_000_000),
        none("violations", "violations"),
    ), lambda report: "seeds {} to {}".format(*_ends(report))),
    Run("planted", (
        Measure("planted bugs found", count("found"), 25, joined=min), none("planted bugs missed", "missed"),
    ), lambda report: f"each within {report['seeds']} seeds"),
    Run("crash", (
        Measure("crash points", count("points"), 5_000), Measure("of them in recovery", count("in_recovery")),
        none("lives that went wrong", "broken"),
    ), lambda report: f"{len(report['flows'])} flows"),
    Run("poor", (
        Measure("tests on a poorer database", count("passed"), joined=min), none("of them failed", "failed"),
    ), lambda report: "SERIALIZABLE, without SKIP LOCKED"),
    Run("fuzz", (
        Measure("bad inputs", count("inputs"), 10_000_000), none("accepted", "accepted"), none("errors", "exceptions"),
        none("targets whose memory grew", "grew"), none("planted mistakes not reported", "plants_not_reported"),
    ), lambda report: f"{len(report['targets'])} targets, {report['peak_memory_mib']:.0f} MiB at most"),
    Run("overload", (
        Measure("seconds of ten times the rate", count("seconds"), 300), none("wrong answers", "wrong"),
        Measure("served meanwhile, of what is sustainable", count("served_of_sustainable"), 0.5, joined=min),
        Measure("of the kind of request that got least", lambda report: min(report["of_each_kind"].values()),
                joined=min),
        at_most("seconds until served as before", count("seconds_until_served_as_before"), 5),
    ), lambda report: f"{report['sent']} sent, where {report['sustainable_per_second']} a second are sustainable"),
    Run("growth", (
        Measure("questions asked behind ten times the past", count("questions"), joined=max),
        Measure("orders in it", count("orders"), 5_000_000, joined=min), none("that read more for it", "grow"),
    ), lambda report: f"a payment reads {report['payment'][0]} pages, {report['payment'][1]} behind ten times as much"),
    Run("failover", (
        Measure("kills of a primary", count("kills"), 100), none("acknowledged and lost", "lost"),
        none("wrong", "wrong"),
        at_most("longest write gap, seconds", lambda report: report["gap_seconds"]["max"], 1),
    ), lambda report: f"{sum(kill['acknowledged'] for kill in report['kills'])} acknowledged"),
    Run("patroni", (
        Measure("troubles of a cluster", count("troubles"), 100), none("acknowledged and lost", "lost"),
        none("wrong", "wrong", "broken"),
        at_most("longest write gap, seconds", longest_gap, 30),
    ), lambda report: f"{max(one['acknowledged'] for one in report['troubles'])} acknowledged"),
    Run("soak-kills", (
        Measure("minutes of random kills and stops", count("minutes"), 240), none("acknowledged and lost", "lost"),
        none("wrong", "wrong"),
    ), lambda report: f"{sum(report['troubles'].values())} kills and stops, {report['orders']} orders, "
                      f"{report['acknowledged']} acknowledged"),
)  # fmt: skip


def figures(run: Run, report: Report, day: str) -> dict[str, Any]:
    """What is kept of a report of that day."""
    kept: dict[str, Any] = {
        "day": day,
        "measured": {measure.what: measure.read(report) for measure in run.measures},
        "conditions": f"{run.conditions(report)}; {report['processors']} processors",
    }
    if report.get("faults"):
        kept |= {"faults": report["faults"], "seeds": _ends(report)}
    return kept


def played_before(told: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> bool:
    """Whether seeds of this run are among those that were played: the same again proves nothing more."""
    return "seeds" in told and any(
        told["seeds"][0] <= time["seeds"][1] and time["seeds"][0] <= told["seeds"][1] for time in before
    )


def text(kept: Kept) -> str:
    """What the page says of all runs."""
    lines = ["| Run | Figure | Target | Last long run | |", "|---|---|---:|---:|---|"]
    for run in RUNS:
        times = kept.get(run.name, ())
        for number, measure in enumerate(run.measures):
            name = f"`make {run.name}`" if number == 0 else ""
            # A figure may be newer than the last run.
            values = [time["measured"][measure.what] for time in times if measure.what in time["measured"]]
            value = measure.joined(values) if values else None
            shown = "not run" if value is None else _shown(value)
            judged = "" if value is None else measure.judged(value)
            lines.append(f"| {name} | {measure.what} | {_target(measure)} | {shown} | {judged} |")
    lines += ["", *(_conditions(run, kept[run.name]) for run in RUNS if kept.get(run.name))]
    faults = _added_up(kept.get("soak", ()))
    if faults:
        lines += ["", "What went wrong on purpose in the soak:", "", "| Id | Fault | Times |", "|---|---|---:|"]
        lines += [f"| {name} | {fault['what']} | {fault['times']:,} |" for name, fault in faults.items()]
    return "\n".join(lines).replace("\n\n\n", "\n\n").strip() + "\n"


def _conditions(run: Run, times: Sequence[Mapping[str, Any]]) -> str:
    each = [f"on {time['day']}, {time['conditions']}" for time in times]
    added = f", {len(each)} runs added up" if len(each) > 1 else ""
    return f"* `make {run.name}`{added}: {'. Then '.join(each)}."


def _added_up(times: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The faults of all runs."""
    sums: dict[str, dict[str, Any]] = {}
    for time in times:
        for name, fault in time["faults"].items():
            before = sums.get(name, {"times": 0})["times"]
            sums[name] = {"what": fault["what"], "times": before + fault["times"]}
    return sums


def written(page: str, kept: Kept) -> str:
    """The page with its figures as they are kept. Raises ValueError where the page has no place for them."""
    begin, end = page.index(_BEGIN) + len(_BEGIN), page.index(_END)
    return page[:begin] + "\n" + text(kept) + "\n" + page[end:]


def _shown(value: float) -> str:
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 1 else f"{value:.2f}"


def _target(measure: Measure) -> str:
    if measure.target is None:
        return "–"
    bound = _shown(measure.target)
    return bound if not measure.is_limit or measure.target == 0 else f"at most {bound}"


def main(names: Sequence[str], is_added: bool, reports: Path = REPORTS, kept_at: Path = KEPT, page: Path = PAGE) -> int:
    """Keep the reports of the runs named, and write the page; 1 where one of them left none, or added nothing new."""
    known = {run.name: run for run in RUNS}
    kept: dict[str, list[dict[str, Any]]] = json.loads(kept_at.read_text("utf-8"))
    refused = []
    for name in names:
        # What a run without a report measured before says nothing of it as it is now.
        before, report = kept.pop(name, []), reports / f"{name}.json"
        if not report.exists():
            refused.append(f"{name} left no report in {reports.name}/\n")
            continue
        day = datetime.fromtimestamp(report.stat().st_mtime, UTC).date().isoformat()
        told = figures(known[name], json.loads(report.read_text("utf-8")), day)
        if is_added and played_before(told, before):
            refused.append(f"{name} played seeds that were played before: nothing is added\n")
            kept[name] = before
            continue
        kept[name] = [*(before if is_added else []), told]
    ordered = {name: kept[name] for name in known if name in kept}
    kept_at.write_text(json.dumps(ordered, indent=2) + "\n", "utf-8")
    page.write_text(written(page.read_text("utf-8"), ordered), "utf-8")
    sys.stderr.writelines(refused)
    return 1 if refused else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.project.long_run", description="Keep what long runs measured."
    )
    parser.add_argument("names", nargs="*", metavar="RUN", help="whose report in dist/ is kept")
    parser.add_argument("--add", action="store_true", help="to what the same run measured before")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _asked()
    sys.exit(main(asked.names, asked.add))
