"""Backfill: what webhooks did not tell is read from the provider's lists, and joined as they would have been (A11).

It walks the log of events and the lists of objects of every account from a cursor, a bounded number of pages at a time.
It only looks and closes; it cannot create a payment.
"""

from __future__ import annotations

from dataclasses import dataclass

from payonce.usecases.take_listed import Taker
from payonce.usecases.walk_lists import walk_lists
from payonce.usecases.world import World


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What one run did: pages and entries read, of those new, applied and other people's; orphans closed; lists without
    an answer. `is_behind`: there is more to read at once.
    """

    pages: int = 0
    entries: int = 0
    new: int = 0
    applied: int = 0
    others: int = 0
    closed: int = 0
    silent: int = 0
    is_behind: bool = False


async def backfill(world: World, merchant_id: str, limit: int = 40) -> Backfilled:
    """Walk the lists that are due, about `limit` pages. Raises Unavailable where the store does not answer."""
    taker = Taker(world, merchant_id, "backfill")
    walked = await walk_lists(world, merchant_id, taker, limit)
    return Backfilled(
        walked.pages, walked.entries, walked.new, taker.applied, walked.others, taker.closed, walked.silent,
        walked.is_behind,
    )  # fmt: skip
