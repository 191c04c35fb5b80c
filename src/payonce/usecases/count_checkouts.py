"""Add up how people who wanted to pay were answered, by the minute (D13). It is a measure and no state: a count that is
written twice after a lost COMMIT hurts nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.world import World

CHECKS: Final = queries.load("checks_of_providers")
# (merchant, minute, outcome) -> how many orders
Counts = Mapping[tuple[str, datetime, str], int]


async def count_checkouts(world: World, counts: Counts) -> None:
    """Add the counts to those of other processes."""
    if not counts:
        return
    rows = sorted(counts.items())

    async def work(tx: Tx) -> None:
        tx.later(
            CHECKS.add_checkouts, merchants=[merchant for (merchant, _, _), _ in rows],
            minutes=[minute for (_, minute, _), _ in rows], outcomes=[outcome for (_, _, outcome), _ in rows],
            answers=[answers for _, answers in rows],
        )  # fmt: skip

    await world.database.transaction(work, name="count_checkouts")
