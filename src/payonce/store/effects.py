"""Effects and their tries: reading them under lock, and recording what a round decided, one statement per table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from payonce.domain.delivering import Background, CapturedMoney, Round, Try
from payonce.domain.effect import Effect
from payonce.domain.reversing import Delivery, Done
from payonce.domain.telling import Running
from payonce.store import queries
from payonce.store.database import Call, Row, Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.store.owed import write_owed, write_steps

EFFECTS: Final = queries.load("effects")
# What a receiver answers is kept for people, not as an archive.
LONGEST_ANSWER: Final = 500


async def lock_due(tx: Tx, merchant_id: str, kinds: Collection[str], limit: int) -> list[Effect]:
    """Effects that are due now, locked until COMMIT, oldest first; those that another worker holds are left out."""
    [rows] = await tx.all(_due(tx, merchant_id, kinds, limit, is_fresh=False))
    return [Effect(*row) for row in rows]


async def lock_fresh(tx: Tx, merchant_id: str, kinds: Collection[str], limit: int) -> list[Effect]:
    """The same of effects that were never tried, in a transaction that the server ends where it waits for long."""
    _, rows = await tx.all((EFFECTS.hold_briefly, {}), _due(tx, merchant_id, kinds, limit, is_fresh=True))
    return [Effect(*row) for row in rows]


def _due(tx: Tx, merchant_id: str, kinds: Collection[str], limit: int, *, is_fresh: bool) -> Call:
    given = {"merchant_id": merchant_id, "kinds": sorted(kinds), "limit": limit, "is_fresh": is_fresh, "now": tx.now}
    return EFFECTS.lock_due_effects, given


async def lock_expired(
    tx: Tx, merchant_id: str, kinds: Collection[str], orphaned: datetime, limit: int
) -> list[Effect]:
    """Claims whose lease has ended, locked until COMMIT; of kinds not named, those that ended before `orphaned`."""
    rows = await tx.rows(
        EFFECTS.lock_expired_effects,
        merchant_id=merchant_id, kinds=sorted(kinds), orphaned=orphaned, limit=limit, now=tx.now,
    )  # fmt: skip
    return [Effect(*row) for row in rows]


async def lock(
    tx: Tx, merchant_id: str, effect_ids: Collection[UUID]
) -> tuple[dict[UUID, Effect], dict[UUID, list[Row]]]:
    """Effects by id, locked until COMMIT, and their tries."""
    given = {"merchant_id": merchant_id, "effect_ids": sorted(effect_ids)}
    # The tries are read by a later statement than the locks: under READ COMMITTED it sees what was waited for.
    rows, tries = await tx.all((EFFECTS.lock_effects, given), (EFFECTS.tries_of_effects, given))
    return {row.effect_id: Effect(*row) for row in rows}, by_effect(tries)


async def backgrounds(tx: Tx, merchant_id: str, effects: Sequence[Effect]) -> dict[UUID, Background]:
    """What a claim looks at, by order; orders that somebody holds at this moment are left out."""
    given = {"merchant_id": merchant_id, "order_ids": sorted({effect.order_id for effect in effects})}
    orders, captures = await tx.all((EFFECTS.hold_orders_of_effects, given), (EFFECTS.money_of_orders, given))
    money: dict[UUID, list[CapturedMoney]] = defaultdict(list)
    for row in captures:
        money[row.order_id].append(CapturedMoney(*row[1:6]))
    return {row.order_id: Background(row.state, money[row.order_id]) for row in orders}


async def asked_again(
    tx: Tx, merchant_id: str, effect_ids: Collection[UUID]
) -> dict[UUID, tuple[datetime, datetime | None]]:
    """When a person last asked for each effect again, and when for one that was held."""
    rows = await tx.rows(EFFECTS.asked_again, merchant_id=merchant_id, effect_ids=sorted(effect_ids))
    return {row.effect_id: (row.asked_again_at, row.insisted_at) for row in rows}


async def repeats(tx: Tx, merchant_id: str, effect_ids: Collection[UUID]) -> dict[UUID, int]:
    """How often a person wanted an effect that was done to be done once more."""
    rows = await tx.rows(EFFECTS.asked_again, merchant_id=merchant_id, effect_ids=sorted(effect_ids))
    return {row.effect_id: row.repeats for row in rows}


async def of_orders(tx: Tx, merchant_id: str, order_ids: Collection[UUID], kinds: Collection[str]) -> list[Done]:
    """The effects of these kinds of the orders, with every try, the oldest first. Locks nothing."""
    given = {"merchant_id": merchant_id, "order_ids": sorted(order_ids), "kinds": sorted(kinds)}
    rows, tries = await tx.all((EFFECTS.effects_of_orders, given), (EFFECTS.tries_of_orders, given))
    deliveries: dict[UUID, list[Delivery]] = defaultdict(list)
    for row in tries:
        deliveries[row.effect_id].append(Delivery(*row[1:]))
    return [Done(Effect(*row), tuple(deliveries[row.effect_id])) for row in rows]


def record(tx: Tx, merchant_id: str, decided: Round, *, actor: str, run: Running | None = None) -> None:
    """Write all that was decided in the round, with the COMMIT."""
    given: dict[str, Any] = {"merchant_id": merchant_id}
    changed = sorted(decided.changed.values(), key=lambda effect: effect.id)
    if changed:
        tx.later(
            EFFECTS.update_effects, **given, effect_ids=[e.id for e in changed], states=[e.state for e in changed],
            reasons=[None if e.reason is None else short(e.reason) for e in changed], tries=[e.tries for e in changed],
            fences=[e.fence for e in changed], due=[e.due_at for e in changed], leases=[e.lease_until for e in changed],
            done=[e.done_at for e in changed],
        )  # fmt: skip
    _record_tries(tx, merchant_id, decided)
    write_owed(tx, merchant_id, decided.owed, decided.new_id, actor=actor, run=run)
    write_steps(tx, merchant_id, [replace(s, cause=short(s.cause)) for s in decided.steps], actor=actor, run=run)
    write_findings(tx, merchant_id, decided.findings)
    for fingerprint, why in sorted(decided.resolved.items()):
        resolve_findings(tx, merchant_id, [fingerprint], why)


def _record_tries(tx: Tx, merchant_id: str, decided: Round) -> None:
    given: dict[str, Any] = {"merchant_id": merchant_id, "now": tx.now}
    ends = {(effect_id, number): (outcome, short(answer)) for effect_id, number, outcome, answer in decided.ended}
    whole = [(e, *ends.pop((e.id, e.tries))) for e in decided.begun if (e.id, e.tries) in ends]
    known = {effect.id for effect, _, _ in whole}
    begun = [effect for effect in decided.begun if effect.id not in known]
    if whole:
        tx.later(
            EFFECTS.note_deliveries, **given, effect_ids=[e.id for e, _, _ in whole],
            tries=[e.tries for e, _, _ in whole], fences=[e.fence for e, _, _ in whole],
            outcomes=[outcome for _, outcome, _ in whole], answers=[answer for _, _, answer in whole],
        )  # fmt: skip
    if begun:
        tx.later(
            EFFECTS.begin_deliveries, **given, effect_ids=[e.id for e in begun], tries=[e.tries for e in begun],
            fences=[e.fence for e in begun],
        )  # fmt: skip
    if ends:
        tx.later(
            EFFECTS.end_deliveries, **given, effect_ids=[key[0] for key in ends], tries=[key[1] for key in ends],
            outcomes=[end[0] for end in ends.values()], answers=[end[1] for end in ends.values()],
        )  # fmt: skip


async def was_recorded(tx: Tx, merchant_id: str, earlier: Round) -> bool:
    """Whether an earlier run of a transaction, which noted `earlier`, was committed after all (its answer was lost)."""
    if not earlier.steps:
        return False
    first = earlier.steps[0]
    row = await tx.one(EFFECTS.was_recorded, merchant_id=merchant_id, audit_id=first.id)
    # Runs share their ids, so that no two of them are committed; which one was shows in what it moved, and when.
    return row is not None and (row.subject_id, row.at) == (first.subject_id, earlier.now)


def by_effect(tries: Sequence[Row]) -> dict[UUID, list[Row]]:
    """Rows of tries, by effect."""
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in tries:
        found[row.effect_id].append(row)
    return found


def find_try(rows: Sequence[Row], number: int, fence: int) -> tuple[Try, int]:
    """The try of that number as the holder of `fence` sees it, and how many other tries were accepted."""
    mine = next((row.outcome for row in rows if row.try_number == number), "begun")
    others = sum(1 for row in rows if row.outcome == "accepted" and row.try_number != number)
    return Try(number, fence, mine), others


def short(text: str) -> str:
    """What strangers answered, as text that PostgreSQL takes: no NUL, no lone surrogate, not endless."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:LONGEST_ANSWER]
