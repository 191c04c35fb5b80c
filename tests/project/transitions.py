"""Writes docs/transitions.md from the table that the rules are tested by, so that nobody reads other rules than run.

`python -m tests.project.transitions` writes the file; a test compares it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.domain.table import GROUPS, ROWS, SEEN, SITUATIONS

PAGE: Final = Path(__file__).parents[2] / "docs" / "transitions.md"
HEAD: Final[Sequence[str]] = (
    "order", "attempt", "seen", "order then", "attempt then", "ledger", "owed", "findings", "refunds", "others",
)  # fmt: skip
WHY_NOT: Final[Sequence[str]] = ("order", "attempt", "seen", "why not")

INTRODUCTION: Final = """# What happens to money when something is seen

Written by `python -m tests.project.transitions` from `tests/domain/table.txt`; a test compares the two, and another one
lives through every combination and compares what follows with its row. Here with the defaults of the policy, for orders
of 50.00 dollars at a provider that can cancel and send money back; what other choices and providers change is on the
page about [money that does not fit](money.md).

`=` is unchanged, an empty field is none, `*` is all. `ask` is what the attempt asks, in minor units like every number.
In the ledger, what comes to `clearing` is positive, and what serves `orders` or is `surplus` is negative. A finding
with `+` is opened or has that money now, one with `-` closes. A refund is written with its amount, and with the hours
that it waits. What is seen comes by an event or by a read, which makes a difference only where it is said.
"""


def text() -> str:
    """The whole page."""
    lists = [
        _list("The order that the attempt is of", SITUATIONS),
        _list("What is seen", SEEN),
        _list("Words for several", {name: members.replace(" ", ", ") for name, members in GROUPS.items()}),
    ]
    return INTRODUCTION + "".join(lists) + "".join(_sections())


def _list(title: str, words: dict[str, str]) -> str:
    rows = "\n".join(f"| {word} | {meaning} |" for word, meaning in words.items())
    return f"\n## {title}\n\n| Word | Means |\n|---|---|\n{rows}\n"


def _sections() -> list[str]:
    sections = ROWS.read_text().split("== ")[1:]
    cannot, *can = sections
    return [*(_section(section) for section in can), _section(cannot)]


def _section(section: str) -> str:
    title, *lines = section.strip().splitlines()
    made = [f"\n## {title}\n"]
    for is_note, group in groupby(lines, key=lambda line: line.startswith("#")):
        if is_note:
            made.append("\n" + " ".join(line.removeprefix("# ") for line in group) + "\n")
        else:
            made.append(_table([[cell.strip() for cell in line.split("|")] for line in group]))
    return "".join(made)


def _table(rows: list[list[str]]) -> str:
    cannot_be = len(rows[0]) == len(WHY_NOT)
    head, cells = (WHY_NOT, rows) if cannot_be else (HEAD, [_shown(row) for row in rows])
    lines = ["| " + " | ".join(each) + " |" for each in (head, ["---"] * len(head), *cells)]
    return "\n" + "\n".join(line.replace("  ", " ") for line in lines) + "\n"


def _shown(row: list[str]) -> list[str]:
    """The row as people read it: without the word for the event's own row, and the way beside what is seen."""
    order, attempt, seen, way, _, *follows = row
    return [order, attempt, seen if way == "*" else f"{seen}, by {way}", *follows]


if __name__ == "__main__":
    PAGE.write_text(text())
