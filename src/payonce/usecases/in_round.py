"""One transaction on effects: decide in a round, record what was decided. Whatever moves an effect goes through here.

A COMMIT whose answer was lost is found out: the run after it sees that the moves of the run before are recorded, and
answers the same. Without that a worker would leave a claim of its own to its lease, and a person would meet an error
for an act that was done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from payonce.domain.delivering import Pace, Round
from payonce.store import effects as store
from payonce.store.database import Tx
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

T = TypeVar("T")


async def in_round(
    world: World,
    merchant_id: str,
    decide: Callable[[Tx, Round], Awaitable[T]],
    *,
    name: str,
    actor: str,
    pace: Pace | None = None,
) -> T:
    """Run `decide` in a transaction and record the round it filled; what the committed run of it returned."""
    tape = IdTape(world.ids)
    earlier: list[tuple[Round, T]] = []

    async def work(tx: Tx) -> T:
        tape.rewind()
        for round_before, answer_before in reversed(earlier):
            if await store.was_recorded(tx, merchant_id, round_before):
                return answer_before
        decided = Round(tx.now, tape.next, pace or Pace(), kinds=tuple(world.kinds))
        answer = await decide(tx, decided)
        store.record(tx, merchant_id, decided, actor=actor, run=world.running)
        earlier.append((decided, answer))
        return answer

    return await world.database.transaction(work, name=name)
