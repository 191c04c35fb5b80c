"""Approve refunds: the plan of all that waits for a person, and letting exactly that plan go.

A plan's id is made of what is in it, so that nobody approves anything else than what was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import Conflict
from payonce.domain import purpose, refunding
from payonce.store import books, queries
from payonce.store.database import Row, Tx
from payonce.usecases.answers import RefundView
from payonce.usecases.list_refunds import read_refunds
from payonce.usecases.retry_effect import cause_of
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

REFUNDS: Final = queries.load("refunds")
# More than a person looks through at once; what is behind is in the next plan.
MOST_PLANNED: Final = 200


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """What waits for approval, the oldest first, with its sums by currency. `id` names exactly this content."""

    id: str
    refunds: tuple[RefundView, ...]
    totals_minor: dict[str, int]


async def plan_refunds(world: World, merchant_id: str) -> RefundPlan:
    """The plan as it stands now."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(REFUNDS.planned_refunds, merchant_id=merchant_id, limit=MOST_PLANNED)

    return _plan(await world.database.transaction(work, name="plan_refunds", read_only=True))


async def apply_plan(world: World, merchant_id: str, plan_id: str, actor: str) -> list[RefundView]:
    """Let everything of the plan go; the refunds as they are afterwards. The next worker sends them.

    Raises Conflict `plan_changed` when the plan is not what `plan_id` names any more; then nothing is approved.
    """
    by = cause_of(actor, actor)
    tape, earlier = IdTape(world.ids), set[UUID]()

    async def work(tx: Tx) -> list[UUID]:
        tape.rewind()
        rows = await tx.rows(REFUNDS.planned_refunds, merchant_id=merchant_id, limit=MOST_PLANNED)
        if earlier and not earlier & {row.refund_id for row in rows}:
            # The COMMIT of an earlier run was not confirmed and had happened.
            return sorted(earlier)
        purposes, order_ids = {row.purpose for row in rows}, {row.order_id for row in rows}
        rules = world.rules_of(merchant_id)
        loaded = await books.load(tx, merchant_id, purposes, order_ids, tape.next, world.kinds, rules=rules)
        planned = {row.refund_id for row in rows}
        refunds = [each for book in loaded.values() for each in book.refunds.values() if each.id in planned]
        still = {each.id for each in refunds if each.state == "planned"}
        plan = _plan([row for row in rows if row.refund_id in still])
        if plan.id != plan_id or not still:
            raise Conflict(
                "the plan is not what it was", code="plan_changed", hint="Look at it again, then apply what it is now.",
                detail={"plan": plan.id},
            )  # fmt: skip
        for book in loaded.values():
            book.cause = f"approved: {plan_id}"
            for refund in list(book.refunds.values()):
                if refund.id in still:
                    refunding.approve(book, refund, by)
            purpose.reconsider(book)
        books.record(tx, loaded.values(), actor=by)
        earlier.update(still)
        return sorted(still)

    approved = await world.database.transaction(work, name="approve_refunds")
    return await read_refunds(world, merchant_id, approved)


def _plan(rows: Sequence[Row]) -> RefundPlan:
    refunds = tuple(RefundView(*row[:-1]) for row in rows)
    by_currency = groupby(sorted(refunds, key=lambda each: each.currency), key=lambda each: each.currency)
    totals = {currency: sum(each.amount_minor for each in group) for currency, group in by_currency}
    return RefundPlan(_id_of(refunds), refunds, totals)


def _id_of(refunds: Sequence[RefundView]) -> str:
    """The name of exactly these refunds: their ids, amounts and payments."""
    lines = sorted(
        f"{each.id.hex} {each.amount_minor} {each.currency} {each.provider}:{each.account}:{each.capture_kind}:"
        f"{each.capture_ref}"
        for each in refunds
    )
    digest = hashlib.sha256("\n".join(lines).encode()).digest()
    return f"pln_{ids.spell(digest[:16])}"
