"""Record how tries at effects ended. An acceptance counts whenever it is told, a refusal only while its claim holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from payonce.domain.delivering import Outcome, Pace, Round
from payonce.domain.effect import Effect
from payonce.store import effects as store
from payonce.store.database import Row, Tx
from payonce.usecases.claim_effects import ACTOR, Claim
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.in_round import in_round
from payonce.usecases.world import World


async def record_deliveries(
    world: World, merchant_id: str, handlers: Handlers, answers: Sequence[tuple[Claim, Outcome]], pace: Pace
) -> list[Effect]:
    """Record the outcomes in one transaction; the effects as they are afterwards, in the order given."""
    uniforms = [world.chance.uniform() for _ in answers]

    async def decide(tx: Tx, decided: Round) -> list[Effect]:
        effects, tries = await store.lock(tx, merchant_id, [claim.effect.id for claim, _ in answers])
        wanted = await asked_for_again(tx, merchant_id, tries)
        for (claim, outcome), uniform in zip(answers, uniforms, strict=True):
            effect, kind = effects[claim.effect.id], handlers.kind(claim.effect.kind)
            tried, others = store.find_try(tries.get(effect.id, ()), *claim.tried)
            if kind is not None:
                decided.join(effect, kind, tried, outcome, uniform, others, wanted.get(effect.id, 0))
        return [effects[claim.effect.id] for claim, _ in answers]

    return await in_round(world, merchant_id, decide, name="record_deliveries", actor=ACTOR, pace=pace)


async def asked_for_again(tx: Tx, merchant_id: str, tries: Mapping[UUID, Sequence[Row]]) -> Mapping[UUID, int]:
    """How often a person wanted each effect once more that was done: what is accepted beyond that was too many."""
    accepted = [effect_id for effect_id, rows in tries.items() if any(row.outcome == "accepted" for row in rows)]
    return await store.repeats(tx, merchant_id, accepted) if accepted else {}
