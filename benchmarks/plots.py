"""Pictures of the last result, for light and dark pages: `python -m benchmarks.plots latest.json folder`.

Runs in the benchmark's own environment, which has matplotlib, and imports nothing of ours.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

# Legible on white and on black; the bars differ in lightness as well as in colour.
INK, OURS, FLOOR, PEERS = "#808080", "#2f81f7", "#9a9a9a", "#c4661f"


def main() -> None:
    """Draw both pictures."""
    result = json.loads(Path(sys.argv[1]).read_text())
    plt.rcParams.update(
        {"text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
         "svg.hashsalt": "payonce", "font.size": 10}
    )  # fmt: skip
    _rates(result, Path(sys.argv[2], "performance-rates.svg"))
    _costs(result, Path(sys.argv[2], "performance-costs.svg"))


def _rates(result: dict[str, Any], path: Path) -> None:
    names = [name for name in result["sides"] if "lone" not in name and name != "half rate"]
    rates = [[side["rate"] for side in result["sides"][name]] for name in names]
    middle = [statistics.median(many) for many in rates]
    below = [statistics.median(many) - min(many) for many in rates]
    above = [max(many) - statistics.median(many) for many in rates]
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(names) + 0.9))
    axes.barh(names, middle, color=[_colour(name) for name in names], xerr=[below, above], ecolor=INK, capsize=3)
    for place, rate in enumerate(middle):
        axes.annotate(f" {rate:,.0f}", (middle[place] + above[place], place), va="center")
    axes.set_xlabel("events settled and committed in a second (bar: median, line: least to most)")
    _save(figure, axes, path)


def _costs(result: dict[str, Any], path: Path) -> None:
    names = [name for name in result["sides"] if result["sides"][name][0]["server_cpu_us"] and "lone" not in name]
    server = [statistics.median(side["server_cpu_us"] for side in result["sides"][name]) for name in names]
    service = [statistics.median(side["service_cpu_us"] for side in result["sides"][name]) for name in names]
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(names) + 1.2))
    axes.barh(names, server, color=FLOOR, label="the database server")
    axes.barh(names, service, left=server, color=OURS, label="the service")
    axes.set_xscale("symlog", linthresh=1000)
    axes.set_xlabel("microseconds of processor time for one event")
    axes.legend(frameon=False, labelcolor=INK)
    _save(figure, axes, path)


def _colour(name: str) -> str:
    return FLOOR if name.startswith("floor") else PEERS if name in ("ORM service", "dj-stripe") else OURS


def _save(figure: Any, axes: Any, path: Path) -> None:
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main()
