"""Show effects: a page of them, one with every try at it, and how many are owed and not done. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.effect import STATES, Effect
from payonce.store.database import Tx
from payonce.store.effects import EFFECTS
from payonce.usecases.world import World

# A page that people read and programs hold at once.
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class TryView:
    """One try at an effect: when it began and ended, how, and what the receiver said."""

    number: int
    outcome: str
    began_at: datetime
    ended_at: datetime | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class EffectShown:
    """An effect with every try at it, the first try first."""

    effect: Effect
    tries: tuple[TryView, ...]


@dataclass(frozen=True, slots=True)
class DueEffect:
    """An effect that is due to be delivered."""

    id: UUID
    kind: str
    nature: str
    order_id: UUID


@dataclass(frozen=True, slots=True)
class Unfinished:
    """How many effects of a kind are in a state that is not done, and since when the oldest is owed."""

    kind: str
    state: str
    effects: int
    oldest_owed_at: datetime


async def list_effects(
    world: World,
    merchant_id: str,
    *,
    limit: int = 100,
    state: str | None = None,
    kind: str | None = None,
    order_id: UUID | None = None,
    before: UUID | None = None,
) -> list[Effect]:
    """Effects, the newest first; `before` is the last id of the page before. Raises Refused `effect_state_unknown`."""
    if state is not None and state not in STATES:
        raise Refused(
            f"{state!r:.40} is no state of an effect; there are {', '.join(STATES)}",
            code="effect_state_unknown",
            param="state",
        )
    given = {"state": state, "kind": kind, "order_id": order_id, "before": before, "limit": min(limit, MOST_ROWS)}

    async def work(tx: Tx) -> list[Effect]:
        return [Effect(*row) for row in await tx.rows(EFFECTS.list_effects, merchant_id=merchant_id, **given)]

    return await world.database.transaction(work, name="list_effects", read_only=True)


async def show_effect(world: World, merchant_id: str, effect_id: UUID) -> EffectShown:
    """One effect with its tries. Raises Refused `effect_unknown` (404)."""

    async def work(tx: Tx) -> EffectShown:
        found, tries = await tx.all(
            (EFFECTS.read_effect, {"merchant_id": merchant_id, "effect_id": effect_id}),
            (EFFECTS.tries_of_effects, {"merchant_id": merchant_id, "effect_ids": [effect_id]}),
        )
        if not found:
            raise Refused("there is no such effect", code="effect_unknown", status=404)
        views = tuple(TryView(row.try_number, row.outcome, row.began_at, row.ended_at, row.answer) for row in tries)
        return EffectShown(Effect(*found[0]), views)

    return await world.database.transaction(work, name="show_effect", read_only=True)


async def unfinished_effects(world: World, merchant_id: str) -> list[Unfinished]:
    """What is owed and not done, counted by kind and state; for metrics (`oldest pending`) and the overview."""

    async def work(tx: Tx) -> list[Unfinished]:
        return [Unfinished(*row) for row in await tx.rows(EFFECTS.unfinished_effects, merchant_id=merchant_id)]

    return await world.database.transaction(work, name="unfinished_effects", read_only=True)


async def effects_due(world: World, merchant_id: str, limit: int) -> list[DueEffect]:
    """Effects that a worker would take up now, the longest due first."""

    async def work(tx: Tx) -> list[DueEffect]:
        rows = await tx.rows(EFFECTS.look_for_due_effects, merchant_id=merchant_id, now=tx.now, limit=limit)
        return [DueEffect(*row) for row in rows]

    return await world.database.transaction(work, name="effects_due", read_only=True)
