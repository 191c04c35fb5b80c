"""Two use cases of a house, interleaved as a schedule says: what `payonce conformance` does, on databases of tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from payonce.base.errors import PayonceError
from payonce.conformance.ground import named
from payonce.conformance.interleaving import Choose as Choose
from payonce.conformance.interleaving import Puppet, interleave
from payonce.conformance.interleaving import Work as Work
from payonce.conformance.interleaving import at_random as at_random
from payonce.conformance.interleaving import preempted_at as preempted_at
from payonce.drivers.chance import SystemChance
from payonce.drivers.transaction import Observer
from payonce.store.database import Limits
from payonce.usecases.world import World
from tests.support.house import House
from tests.support.poor import database_of


def play(
    house: House, first: Work, second: Work, choose: Choose, limits: Limits | None = None
) -> tuple[Puppet, Puppet]:
    """Run both to their end as `choose` says; what became of them is their `outcome`."""

    def open_world(name: str, observer: Observer) -> tuple[World, Callable[[], None]]:
        database = database_of(
            named(house._database_url, name), clock=house.clock, chance=SystemChance(), connections=1, limits=limits,
            observer=observer,
        )  # fmt: skip
        return replace(house.world, database=database), database.close

    puppets = interleave(house._database_url, open_world, first, second, choose)
    for puppet in puppets:
        if isinstance(puppet.outcome, BaseException) and not isinstance(puppet.outcome, PayonceError):
            raise puppet.outcome
    return puppets
