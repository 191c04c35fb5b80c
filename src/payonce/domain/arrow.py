"""What a state machine is here: a table of arrows, each with the sentence that justifies it.

The table drives the code, the test of every (state, event) pair, and the diagrams in the documents. An event without
an arrow changes nothing and is reported as such: whether that is fine is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Arrow:
    """From `source`, on `event`, to `target`, because of `why`."""

    source: str
    event: str
    target: str
    why: str


class Machine:
    """A named table of arrows over a fixed set of states and events."""

    def __init__(self, name: str, states: Iterable[str], events: Iterable[str], arrows: Iterable[Arrow]) -> None:
        self.name: Final = name
        self.states: Final = tuple(states)
        self.events: Final = tuple(events)
        self.arrows: Final = tuple(arrows)
        self._targets: Final = {(arrow.source, arrow.event): arrow.target for arrow in self.arrows}

    def target(self, source: str, event: str) -> str | None:
        """Where `event` leads from `source`, or None when nothing is written for the pair."""
        return self._targets.get((source, event))

    def allows(self, source: str, target: str) -> bool:
        """Whether any written arrow leads from one state to the other (S8)."""
        return any(arrow.source == source and arrow.target == target for arrow in self.arrows)
