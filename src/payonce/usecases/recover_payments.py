"""Recover payments: find successful payments that were not recorded, and settle them, every quarter of an hour (C15).

Where a provider has lists they are walked, whoever walked them last; where it has none, every unpaid attempt is asked
about by itself, ended ones included, for as long as the provider answers for it: at growing intervals, and once more
when it has expired. It only looks and closes; it cannot create a payment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.ask_attempts import Due, Resolved, ask_about
from payonce.usecases.backfill import Backfilled, backfill
from payonce.usecases.world import World

CURSORS: Final = queries.load("cursors")
# For how long unpaid attempts are asked about where the provider names no horizon of its own.
USUAL_HORIZON: Final = timedelta(hours=48)
# The scan comes every 15 minutes and may be a little early.
PAUSE: Final = timedelta(minutes=14)
# The last question of an expiry comes a little after it, because clocks of two machines differ.
EXPIRY_MARGIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What one run did: what the lists told, and what was asked about one by one."""

    lists: Backfilled
    asked: Resolved


async def recover_payments(world: World, merchant_id: str, limit: int = 40) -> Recovered:
    """Walk about `limit` pages of lists, and ask about up to `limit` attempts of each account that has none."""
    lists = await backfill(world, merchant_id, limit)
    due = await attempts_to_recover(world, merchant_id, limit)
    return Recovered(lists, await ask_about(world, merchant_id, due, even_ended=True))


async def attempts_to_recover(world: World, merchant_id: str, limit: int) -> list[Due]:
    """The attempts to ask about one by one, as (order, attempt, no reference). Reads only."""
    accounts = [key for key in world.accounts_of(merchant_id) if not world.looker(*key).capabilities.lists]

    async def load(tx: Tx) -> list[Due]:
        found: list[Due] = []
        for provider, account in accounts:
            rows = await tx.rows(
                CURSORS.attempts_to_recover, merchant_id=merchant_id, provider=provider, account=account, now=tx.now,
                horizon=_horizon(world, provider, account), pause=PAUSE, margin=EXPIRY_MARGIN, limit=limit,
            )  # fmt: skip
            found += [(row.order_id, row.attempt_id, None) for row in rows]
        return found

    return await world.database.transaction(load, name="attempts_to_recover", read_only=True) if accounts else []


def _horizon(world: World, provider: str, account: str) -> timedelta:
    seconds = world.looker(provider, account).capabilities.read_horizon_seconds
    return USUAL_HORIZON if seconds is None else timedelta(seconds=seconds)
