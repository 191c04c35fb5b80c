"""Evidence of who called what (E20): kept for a while, read by people, and never a state that anything depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.world import World

API: Final = queries.load("api")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One call: when, what (`pay`, `status`, `refresh`), from where, and with which HTTP status it was answered.

    Address, user agent and referer are personal data. `id` makes writing the same row twice harmless.
    """

    id: UUID
    order_id: UUID
    at: datetime
    call: str
    address: str | None
    user_agent: str | None
    referer: str | None
    answer: int


async def write_evidence(world: World, merchant_id: str, rows: Sequence[Evidence]) -> None:
    """Append the rows; those that are there already stay as they are."""
    if not rows:
        return

    async def work(tx: Tx) -> None:
        tx.later(
            API.insert_evidence, merchant_id=merchant_id, evidence_ids=[row.id for row in rows],
            order_ids=[row.order_id for row in rows], ats=[row.at for row in rows], calls=[row.call for row in rows],
            addresses=[row.address for row in rows], user_agents=[row.user_agent for row in rows],
            referers=[row.referer for row in rows], answers=[row.answer for row in rows],
        )  # fmt: skip

    await world.database.transaction(work, name="write_evidence")
