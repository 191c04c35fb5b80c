"""The breaker: a run that takes up or would tell far more than its job usually does stops itself within that run (A19).

The usual is the median of the job's last runs that were finished and found something. It takes some runs to learn it,
and small numbers are let pass: a job that usually finds two may find thirty. Whoever puts the job back after it tripped
says that the numbers are right, so that it learns its usual anew from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# Who stands on the switch that it pulls.
ACTOR: Final = "breaker"


@dataclass(frozen=True, slots=True)
class Breaker:
    """When a run does far more than usual. Each number is a setting, and has its reason beside it."""

    # How many times the usual is too much. Ten: no hour of a shop is like that, and the resync incident was a thousand.
    factor: int = 10
    # What one run may take up and tell in any case: an hour of a provider's silence, at a thousand orders an hour.
    floor_rows: int = 1_000
    floor_messages: int = 250
    # How many runs the usual is learnt from, at least and at most: fewer say little, more are of another season.
    least_runs: int = 5
    most_runs: int = 20

    def rows(self, usual: int | None) -> int | None:
        """How many orders a run may take up whose job usually takes up `usual`; None where that is not known yet."""
        return None if usual is None else max(self.floor_rows, self.factor * usual)

    def messages(self, usual: int | None) -> int | None:
        """How many messages a run may owe whose job usually owes `usual`; None where that is not known yet."""
        return None if usual is None else max(self.floor_messages, self.factor * usual)


@dataclass(frozen=True, slots=True)
class Caps:
    """What one run of a job may take up and tell at most, whatever is usual; None: as the timetable says."""

    rows: int | None = None
    messages: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of runs as an installation decided them: caps by job, and the breaker."""

    caps: Mapping[str, Caps] = field(default_factory=dict)
    breaker: Breaker = field(default_factory=Breaker)


def tightest(*limits: int | None) -> int | None:
    """The smallest of the limits that there are."""
    return min((each for each in limits if each is not None), default=None)
