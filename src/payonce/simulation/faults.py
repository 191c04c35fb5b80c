"""What goes wrong: the catalogue, how often in this seed, and whether it does so at a place that is named.

Each seed draws a rate for every fault, a third of them zero, so that some runs are calm and some are stormy in one way
only. A fault is named by story, place and count; the names of those that happened are kept, and a run may be told which
of them to let happen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from payonce.simulation.day import STORM, Day
from payonce.simulation.draw import Draw


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which something goes wrong. `highest` is the largest rate that a seed draws, at each chance for it."""

    id: str
    what: str
    highest: float


_ROWS: Final = (
    Fault("W1", "a webhook is delivered twice", 0.5),
    Fault("W2", "webhooks overtake each other", 0.5),
    Fault("W3", "a webhook is hours or days late", 0.2),
    Fault("W4", "a webhook never comes", 0.5),
    Fault("W5", "a webhook comes before our own commit", 0.5),
    Fault("W6", "one event id with another body, one change under two ids", 0.1),
    Fault("W7", "a refund or a dispute is told before the success", 0.0),
    Fault("P1", "no answer, and the call had no effect", 0.3),
    Fault("P2", "no answer, and the call took effect, at once or later", 0.25),
    Fault("P3", "429, 500, HTML, one byte a second, reset, half a body", 0.3),
    Fault("P4", "the life of an idempotency key is over", 0.0),
    Fault("P5", "lists lag behind", 0.7),
    Fault("P6", "the payer pays in the instant in which the session ends", 0.3),
    Fault("C1", "the process dies before or after a transaction or a call", 0.02),
    Fault("C2", "the process dies again, during recovery", 0.0),
    Fault("C3", "the process stands still past its lease", 0.02),
    Fault("C4", "a whole host dies with everything that it does", 0.6),
    Fault("D1", "the connection breaks before COMMIT, or after it was sent", 0.03),
    Fault("D2", "the database is away for a while", 0.5),
    Fault("D6", "serialisation failure, no connection to be had", 0.05),
    Fault("T1", "the clocks of two hosts are apart", 0.8),
    Fault("T2", "the clock of a host jumps by minutes or an hour", 0.8),
    Fault("J1", "runs of one job overlap", 0.0),
    Fault("U1", "very many clicks at once", 0.05),
    Fault("U2", "two tabs, two devices, double clicks", 0.7),
    Fault("U3", "bots read pages", 0.2),
    Fault("U4", "somebody charges by hand and copies our marks", 0.15),
    Fault("U5", "the payer pays late, on an old page", 0.4),
    Fault("U6", "the amount changes: another order of the purpose", 0.4),
    Fault("U7", "the merchant cancels the order", 0.2),
    Fault("U8", "another payer wants the same purpose", 0.1),
    Fault("U9", "the merchant refunds at the dashboard, or a payer disputes", 0.5),
    Fault("U10", "a payer pays once more or too much by another way, with our marks", 0.5),
    Fault("R1", "a bank refuses a refund soon after it was made", 0.5),
    Fault("R2", "a bank returns a refund hours or days after it arrived", 0.5),
    Fault("R3", "a refund is on its way for a while", 0.0),
    Fault("R4", "others send the money back, or dispute it, while a refund begins", 0.5),
    Fault("R5", "who sent a refund stands still until another goes on with it", 0.3),
    Fault("M1", "a receiver refuses an effect", 0.9),
    Fault("M2", "a receiver accepts an effect, and its answer is lost", 0.4),
    Fault("X1", "a signed event that nobody can read", 0.1),
    Fault("X2", "a replayed old signature", 0.2),
    Fault("X3", "somebody else's payment on the same account", 0.2),
)  # fmt: skip
FAULTS: Final = {fault.id: fault for fault in _ROWS}

# Of the catalogue (reliability, section 2) these need more than one process and one connection, or flows to come.
ELSEWHERE: Final = {
    "D3": "there is no standby", "D4": "there is no standby", "D5": "the disk is the server's",
    "D7": "a restored backup is a test of its own",
}  # fmt: skip


class Faults:
    """The faults of one run. `only`: names of those that may happen; None lets all of them."""

    def __init__(self, draw: Draw, only: Collection[str] | None = None, day: Day = STORM) -> None:
        self.happened: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.are_off = False
        self._draw = draw
        self._day = day
        self._only = None if only is None else frozenset(only)
        self._asked: Counter[tuple[str, str, str]] = Counter()
        self.rates: Final = {
            fault.id: self._rate(fault) for fault in FAULTS.values()
        }  # fmt: skip

    def strikes(self, fault: str, story: str, place: str) -> str | None:
        """The fault's name, when it happens to `story` at `place` this time; it is counted then."""
        rate = self.rates[fault]
        if rate == 0.0 or self.are_off:
            return None
        self._asked[fault, story, place] += 1
        name = f"{fault} {story} {place} {self._asked[fault, story, place]}"
        if self._draw.uniform("fault", name) >= rate or (self._only is not None and name not in self._only):
            return None
        self.happened[name] = fault
        self.counts[fault] += 1
        return name

    def saw(self, fault: str) -> None:
        """Count a fault that came about by itself."""
        self.counts[fault] += 1

    def end(self) -> None:
        """Nothing goes wrong any more."""
        self.are_off = True

    def _rate(self, fault: Fault) -> float:
        if self._draw.happens(self._day.calm, "rate is zero", fault.id):
            return 0.0
        return self._day.rates * fault.highest * self._draw.uniform("rate", fault.id) ** 2
