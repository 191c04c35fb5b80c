"""Close duplicates: of orders that a job is about to act on, those that a paid sibling serves already (A2).

Every job asks this first. What is closed here is not asked about at a provider where it shares its payment with the
sibling, is not settled, and nobody is told. Many are closed in one transaction: thousands may be stuck at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from payonce.domain.duplicate import close_as_duplicate
from payonce.store import books, queries
from payonce.store.database import Row, Tx
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

SIBLINGS: Final = queries.load("siblings")
BOOKS: Final = queries.load("books")
ACTOR: Final = "close_duplicates"
# Each has an order, an attempt, stock and a few rows of what shows why: together below a thousand rows of a table.
AT_ONCE: Final = 250


async def close_duplicates(world: World, merchant_id: str, order_ids: Collection[UUID]) -> frozenset[UUID]:
    """Close what of the orders is a duplicate; those that are closed by it. One with an attempt that is payable by
    itself is marked, and is left to whoever closes attempts at their provider.
    """
    if not order_ids:
        return frozenset()
    suspects = await served_already(world, merchant_id, order_ids)
    closed: set[UUID] = set()
    waiting = sorted(suspects)
    for first in range(0, len(waiting), AT_ONCE):
        if world.is_stopped:
            break
        closed |= await _close_some(world, merchant_id, waiting[first : first + AT_ONCE])
    return frozenset(closed)


async def served_already(world: World, merchant_id: str, order_ids: Collection[UUID]) -> set[UUID]:
    """Which of the orders have a paid sibling now. Changes nothing."""
    if not order_ids:
        return set()

    async def load(tx: Tx) -> set[UUID]:
        return {row.order_id for row in await _siblings(tx, world, merchant_id, order_ids)}

    return await world.database.transaction(load, name="paid_siblings", read_only=True)


async def _close_some(world: World, merchant_id: str, order_ids: Sequence[UUID]) -> set[UUID]:
    """Close some in one transaction; whether each has a paid sibling is read again under its lock."""
    tape = IdTape(world.ids)

    async def work(tx: Tx) -> set[UUID]:
        tape.rewind()
        named = await tx.rows(BOOKS.purposes_of_orders, merchant_id=merchant_id, order_ids=list(order_ids))
        purposes = {row.purpose for row in named}
        rules = world.rules_of(merchant_id)
        loaded = await books.load(
            tx, merchant_id, purposes, order_ids, tape.next, world.kinds, rules=rules, with_refs=False
        )
        found: dict[UUID, list[Row]] = defaultdict(list)
        for row in await _siblings(tx, world, merchant_id, order_ids):
            found[row.order_id].append(row)
        closed = set()
        for row in named:
            siblings, book = found[row.order_id], loaded[row.purpose]
            if not siblings:
                continue
            book.cause = f"sibling:{siblings[0].shares}:{siblings[0].sibling_id.hex}"
            shared = {sibling.attempt_id for sibling in siblings if sibling.attempt_id is not None}
            if close_as_duplicate(book, book.orders[row.order_id], shared):
                closed.add(row.order_id)
        books.record(tx, loaded.values(), actor=ACTOR, order_ids=order_ids)
        return closed

    closed = await world.database.transaction(work, name=ACTOR)
    for order_id in order_ids:
        world.was_taken_up(order_id)
    return closed


async def _siblings(tx: Tx, world: World, merchant_id: str, order_ids: Collection[UUID]) -> list[Row]:
    by_payer = world.policy_of(merchant_id).close_all_of_payer
    return await tx.rows(SIBLINGS.paid_siblings, merchant_id=merchant_id, order_ids=list(order_ids), by_payer=by_payer)
