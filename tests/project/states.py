"""Writes docs/states.md from the machines, so that the documents cannot say other arrows than the code.

`python -m tests.project.states` writes the file; a test compares it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from payonce.domain import alert, attempt, effect, finding_life, job_run, order, payout, refund, reservation
from payonce.domain.arrow import Machine

PAGE: Final = Path(__file__).parents[2] / "docs" / "states.md"
MACHINES: Final = (
    order.MACHINE, attempt.MACHINE, effect.MACHINE, refund.MACHINE, reservation.MACHINE, payout.MACHINE,
    finding_life.MACHINE, job_run.MACHINE, alert.ALERTS, alert.MACHINE,
)  # fmt: skip


def text() -> str:
    """The whole page."""
    head = (
        "# States and their arrows\n\n"
        "Written by `python -m tests.project.states` from `src/payonce/domain/`; a test compares the two. An event\n"
        "without an arrow changes nothing. Every move is a row of the table `audit`; what a finding does by itself\n"
        "stands in its own row.\n"
    )
    return head + "".join(_section(machine) for machine in MACHINES)


def _section(machine: Machine) -> str:
    moves: dict[tuple[str, str], list[str]] = {}
    for arrow in machine.arrows:
        if arrow.source != arrow.target:
            moves.setdefault((arrow.source, arrow.target), []).append(arrow.event)
    diagram = "\n".join(f"    {a} --> {b}: {', '.join(dict.fromkeys(events))}" for (a, b), events in moves.items())
    rows = "\n".join(f"| {a.source} | {a.event} | {a.target} | {a.why} |" for a in machine.arrows)
    return (
        f"\n## {machine.name.capitalize()}\n\n```mermaid\nstateDiagram-v2\n{diagram}\n```\n\n"
        f"| from | on | to | because |\n|---|---|---|---|\n{rows}\n"
    )


if __name__ == "__main__":
    PAGE.write_text(text())
