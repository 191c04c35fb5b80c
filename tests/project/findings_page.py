"""Writes docs/findings.md from the kinds and the checks, so that the page and the code cannot disagree.

`python -m tests.project.findings_page` writes the file; a test compares it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from payonce.domain.finding import KINDS, Kind
from payonce.usecases.monitor import ALL

PAGE: Final = Path(__file__).parents[2] / "docs" / "findings.md"
HEAD: Final = """# Findings

Written by `python -m tests.project.findings_page` from `src/payonce/domain/finding.py` and the checks of the monitor; a
test compares them.

A finding is a difference that a person or a policy must resolve. It has a kind, a severity, the money at risk, an owner
and a deadline, what it was seen by, and the next step. The same difference seen again is the same finding, counted up.
Finding and putting right are two acts: checks only write findings, and everything here changes the finding alone.

## What happens to one

| State | It is |
|---|---|
| `open` | new, and nobody's yet |
| `acknowledged` | looked into by somebody, who is named |
| `ignored` | left alone until an end: a time, so many more of it, so many more orders. The first that comes wakes it |
| `regressed` | found again after it was resolved; a new finding that names the earlier one and keeps its owner |
| `resolved` | over: by itself when the difference is gone, or by a person, with a reason |

One that a person resolved while the difference is still there comes back as `regressed` at the next look. What happened
and cannot go away (an effect that was delivered twice) stays resolved, unless there is more of it.

It is told to people (see alerts) when it is opened, regressed, woken, ten times what it was or graver (`grown`), past
its deadline (`overdue`), or resolved; each time once. Every act of a person is in the audit with who, when and why.

| Command | What it does |
|---|---|
| `payonce findings list --state unresolved` | what waits; also by `--kind`, `--severity`, `--provider`, `--owner` |
| `payonce findings show FINDING` | what it means, how sure it is, what it was seen by, who did what, the next step |
| `payonce findings ack FINDING` | say that you look into it |
| `payonce findings assign FINDING NAME` | give it to a person or a team |
| `payonce findings ignore FINDING --for 24h --reason …` | let it rest; also `--until`, `--more 10`, `--orders 5` |
| `payonce findings resolve FINDING --reason …` | say that nothing is left to do |
| `payonce findings kinds` | the table below |

A list ends with 3 while one of it is not resolved. The same over REST: `GET /v1/findings` with the same filters,
`GET /v1/findings/{id}`, `POST` to `/acknowledge`, `/assign`, `/ignore`, `/resolve` below it (scope `operate`), and
`GET /v1/finding-kinds`.

## Who looks, and how often

The job `monitor` runs every half hour, `watch` every minute; both only look. A check that fails leaves what it found as
it is, and is the finding `job_trouble`. The limits are the settings `PAYONCE_MONITOR_…` (see settings).

"""
COST: Final = """
What always holds is asked by the text that `payonce prove` asks, about the orders that moved since the last look, and
about those of which a finding is not resolved: a look costs what happened, not what there is. Sums over a payee, an
item of stock or the whole ledger are asked by `payonce prove` alone; run it nightly where rows may be written beside
payonce.

"""


def text() -> str:
    """The whole page."""
    paces = {"monitor": "every 30 min", "watch": "every minute"}
    checks = "\n".join(f"| `{check.name}` | {check.why} | {paces[check.pace]} |" for check in ALL)
    kinds = "\n".join(_row(kind) for kind in KINDS.values())
    return (
        f"{HEAD}| Check | Looks whether | When |\n|---|---|---|\n{checks}\n{COST}"
        "## Every kind\n\n| Kind | Severity | Owner, within | It means | How sure | What to do |\n"
        "|---|---|---|---|---|---|\n"
        f"{kinds}\n"
    )


def _row(kind: Kind) -> str:
    hours = int(kind.deadline.total_seconds() // 3600)
    within = f"{hours // 24} days" if hours % 24 == 0 and hours > 24 else f"{hours} h"
    cells = [f"`{kind.name}`", kind.severity, f"{kind.owner}, {within}", kind.means, kind.how_sure, kind.next_step]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(text())
