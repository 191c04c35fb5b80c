"""What happens to money when something is seen of an attempt: one written row for every combination that can be.

The rows stand in `table.txt`. Each was written from what the product promises, not from what the code does.
`test_table` lives through every combination of a situation, a state of the attempt, something seen, and the way by
which it came, and compares all that follows with the one row that speaks of it.

A row: situations | states of the attempt | seen | way | outcome | order | attempt | postings | owed | findings |
refunds | others. `*` is all, a name of GROUPS stands for several, and what follows `but` is taken out of what stands
before it. `=` is unchanged, an empty field is none. `ask` is what the attempt asks, in minor units like every number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

# How the purpose stands; the observed attempt is of the order that is meant. What came for it before is said here.
SITUATIONS: Final = {
    "open": "the order asks 5000; an attempt that is paid brought 2000 of it and ended",
    "part": "as open, and a former attempt brought 2000; the observed one asks 3000, or brought 2000 of them",
    "beside": "open, and a later attempt is live; an attempt that is paid brought 2000 before",
    "leaving": "open, to be closed for another order that waits",
    "paid": "paid by another attempt, or by the observed one where that is paid",
    "released": "as paid; all of that money went back, and the purpose is free again",
    "expired": "closed because its time was over, an hour ago; an attempt that is paid had brought 2000, now surplus",
    "old": "as expired, 31 days ago",
    "cancelled": "as expired, but closed by the merchant",
    "superseded": "as expired, but closed for another order, which is open",
    "displaced": "as expired; another order was placed since and is open, without a live attempt",
    "rivalled": "as displaced, and an attempt of the other order is live",
    "outpaid": "as displaced, and the other order is paid",
    "overpaid": "paid by the observed attempt with 5700; our refund of the 700 is sent",
    "refunded": "as overpaid, and our refund arrived",
    "waiting": "waits for its predecessor to be closed",
    "sold_out": "closed because its items were gone when it was to be opened",
    "purpose_paid": "closed because its predecessor was paid after all",
    "duplicate": "closed as a duplicate, because a sibling of it is paid; nothing had come for it",
}

SEEN: Final = {
    "open": "the object waits for its payer",
    "action": "the payer has to do something",
    "asks_again": "a try was declined and the object takes another one",
    "pending": "the payment is processing",
    "failed": "the object ended without money",
    "closed": "the object was closed without money",
    "unknown": "a status that we do not know",
    "exact": "it brought what the attempt asks, in all",
    "under": "it brought 2000, in all",
    "over": "it brought 700 more than the attempt asks, in all",
    "other": "another object of the attempt brought as many euros as the attempt asks dollars",
    "deposit": "a repeated deposit brought 3000, as an object of its own",
    "back_pending": "others are sending all of its money back",
    "back_done": "others sent all of its money back",
    "back_failed": "a refund by others failed",
    "warned": "a bank asks about the payment",
    "disputed": "a bank took the money",
    "lost": "a dispute is lost",
    "won": "a dispute is won",
    "our_pending": "our refund is on its way",
    "our_done": "our refund arrived",
    "our_failed": "our refund failed",
}

GROUPS: Final = {
    "live": "creating open pending closing in_doubt",
    "dead": "failed closed",
    "idle": "failed closed abandoned",
    "unpaid": "creating open pending closing in_doubt failed closed abandoned",
    "closed_orders": "expired old cancelled superseded displaced rivalled outpaid duplicate",
    "refused": "old cancelled superseded outpaid duplicate",
    "ended": "failed closed",
}


STATES: Final = ("creating", "open", "pending", "closing", "in_doubt", "paid", "failed", "closed", "abandoned")
WAYS: Final = ("webhook", "read")
ROWS: Final = Path(__file__).with_suffix(".txt")
COLUMNS: Final = 12

Combination = tuple[str, str, str, str]


@dataclass(frozen=True)
class Row:
    """One written row: which combinations it speaks of, and what follows. `why` only of what cannot be."""

    section: str
    note: str
    situations: tuple[str, ...]
    states: tuple[str, ...]
    seen: tuple[str, ...]
    ways: tuple[str, ...]
    cells: tuple[str, ...]

    def combinations(self) -> Iterator[Combination]:
        """Every combination that it speaks of."""
        return product(self.situations, self.states, self.seen, self.ways)


@cache
def written() -> tuple[list[Row], list[Row]]:
    """The rows of what can be, and those of what cannot."""
    possible, impossible, section, note = list[Row](), list[Row](), "", ""
    for line in ROWS.read_text().splitlines():
        if line.startswith("== "):
            section, note = line.removeprefix("== "), ""
        elif line.startswith("# "):
            note = line.removeprefix("# ")
        elif line:
            cells = tuple(cell.strip() for cell in line.split("|"))
            is_possible = len(cells) > 4
            way = names(cells[3], WAYS) if is_possible else WAYS
            row = Row(
                section, note, names(cells[0], SITUATIONS), names(cells[1], STATES), names(cells[2], SEEN), way,
                cells[4:] if is_possible else cells[3:],
            )  # fmt: skip
            if is_possible and len(cells) != COLUMNS:
                raise ValueError(f"{len(cells)} columns: {line}")
            (possible if is_possible else impossible).append(row)
    return possible, impossible


def names(cell: str, known: Iterable[str]) -> tuple[str, ...]:
    """The names that a cell stands for. Raises ValueError for one that is not known."""
    chosen, _, without = cell.partition(" but ")
    every = tuple(known)
    left = set(_expanded(chosen, every)) - set(_expanded(without, every) if without else ())
    return tuple(name for name in every if name in left)


def _expanded(cell: str, every: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name in (part.strip() for part in cell.split(",")):
        group = every if name == "*" else GROUPS[name].split() if name in GROUPS else [name]
        if not set(group) <= set(every):
            raise ValueError(f"{name!r} in {cell!r}")
        found += group
    return found
