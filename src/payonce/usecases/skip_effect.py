"""Take a person's word about an effect that waits for one: it was done by other means, or it is not needed."""

from __future__ import annotations

from uuid import UUID

from payonce.base.errors import Conflict
from payonce.domain.delivering import Round
from payonce.domain.effect import Effect
from payonce.store.database import Tx
from payonce.usecases.in_round import in_round
from payonce.usecases.retry_effect import cause_of, lock_one
from payonce.usecases.world import World


async def skip_effect(
    world: World, merchant_id: str, effect_id: UUID, reason: str, actor: str, *, done: bool = False
) -> Effect:
    """Set aside an effect that is unknown, dead or held; with `done`, say that it was done. The effect afterwards.

    Raises Refused `effect_unknown` (404), `reason_missing`; Conflict `effect_not_skippable` in any other state, and for
    a fulfilment that is not said to be done: what was paid for is done, or stays open in its finding.
    """
    cause = cause_of(reason, actor)

    async def decide(tx: Tx, decided: Round) -> Effect:
        effect = await lock_one(tx, merchant_id, effect_id)
        is_owed = effect.nature == "fulfilment" and not done
        if is_owed or not decided.give_word(effect, "said_done" if done else "skip", cause, f"{actor}: {cause}"):
            raise Conflict(
                f"a {effect.nature} that is {effect.state} cannot be set aside",
                code="effect_not_skippable",
                hint="Say that it was done, or acknowledge its finding." if is_owed else "",
                detail={"state": effect.state, "nature": effect.nature},
            )
        return effect

    return await in_round(world, merchant_id, decide, name="skip_effect", actor=actor)
