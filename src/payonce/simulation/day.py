"""Days: what kind of a day a seed plays. Most are storms: few stories, and much goes wrong. Some are rushes: very many
people who mostly just pay, while little goes wrong, so that much is done at once and beside each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from payonce.simulation.draw import Draw


@dataclass(frozen=True, slots=True)
class Day:
    """One kind of day: how many times as many stories it tells, within how many seconds they begin, how many of a
    seed's rates of faults are zero, what the others are multiplied by, how much likelier a page is simply paid, and how
    likely it is that webhooks come in groups, of how many seconds.
    """

    name: str
    times: int = 1
    span_seconds: float = 90.0
    calm: float = 1 / 3
    rates: float = 1.0
    simply: float = 1.0
    groups: float = 0.3
    gather_seconds: float = 0.02
    # How long clicks of one host wait for others, where they are gathered at all.
    click_seconds: float = 0.02
    # How often at most a payer looks at his order afterwards, and what the cashier's wishes for one are multiplied by.
    looks: int = 3
    wishes: float = 1.0


STORM: Final = Day("storm")
RUSH: Final = Day(
    "rush",
    times=10,
    span_seconds=150.0,
    calm=0.85,
    rates=0.1,
    simply=8.0,
    groups=1.0,
    gather_seconds=0.7,
    click_seconds=0.3,
    looks=1,
    wishes=0.1,
)
DAYS: Final = {STORM: 5.0, RUSH: 1.0}
# What to ask for where each seed is to play the day that it draws.
ANY: Final = "any"
NAMED: Final = {day.name: day for day in DAYS}


def day_of(draw: Draw, asked: str = ANY) -> Day:
    """The day that a seed plays: the one that is asked for, else the one that it draws."""
    return NAMED.get(asked) or draw.choose(DAYS, "day")
