"""Everything that is tried, in its order: what rests on something is tried after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from payonce.conformance import (
    attacks,
    engine_locks,
    engine_rules,
    engine_values,
    engine_ways,
    losses,
    races,
    schema,
    seeds,
)
from payonce.conformance.check import Check
from payonce.conformance.ground import Ground

# What the parts are called in what an operator reads.
PARTS: Final[Mapping[str, str]] = {
    engine_ways.PART: "what the engine can do",
    schema.PART: "the schema",
    attacks.PART: "what the database refuses by itself",
    losses.PART: "connections that are lost around COMMIT",
    races.PART: "use cases that meet",
    seeds.PART: "the simulation",
}


def checks(played: Sequence[int]) -> list[Check[Ground]]:
    """Every check, with these seeds of the simulation as the last ones: they empty the tables."""
    return [
        *engine_ways.CHECKS, *engine_locks.CHECKS, *engine_rules.CHECKS, *engine_values.CHECKS, *schema.CHECKS,
        *attacks.CHECKS, *losses.CHECKS, *races.CHECKS, *seeds.checks(played),
    ]  # fmt: skip
