"""Ask for an effect again: a person's act, with a reason. The key and the id stay, so that a receiver can tell."""

from __future__ import annotations

from uuid import UUID

from payonce.base.errors import Conflict, Refused
from payonce.domain.delivering import Round
from payonce.domain.effect import Effect
from payonce.store import effects as store
from payonce.store.database import Tx
from payonce.usecases.in_round import in_round
from payonce.usecases.world import World


async def retry_effect(world: World, merchant_id: str, effect_id: UUID, reason: str, actor: str) -> Effect:
    """Make the effect due now; the effect as it is afterwards. The next worker delivers it.

    A retry of a held effect overrules the money, of any notification its horizon. One that is done is delivered a
    second time, with the same key. Raises Refused `effect_unknown` (404), `reason_missing`; Conflict
    `effect_not_retryable` while it is due already or being delivered, and when it was suppressed.
    """
    cause = cause_of(reason, actor)

    async def decide(tx: Tx, decided: Round) -> Effect:
        effect = await lock_one(tx, merchant_id, effect_id)
        if not decided.ask_again(effect, cause):
            raise Conflict(
                f"an effect that is {effect.state} cannot be asked for again",
                code="effect_not_retryable",
                hint="One that is pending is delivered by itself; one that is claimed is being delivered now.",
                detail={"state": effect.state},
            )
        return effect

    return await in_round(world, merchant_id, decide, name="retry_effect", actor=actor)


def cause_of(reason: str, actor: str) -> str:
    """The reason as it stands in the audit. Raises Refused `reason_missing`: no act of a person without who and why."""
    if not reason.strip() or not actor.strip():
        raise Refused("say who asks for this, and why", code="reason_missing", param="reason")
    return reason.strip()


async def lock_one(tx: Tx, merchant_id: str, effect_id: UUID) -> Effect:
    """The effect, locked until COMMIT. Raises Refused `effect_unknown` (404)."""
    effects, _ = await store.lock(tx, merchant_id, [effect_id])
    if effect_id not in effects:
        raise Refused("there is no such effect", code="effect_unknown", status=404)
    return effects[effect_id]
