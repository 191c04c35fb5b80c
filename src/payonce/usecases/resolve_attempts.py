"""Resolve attempts: ask the provider about those in doubt, unwanted, old, or with money to confirm. It only looks
and closes.

A create whose answer was lost is adopted when it is found, and closed when it is not wanted any more. It is never
repeated here: that happens at the payer's next click.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from payonce.domain.observation import Ref
from payonce.store import queries
from payonce.store.database import read_once
from payonce.usecases.ask_attempts import Due, Resolved, ask_about
from payonce.usecases.world import World

ORDERS: Final = queries.load("orders")
# What is in doubt or unwanted is asked about soon; what is open or processing tells itself, and is asked in case it
# did not.
SOON: Final = timedelta(seconds=30)
LATE: Final = timedelta(minutes=5)


async def resolve_attempts(world: World, merchant_id: str, limit: int = 100) -> Resolved:
    """Ask about up to `limit` attempts, the longest unasked first."""
    return await ask_about(world, merchant_id, await attempts_due(world, merchant_id, limit))


async def attempts_due(world: World, merchant_id: str, limit: int) -> list[Due]:
    """Attempts to ask about, with their orders, and the captures that only a read confirms."""
    now = world.clock.now()

    asked = {"merchant_id": merchant_id, "now": now, "soon": now - SOON, "late": now - LATE, "limit": limit}
    attempts, captures = await read_once(
        world.database, (ORDERS.attempts_to_ask, asked),
        (ORDERS.captures_to_confirm, {"merchant_id": merchant_id, "limit": limit}), name="attempts_due",
    )  # fmt: skip
    # Neither may crowd the other out: what cannot be confirmed for long stands here at every look.
    most = max(limit - len(attempts), limit // 2)
    confirm = [(row.order_id, row.attempt_id, Ref(row.kind, row.ref)) for row in captures[:most]]
    return [*confirm, *((row.order_id, row.attempt_id, None) for row in attempts)][:limit]
