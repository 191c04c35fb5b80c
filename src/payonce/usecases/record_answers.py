"""Record the answers of calls made side by side: while one transaction is on its way, the next answers gather.

Whoever has an answer while nobody records becomes the one who does, and goes on until none is left; everybody else
hands his over and is free for the next call. So a slow store makes larger transactions, and no clock decides how large.
It keeps nothing: a process that dies leaves the claims to their leases, as it does before any answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from payonce.base.errors import PayonceError, Unavailable
from payonce.domain.delivering import Outcome, Pace
from payonce.domain.effect import Effect
from payonce.usecases.claim_effects import Claim
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.record_deliveries import record_deliveries
from payonce.usecases.world import World

# Pauses between tries to record answers; a failover takes from one to thirty seconds.
SHORTEST_WAIT_SECONDS: Final = 0.25
LONGEST_WAIT_SECONDS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """How an effect stands after its answer was recorded, or the error for which it could not be."""

    effect: Effect | PayonceError
    outcome: Outcome


class Answers:
    """The answers of one round of calls. When the last call of the round has returned, all of them are in `recorded`,
    by the id of the effect."""

    def __init__(self, world: World, merchant_id: str, handlers: Handlers, pace: Pace) -> None:
        self.recorded: Final[dict[UUID, Recorded]] = {}
        self._world = world
        self._merchant_id = merchant_id
        self._handlers = handlers
        self._pace = pace
        self._waiting: list[tuple[Claim, Outcome]] = []
        self._is_recording = False

    async def take(self, claim: Claim, outcome: Outcome) -> None:
        """Record the answer with those that gathered, or leave it to whoever records at this moment."""
        self._waiting.append((claim, outcome))
        if self._is_recording:
            return
        self._is_recording = True
        try:
            while self._waiting:
                await self._record(self._gathered())
        finally:
            self._is_recording = False

    def _gathered(self) -> list[tuple[Claim, Outcome]]:
        gathered, self._waiting = self._waiting, []
        return gathered

    async def _record(self, group: Sequence[tuple[Claim, Outcome]]) -> None:
        """Record what nobody will know a second time: a store that restarts is waited for, up to each lease."""
        clock, pause = self._world.clock, SHORTEST_WAIT_SECONDS
        while group:
            try:
                effects = await record_deliveries(self._world, self._merchant_id, self._handlers, group, self._pace)
            except Unavailable as error:
                late = [one for one in group if (one[0].lease_until - clock.now()).total_seconds() < pause]
                self._give_up(late, error)
                group = [one for one in group if one not in late]
                if group:
                    await clock.sleep(pause)
                    pause = min(2 * pause, LONGEST_WAIT_SECONDS)
            except PayonceError as error:
                # All of it was rolled back; alone, each shows whether it is the one that cannot be recorded.
                if len(group) == 1:
                    return self._give_up(group, error)
                for one in group:
                    await self._record([one])
                return None
            else:
                for (claim, outcome), effect in zip(group, effects, strict=True):
                    self.recorded[claim.effect.id] = Recorded(effect, outcome)
                return None
        return None

    def _give_up(self, group: Sequence[tuple[Claim, Outcome]], error: PayonceError) -> None:
        for claim, outcome in group:
            self.recorded[claim.effect.id] = Recorded(error, outcome)


async def record_one(
    world: World, merchant_id: str, handlers: Handlers, claim: Claim, outcome: Outcome, pace: Pace
) -> Effect:
    """Record a single answer; the effect as it is then. Raises the error for which it could not be recorded."""
    answers = Answers(world, merchant_id, handlers, pace)
    await answers.take(claim, outcome)
    found = answers.recorded[claim.effect.id].effect
    if isinstance(found, PayonceError):
        raise found
    return found
