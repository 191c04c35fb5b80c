"""Hosts: processes of ours, each with a clock of its own; and what a use case is handed when it runs in one.

Every request gets ids and chance of its own, so that what others do never changes what it draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.base.ids import Ids
from payonce.simulation.draw import Draw, NamedChance
from payonce.simulation.scheduler import Scheduler, Wait, give_way
from payonce.usecases.world import World

# Any instant; it is written into every row, so that it must not move.
BEGINNING: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)


class HostClock:
    """The virtual time as one host sees it: `offset` seconds ahead of the truth."""

    def __init__(self, scheduler: Scheduler, offset: float = 0.0) -> None:
        self.offset = offset
        self._scheduler = scheduler

    def now(self) -> datetime:
        """The present instant on this host."""
        return BEGINNING + timedelta(microseconds=self._scheduler.now, seconds=self.offset)

    async def sleep(self, seconds: float) -> None:
        """Let others go on for so long."""
        await give_way(Wait(seconds))


@dataclass(slots=True)
class Host:
    """One process. `born` counts its restarts; `apart` is how far its clock usually is from the truth."""

    name: str
    clock: HostClock
    world: World
    apart: float = 0.0
    born: int = field(default=1)

    def hand(self, draw: Draw, actor: str, made: dict[UUID, str], story: str) -> World:
        """What a use case that runs for `actor` is handed."""
        chance = NamedChance(draw, actor)
        return replace(self.world, ids=RememberedIds(self.clock, chance, made, story), chance=chance)


class RememberedIds(Ids):
    """Ids that are remembered with the story they were made for, so that a provider's object leads back to it."""

    def __init__(self, clock: HostClock, chance: NamedChance, made: dict[UUID, str], story: str) -> None:
        super().__init__(clock, chance)
        self._made = made
        self._story = story

    def new(self) -> UUID:
        """A new id, remembered."""
        found = super().new()
        self._made[found] = self._story
        return found
