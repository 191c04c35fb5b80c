"""The breaker: a run that takes up or would tell far more than its job usually does stops itself within that run (A19).

The usual is the median of the job's last runs that were finished and found something. It takes some runs to learn it,
and small numbers are let pass: a job that usually finds two may find thirty. Whoever puts the job back after it tripped
says that the numbers are right, so that it learns its usual anew from then on.
"""

from __future__ import annotations

from typing import Final

# How many times the usual is too much. Ten: no hour of a shop is like that, and the resync incident was a thousand.
FACTOR: Final = 10
# What one run may take up and tell in any case: an hour of a provider's silence, at a thousand orders an hour.
FLOOR_ROWS: Final = 1_000
FLOOR_MESSAGES: Final = 250
# How many runs the usual is learnt from, at least and at most: fewer say little, more are of another season.
LEAST_RUNS: Final = 5
MOST_RUNS: Final = 20
# Who stands on the switch that it pulls.
ACTOR: Final = "breaker"


def limit(usual: int | None, floor: int) -> int | None:
    """How much a run may do whose job usually does `usual`; None where the usual is not known yet."""
    return None if usual is None else max(floor, FACTOR * usual)


def tightest(*limits: int | None) -> int | None:
    """The smallest of the limits that there are."""
    return min((each for each in limits if each is not None), default=None)
