"""Seeds of the simulation on the database under test: people, workers and faults in virtual time, over the real SQL.

The only place that calls the simulation; all that is wanted of it is what `play_seed` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from payonce.conformance.check import Check, NotKept
from payonce.conformance.ground import Ground
from payonce.simulation.run import Outcome, play
from payonce.simulation.server import one_line, prepare

PART: Final = "simulation"


def play_seed(ground: Ground, seed: int) -> Outcome:
    """Play one seed in the ground's database, which is migrated and emptied first."""
    prepare(ground.dsn)
    with one_line(ground.dsn) as line:
        return play(seed, line, ground.adapter_of, size=ground.size)


def _seed(seed: int) -> Callable[[Ground], str]:
    def run(ground: Ground) -> str:
        outcome = play_seed(ground, seed)
        if outcome.violations:
            raise NotKept(f"{len(outcome.violations)} violations; the first is {outcome.violations[0]}.")
        return f"{outcome.orders} orders, {sum(outcome.faults.values())} faults, 0 violations"

    return run


def checks(seeds: Sequence[int]) -> tuple[Check[Ground], ...]:
    """One check for each seed."""
    proves = "whatever goes wrong in it, every invariant holds, and in the end all is settled"
    return tuple(Check(f"seed_{seed}", PART, proves, _seed(seed)) for seed in seeds)
