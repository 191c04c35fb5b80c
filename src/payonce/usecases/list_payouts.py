"""Show payouts, and what a payee is owed. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payonce.base.errors import Refused
from payonce.store.database import Tx
from payonce.store.payouts import PAYOUTS
from payonce.usecases.world import World

# A page that people read and programs hold at once.
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class PayoutView:
    """A payout, and how far the effects are that tell of it. `order_id`: the order by which it was completed."""

    id: UUID
    payee: str
    number: int
    currency: str
    gross_minor: int
    carried_minor: int
    amount_minor: int
    order_id: UUID
    made_at: datetime
    effects: Sequence[str]


@dataclass(frozen=True, slots=True)
class PayeeSums:
    """What a payee is owed in one currency: what waits for a payout, what is held back, what was taken back with the
    money of orders, what payouts were made of, and what the next one corrects (below zero: was paid too much).
    """

    currency: str
    accrued_minor: int
    held_minor: int
    reversed_minor: int
    paid_out_minor: int
    carried_minor: int


async def list_payouts(
    world: World, merchant_id: str, *, limit: int = 100, payee: str | None = None, before: UUID | None = None
) -> list[PayoutView]:
    """Payouts, the newest first; `before` is the last id of the page before."""

    async def work(tx: Tx) -> list[PayoutView]:
        rows = await tx.rows(
            PAYOUTS.list_payouts, merchant_id=merchant_id, payee=payee, before=before, limit=min(limit, MOST_ROWS)
        )
        return [PayoutView(*row) for row in rows]

    return await world.database.transaction(work, name="list_payouts", read_only=True)


async def read_payee(world: World, merchant_id: str, payee: str) -> list[PayeeSums]:
    """What the payee is owed, by currency. Raises Refused `payee_unknown` (404)."""

    async def work(tx: Tx) -> list[PayeeSums]:
        rows = await tx.rows(PAYOUTS.sums_of_payee, merchant_id=merchant_id, payee=payee)
        return [PayeeSums(*row) for row in rows]

    found = await world.database.transaction(work, name="read_payee", read_only=True)
    if not found:
        raise Refused("nothing was ever owed to such a payee", code="payee_unknown", status=404)
    return found
