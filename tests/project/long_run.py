"""`python -m tests.project.long_run RUN…`: keep what long runs measured, and write it into docs/guarantees.md.

It reads what the runs named left in dist/, keeps their figures in docs/figures/long-run.json beside those of other
runs, and writes the page from there; without names it only writes the page. Figures are never typed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.project.tree import ROOT

PAGE: Final = ROOT / "docs" / "guarantees.md"
KEPT: Final = ROOT / "docs" / "figures" / "long-run.json"
REPORTS: Final = ROOT / "dist"
_BEGIN: Final = "<!-- written from docs/figures/long-run.json by `python -m tests.project.long_run` -->\n"
_END: Final = "<!-- the end of what is written from it -->\n"

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a run. `target`: the least that is wanted, or the most where `is_limit`; None: it has none."""

    what: str
    read: Callable[[Report], float]
    target: float | None = None
    is_limit: bool = False

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


def none(what: str, *names: str) -> Measure:
    """What must not happen at all."""
    return Measure(what, count(*names), 0, is_limit=True)


RUNS: Final = (
    Run("soak", (
        Measure("simulated orders", count("orders"), 1_000_000),
        Measure("faults", lambda report: sum(fault["times"] for fault in report["faults"].values()), 1_000_000),
        none("violations", "violations"),
    ), lambda report: f"{len(report['seeds'])} seeds"),
    Run("planted", (
        Measure("planted bugs found", count("found"), 25), none("planted bugs missed", "missed"),
    ), lambda report: f"each within {report['seeds']} seeds"),
    Run("crash", (
        Measure("crash points", count("points"), 5_000), Measure("of them in recovery", count("in_recovery")),
        none("lives that went wrong", "broken"),
    ), lambda report: f"{len(report['flows'])} flows"),
    Run("poor", (
        Measure("tests on a poorer database", count("passed")), none("of them failed", "failed"),
    ), lambda report: "SERIALIZABLE, without SKIP LOCKED"),
    Run("fuzz", (
        Measure("bad inputs", count("inputs"), 10_000_000), none("accepted", "accepted"), none("errors", "exceptions"),
        none("targets whose memory grew", "grew"), none("planted mistakes not reported", "plants_not_reported"),
    ), lambda report: f"{len(report['targets'])} targets, {report['peak_memory_mib']:.0f} MiB at most"),
    Run("overload", (
        Measure("seconds of ten times the rate", count("seconds"), 300), none("wrong answers", "wrong"),
        Measure("served meanwhile, of what is sustainable", count("served_of_sustainable"), 0.5),
        Measure("of the kind of request that got least", lambda report: min(report["of_each_kind"].values())),
        Measure("seconds until served as before", count("seconds_until_served_as_before"), 5, is_limit=True),
    ), lambda report: f"{report['sent']} sent, where {report['sustainable_per_second']} a second are sustainable"),
    Run("growth", (
        Measure("questions asked behind ten times the past", count("questions")),
        Measure("orders in it", count("orders"), 5_000_000), none("that read more for it", "grow"),
    ), lambda report: f"a payment reads {report['payment'][0]} pages, {report['payment'][1]} behind ten times as much"),
    Run("failover", (
        Measure("kills of a primary", count("kills"), 100), none("acknowledged and lost", "lost"),
        none("wrong", "wrong"),
        Measure("longest write gap, seconds", lambda report: report["gap_seconds"]["max"], 1, is_limit=True),
    ), lambda report: f"{sum(kill['acknowledged'] for kill in report['kills'])} acknowledged"),
    Run("patroni", (
        Measure("troubles of a cluster", count("troubles"), 100), none("acknowledged and lost", "lost"),
        none("wrong", "wrong", "broken"),
        Measure("longest write gap, seconds", longest_gap, 30, is_limit=True),
    ), lambda report: f"{max(one['acknowledged'] for one in report['troubles'])} acknowledged"),
    Run("soak-kills", (
        Measure("minutes of random kills and stops", count("minutes"), 240), none("acknowledged and lost", "lost"),
        none("wrong", "wrong"),
    ), lambda report: f"{sum(report['troubles'].values())} kills and stops, {report['orders']} orders, "
                      f"{report['acknowledged']} acknowledged"),
)  # fmt: skip


def figures(run: Run, report: Report) -> dict[str, Any]:
    """What is kept of a report."""
    kept = {
        "measured": {measure.what: measure.read(report) for measure in run.measures},
        "conditions": f"{run.conditions(report)}; {report['processors']} processors",
    }
    faults = report.get("faults")
    return kept | ({"faults": faults} if faults else {})


def text(kept: Mapping[str, Any]) -> str:
    """What the page says of all runs."""
    lines = ["| Run | Figure | Target | Last long run | |", "|---|---|---:|---:|---|"]
    for run in RUNS:
        for number, measure in enumerate(run.measures):
            name = f"`make {run.name}`" if number == 0 else ""
            # A figure may be newer than the last run.
            value = kept[run.name]["measured"].get(measure.what) if run.name in kept else None
            shown = "not run" if value is None else _shown(value)
            judged = "" if value is None else measure.judged(value)
            lines.append(f"| {name} | {measure.what} | {_target(measure)} | {shown} | {judged} |")
    lines += ["", *(f"* `make {run.name}`: {kept[run.name]['conditions']}." for run in RUNS if run.name in kept)]
    faults = kept.get("soak", {}).get("faults")
    if faults:
        lines += ["", "What went wrong on purpose in the soak:", "", "| Id | Fault | Times |", "|---|---|---:|"]
        lines += [f"| {name} | {fault['what']} | {fault['times']:,} |" for name, fault in faults.items()]
    return "\n".join(lines).replace("\n\n\n", "\n\n").strip() + "\n"


def written(page: str, kept: Mapping[str, Any]) -> str:
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


def main(names: Sequence[str], reports: Path = REPORTS, kept_at: Path = KEPT, page: Path = PAGE) -> int:
    """Keep the reports of the runs named, and write the page; 1 where one of them left none."""
    known = {run.name: run for run in RUNS}
    kept = json.loads(kept_at.read_text("utf-8"))
    left_none = [name for name in names if not (reports / f"{name}.json").exists()]
    for name in names:
        # What a run without a report measured before says nothing of it as it is now.
        kept.pop(name, None)
        if name not in left_none:
            kept[name] = figures(known[name], json.loads((reports / f"{name}.json").read_text("utf-8")))
    ordered = {name: kept[name] for name in known if name in kept}
    kept_at.write_text(json.dumps(ordered, indent=2) + "\n", "utf-8")
    page.write_text(written(page.read_text("utf-8"), ordered), "utf-8")
    sys.stderr.writelines(f"{name} left no report in {reports.name}/\n" for name in left_none)
    return 1 if left_none else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
