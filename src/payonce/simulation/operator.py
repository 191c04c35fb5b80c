"""The operator: looks at effects that wait for a person, asks the receiver, and says what shall become of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from payonce.base.errors import PayonceError
from payonce.simulation.scene import Lost, Scene
from payonce.simulation.truth import rows
from payonce.usecases.retry_effect import retry_effect
from payonce.usecases.skip_effect import skip_effect
from payonce.usecases.world import World

ROUNDS: Final = 3
NAME: Final = "operator"


def operate(scene: Scene, rounds: int = ROUNDS) -> None:
    """Let the operator look so many times."""
    key = f"{NAME}/{scene.scheduler.now}"
    scene.scheduler.spawn(key, NAME, "", _work(scene, key, rounds))


async def _work(scene: Scene, key: str, rounds: int) -> None:
    for number in range(rounds):
        await scene.rest(scene.draw.between(20.0, 150.0, key, number))
        for effect in rows(scene, "effects"):
            who = f"{key}/{number}/{effect.kind}/{scene.made.get(effect.effect_id, '')}"
            act = _decide(scene, who, effect)
            if act is not None:
                await _ask(scene, who, act)


def _decide(scene: Scene, who: str, effect: Any) -> Callable[[World], Coroutine[Any, Any, Any]] | None:
    """What he wants of one effect; mostly nothing."""
    merchant_id, was_done = scene.merchant_id, scene.receiver.accepted[effect.key] > 0

    def again(world: World) -> Coroutine[Any, Any, Any]:
        return retry_effect(world, merchant_id, effect.effect_id, "it was not done", NAME)

    def said_done(world: World) -> Coroutine[Any, Any, Any]:
        return skip_effect(world, merchant_id, effect.effect_id, "it was done", NAME, done=True)

    def skip(world: World) -> Coroutine[Any, Any, Any]:
        return skip_effect(world, merchant_id, effect.effect_id, "nobody needs it", NAME)

    if effect.state in ("unknown", "dead") and was_done:
        return said_done
    if effect.state in ("unknown", "dead", "held"):
        choices = {"again": 3.0, "later": 1.0, "skip": 1.0 if effect.nature == "notification" else 0.0}
    elif effect.state == "failed":
        choices = {"again": 1.0, "later": 9.0}
    else:
        return None
    chosen = scene.draw.choose(choices, who, effect.state)
    if chosen == "again":
        scene.asked_again[effect.key] += 1
    return {"again": again, "skip": skip}.get(chosen)


async def _ask(scene: Scene, who: str, act: Callable[[World], Coroutine[Any, Any, Any]]) -> None:
    try:
        await scene.answer(scene.start(who, NAME, act))
    except (Lost, PayonceError):
        # Somebody was faster, or the store is away: he will see it in his next round.
        return
