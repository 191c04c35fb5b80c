"""Erase what tells of a person once it is old: payers' names and addresses, who called, raw bodies of finished events.

Nothing that counts is touched: orders, ledger, audit, keys of events. No row of those is deleted, and what is not
finished keeps all that it may still need. How long each is kept is the merchant's policy. What is only measured, by the
minute and the repetition, is thinned as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from payonce.base.ids import first_at
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.world import World

EXPIRY: Final = queries.load("expiry")
# The most rows of one kind in one transaction.
MOST_ROWS: Final = 1000
# The longest window of checkouts that is looked at is a day; a month shows a person what was usual.
KEEP_COUNTS: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Expired:
    """How many rows of each kind were erased, or are due to be."""

    payers: int = 0
    evidence: int = 0
    bodies: int = 0
    repeats: int = 0
    counts: int = 0
    receipts: int = 0

    @property
    def rows(self) -> int:
        return self.payers + self.evidence + self.bodies + self.repeats + self.counts + self.receipts


async def expire_data(world: World, merchant_id: str, limit: int = MOST_ROWS) -> Expired:
    """Erase up to `limit` rows of each kind, the oldest first."""
    policy, most = world.policy_of(merchant_id), min(limit, MOST_ROWS)

    async def work(tx: Tx) -> Expired:
        said: dict[str, Any] = {"merchant_id": merchant_id, "limit": most}
        payers, evidence, bodies, repeats, counts, receipts = await tx.all(
            (EXPIRY.erase_payers, {**said, "before": tx.now - policy.keep_payers, "now": tx.now}),
            (EXPIRY.erase_evidence, {**said, "before": tx.now - policy.keep_evidence}),
            (EXPIRY.erase_bodies, {**said, "before": tx.now - policy.keep_event_bodies, "now": tx.now}),
            # As long as the bodies of the events that they repeat.
            (EXPIRY.thin_repeats, {**said, "before_id": first_at(tx.now - policy.keep_event_bodies)}),
            (EXPIRY.thin_checkout_counts, {**said, "before": tx.now - KEEP_COUNTS}),
            (EXPIRY.thin_receipts, {**said, "before_id": first_at(tx.now - KEEP_COUNTS)}),
        )
        if payers:
            tx.later(EXPIRY.erase_requests, merchant_id=merchant_id, order_ids=[row.order_id for row in payers])
        return Expired(len(payers), len(evidence), len(bodies), len(repeats), len(counts), len(receipts))

    return await world.database.transaction(work, name="expire_data")


async def count_to_erase(world: World, merchant_id: str) -> Expired:
    """How many rows of each kind are due to be erased. Changes nothing."""
    policy = world.policy_of(merchant_id)

    async def work(tx: Tx) -> Expired:
        [row] = await tx.rows(
            EXPIRY.count_to_erase, merchant_id=merchant_id, payers_before=tx.now - policy.keep_payers,
            evidence_before=tx.now - policy.keep_evidence, bodies_before=tx.now - policy.keep_event_bodies,
            repeats_before=first_at(tx.now - policy.keep_event_bodies), counts_before=tx.now - KEEP_COUNTS,
            receipts_before=first_at(tx.now - KEEP_COUNTS),
        )  # fmt: skip
        return Expired(row.payers, row.evidence, row.bodies, row.repeats, row.counts, row.receipts)

    return await world.database.transaction(work, name="count_to_erase", read_only=True)
