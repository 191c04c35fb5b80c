"""`python -m tests.failover.page`: write the figures of the last long runs into docs/high-availability.md.

It reads what `make failover` and `make patroni` left in dist/; figures are never typed.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tests.failover.troubles import TROUBLES
from tests.project.tree import ROOT

PAGE: Final = ROOT / "docs" / "high-availability.md"
REPORTS: Final = ROOT / "dist"
# The ids of the faults that a trouble is.
_FAULTS: Final = re.compile(r"^([A-Z]\d, )*[A-Z]\d: ")
HEADING: Final = "## The last long runs\n"


def text(scripted: dict[str, Any], patroni: dict[str, Any]) -> str:
    """The section: both summaries, and a row for each trouble."""
    rows = [f"| `{name}` | {_sentence(name)} | {_count(patroni, name)} | {_gaps(patroni, name)} |" for name in TROUBLES]
    return "\n".join([
        HEADING,
        "Written by `python -m tests.failover.page` from what the runs measured, on a machine with two cores.\n",
        f"* `make failover`: {scripted['summary']}.", f"* `make patroni`: {patroni['summary']}.", "",
        "A write gap is the longest time without an acknowledged write, as callers see it.", "",
        "| Trouble | What happens | times | median gap | longest gap |", "|---|---|---|---|---|", *rows, "",
    ])  # fmt: skip


def _sentence(name: str) -> str:
    words = " ".join((TROUBLES[name].__doc__ or "").split("\n\n")[0].split()).rstrip(".")
    words = _FAULTS.sub("", words)
    return words[0].upper() + words[1:]


def _gaps(patroni: dict[str, Any], name: str) -> str:
    gaps = patroni["gap_seconds"].get(name)
    return f"{gaps['median']:.1f} s | {gaps['max']:.1f} s" if gaps else "– | –"


def _count(patroni: dict[str, Any], name: str) -> int:
    return sum(outcome["trouble"] == name for outcome in patroni["troubles"])


def main() -> None:
    """Write it."""
    scripted, patroni = (json.loads((REPORTS / f"{name}.json").read_text("utf-8")) for name in ("failover", "patroni"))
    before = PAGE.read_text("utf-8").partition(HEADING)[0]
    PAGE.write_text(before + text(scripted, patroni), "utf-8")


if __name__ == "__main__":
    main()
