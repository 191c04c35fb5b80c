"""Find whom a mail about an order goes to. Personal data, so it is read when it is needed and kept nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from payonce.store.database import Tx
from payonce.store.effects import EFFECTS
from payonce.usecases.world import World


@dataclass(frozen=True, slots=True)
class Recipient:
    """A payer's address and name, as the merchant gave them."""

    email: str = field(repr=False)
    name: str | None = field(repr=False)


async def find_recipient(world: World, merchant_id: str, order_id: UUID) -> Recipient | None:
    """The payer of the order, or None where no address is known (never given, or erased)."""

    async def work(tx: Tx) -> Recipient | None:
        row = await tx.one(EFFECTS.recipient_of_order, merchant_id=merchant_id, order_id=order_id)
        return Recipient(row.email, row.name) if row is not None and row.email else None

    return await world.database.transaction(work, name="find_recipient", read_only=True)
