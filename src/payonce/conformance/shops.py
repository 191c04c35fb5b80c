"""The shop of a check: over the ground's database, with a clock that the check moves and a provider of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from payonce.base.ids import Ids
from payonce.conformance.check import NotKept
from payonce.conformance.ground import Ground
from payonce.conformance.scenes import KINDS
from payonce.conformance.shop import Shop
from payonce.domain.effect import EffectKind
from payonce.drivers.chance import SystemChance
from payonce.drivers.transaction import Observer
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.store.database import Database
from payonce.testing.clock import MovableClock
from payonce.usecases.prove import prove_all
from payonce.usecases.world import World

SECRET: Final = "whsec_of_the_conformance_1234567890"
WEBHOOKS: Final = "http://shop.invalid/webhooks/stripe"
FLOW: Final = "checkout_session"


class OpenShop(Shop):
    """A shop that was opened on a ground."""

    def __init__(
        self, ground: Ground, database: Database, clock: MovableClock, kinds: Sequence[EffectKind] = KINDS
    ) -> None:
        self.ground, self.clock, chance = ground, clock, SystemChance()
        # A merchant of its own, so that checks leave each other's rows alone.
        self.merchant_id = f"shop-{chance.token(4).hex()}"
        party = StripeSimulator(clock=self.clock)
        party.add_endpoint(WEBHOOKS, SECRET)
        adapter = ground.adapter_of(SECRET)
        till = ProviderTill(adapter, DirectTransport(party, self.clock))
        super().__init__(ground.dsn, party, till, "USD", self.clock.advance)
        account = (adapter.provider, adapter.account)
        self.world = World(
            database, self.clock, Ids(self.clock, chance), chance, {account: till}, {account: self.merchant_id},
            list(kinds), flows={account: FLOW}, public_url="http://shop.invalid",
        )  # fmt: skip

    def open_world(self, name: str, observer: Observer) -> tuple[World, Callable[[], None]]:
        """The same world in another process: over a connection of that name, watched by the observer."""
        database = self.ground.database(name=name, clock=self.clock, observer=observer)
        return replace(self.world, database=database), database.close

    def prove(self) -> None:
        """Ask for a counterexample to every invariant. Raises NotKept with the first."""
        found = self.run(prove_all(self.world, kinds=[kind.name for kind in KINDS if kind.nature == "fulfilment"]))
        if found:
            one = found[0]
            raise NotKept(f"{len(found)} rows break invariants; the first is {one.query} {one.ref}: {one.detail}.")


@contextmanager
def open_shop(ground: Ground) -> Iterator[OpenShop]:
    """A shop for as long as it is needed."""
    clock = MovableClock()
    with ground.database(clock=clock) as database:
        yield OpenShop(ground, database, clock)
