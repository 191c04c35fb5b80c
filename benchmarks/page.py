"""The tables of docs/performance.md, written from the last result: `python -m benchmarks.page`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import TARGETS

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "performance.md"
LATEST: Final = ROOT / "benchmarks" / "results" / "latest.json"
_BEGIN: Final = "<!-- written from benchmarks/results/latest.json by `python -m benchmarks.page` -->\n"
_END: Final = "<!-- the end of what is written from it -->\n"


def text(result: Mapping[str, Any]) -> str:
    """What the page says of a result."""
    return "\n".join([*_about(result), "", *_figures(result), "", *_sides(result), ""])


def written(page: str, result: Mapping[str, Any]) -> str:
    """The page with its tables as the result has them. Raises ValueError where the page has no place for them."""
    begin, end = page.index(_BEGIN) + len(_BEGIN), page.index(_END)
    return page[:begin] + "\n" + text(result) + "\n" + page[end:]


def _about(result: Mapping[str, Any]) -> list[str]:
    run = result["run"]
    where = f"{run['cores']} cores, PostgreSQL {run['postgresql']}, Python {run['python']}"
    return [
        f"A {run['mode']} run with {run['repetitions']} repetitions on {where}.",
        f"When it began {run['load_before']:g} processes wanted to run, and {run['load_after']:g} when it ended. Where",
        "that is far above the cores, something else took most of them: then only figures of one column compare.",
    ]


def _figures(result: Mapping[str, Any]) -> list[str]:
    lines = ["| Figure | What | Measured | Target | Met |", "|---|---|---:|---:|---|"]
    for target in TARGETS:
        value = result["figures"][target.figure]["value"][target.part]
        wanted = result["figures"][target.figure]["target"][target.part]
        is_met = value is not None and (value >= target.bound if target.at_least else value <= target.bound)
        shown = "not measured" if value is None else f"{value:g} {target.unit}"
        lines.append(f"| {target.figure} | {target.says} | {shown} | {wanted} | {'yes' if is_met else 'no'} |")
    return lines


def _sides(result: Mapping[str, Any]) -> list[str]:
    lines = [
        "| Side | events/s (least to most) | p50 / p99 ms | rows | fsyncs | WAL bytes | server, us | service, us |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, many in result["sides"].items():
        rates = [side["rate"] for side in many]
        middle = {key: statistics.median(side[key] for side in many) for key in many[0] if key not in ("name", "rows")}
        latency = f"{middle['p50']:.1f} / {middle['p99']:.1f}" if middle["p99"] else f"mean {middle['mean']:.1f}"
        lines.append(
            f"| {name} | {statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) | {latency} | "
            f"{middle['rows_per_event']:g} | {middle['fsyncs_per_event']:.3f} | {middle['wal_per_event']:,.0f} | "
            f"{middle['server_cpu_us']:.0f} | {middle['service_cpu_us']:.0f} |"
        )
    return lines


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(written(PAGE.read_text("utf-8"), json.loads(LATEST.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
