"""Clicks of one host that come at nearly the same moment are decided in one transaction, as a service gathers them.

The gathering is an actor of its own, of the host's process: when it dies, everybody dies who waited for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from payonce.simulation.scheduler import Actor, Die, Join, Scheduler, give_way
from payonce.usecases.decide_cases import decide_alone, decide_group
from payonce.usecases.together import Case, Occasion
from payonce.usecases.world import World

T = TypeVar("T")

# Longer than any transaction takes with all that can happen to it.
PATIENCE_SECONDS: Final = 3600.0


class Together:
    """What the clicks of one host are handed. `hand` gives a world to whoever acts by that key, in that story."""

    def __init__(
        self, scheduler: Scheduler, host: str, gather_seconds: float, hand: Callable[[str, str], World],
        note: Callable[[int], object],
    ) -> None:  # fmt: skip
        self._scheduler = scheduler
        self._host = host
        self._gather_seconds = gather_seconds
        self._hand = hand
        self._note = note
        self._gathering: dict[tuple[Occasion, str], tuple[Actor, list[Case[Any]]]] = {}

    async def decide(self, occasion: Occasion, merchant_id: str, case: Case[T]) -> T:
        """What was decided, once it is committed. Raises what deciding it alone raises."""
        me = self._scheduler.acting()
        actor, cases = self._gathering.get((occasion, merchant_id), (None, []))
        if actor is None or not actor.is_running:
            key, cases = f"{me.key}+{occasion}{me.turns}", []
            work = self._decide(occasion, merchant_id, cases, self._hand(key, me.story))
            actor = self._scheduler.spawn(key, me.story, self._host, work, after=self._gather_seconds, ends=False)
            self._gathering[occasion, merchant_id] = (actor, cases)
        place = len(cases)
        cases.append(case)
        while actor.is_running:
            await give_way(Join(actor, PATIENCE_SECONDS))
        if actor.state == "dead":
            await give_way(Die())
        said = actor.result[place] if actor.error is None else None
        if said is not None:
            answer: T = said()
            return answer
        if actor.error is not None and len(cases) == 1:
            raise actor.error
        hand = self._hand(f"{me.key}~{occasion}{me.turns}", me.story)
        return await decide_alone(hand, merchant_id, case, occasion=occasion)

    async def _decide(self, occasion: Occasion, merchant_id: str, cases: list[Case[Any]], world: World) -> Any:
        del self._gathering[occasion, merchant_id]
        self._note(len(cases))
        return await decide_group(world, merchant_id, cases, occasion=occasion)
