"""A whole payonce in one thread: the real core over real SQL, and a simulated provider behind the transport, no
sockets. Without a word it is Stripe.

It is the shop of `payonce conformance`, with what tests want besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

from payonce.base.ids import Ids
from payonce.conformance.shop import Shop
from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.drivers.chance import SystemChance
from payonce.drivers.transaction import Observer, unobserved
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.transport import Transport
from payonce.store.database import Database
from payonce.usecases.backfill import Backfilled, backfill
from payonce.usecases.recover_payments import Recovered, recover_payments
from payonce.usecases.retry_events import Retried, retry_events
from payonce.usecases.world import DEFAULT_MERCHANT, World
from tests.support.clocks import HandClock, PausingClock
from tests.support.parties import SECRET as SECRET
from tests.support.parties import SHOP, Seating, stripe_seat
from tests.support.poor import database_of

INVITE = EffectKind("invite", "order.paid", "fulfilment", "ask")
NOTICE = EffectKind("notice", "order.paid", "notification", "ask")


class House(Shop):
    """One merchant with one account of a simulated provider. Times stand still until `clock` is moved."""

    def __init__(
        self,
        database_url: str,
        *,
        seat: Seating = stripe_seat,
        flow: str | None = None,
        policy: Policy | None = None,
        kinds: Iterable[EffectKind] = (INVITE, NOTICE),
        database: Callable[[Database], Database] = lambda database: database,
        transport: Callable[[Transport], Transport] = lambda transport: transport,
        observer: Observer = unobserved,
    ) -> None:
        self._database_url = database_url
        self.opened = ExitStack()
        self.clock, chance = HandClock(), SystemChance()
        seated = seat(self.clock)
        till = ProviderTill(seated.adapter, transport(DirectTransport(seated.party, self.clock)))
        super().__init__(database_url, seated.party, till, seated.currency, self.clock.move)
        pausing = PausingClock(self.clock)
        self.database = database_of(database_url, clock=pausing, chance=chance, observer=observer)
        account = (self.provider, seated.adapter.account)
        self.world = World(
            database(self.database), self.clock, Ids(self.clock, chance), chance, {account: till},
            {account: DEFAULT_MERCHANT}, list(kinds), policy or Policy(), {account: flow or seated.flow},
            public_url=SHOP,
        )  # fmt: skip

    def close(self) -> None:
        """Let the database go, and whatever else was opened for the house."""
        self.database.close()
        self.opened.close()

    def backfill(self) -> Backfilled:
        """Run the job that reads the lists."""
        return self.run(backfill(self.world.for_jobs(), DEFAULT_MERCHANT))

    def recover(self) -> Recovered:
        """Run the job that looks for payments that were not recorded."""
        return self.run(recover_payments(self.world.for_jobs(), DEFAULT_MERCHANT))

    def retry(self) -> Retried:
        """Run the job that tries failed events again."""
        return self.run(retry_events(self.world, DEFAULT_MERCHANT))
