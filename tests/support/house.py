"""A whole payonce in one thread: the real core over real SQL, and a simulated provider behind the transport, no
sockets. Without a word it is Stripe.

Webhooks that the simulator owes are delivered when a test says so, in the order that it says.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from payonce.base.ids import Ids
from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.drivers.chance import SystemChance
from payonce.drivers.stepping import run_to_end
from payonce.drivers.transaction import Observer, unobserved
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.party import Party, PartyDelivery
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.transport import Transport
from payonce.store.database import Database
from payonce.usecases.answers import Checkout, CheckoutAnswer, OrderView, Received
from payonce.usecases.ask_attempts import Resolved
from payonce.usecases.backfill import Backfilled, backfill
from payonce.usecases.close_orders import close_orders
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import read_order
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.recover_payments import Recovered, recover_payments
from payonce.usecases.resolve_attempts import resolve_attempts
from payonce.usecases.retry_events import Retried, retry_events
from payonce.usecases.send_refunds import Sent, send_refunds
from payonce.usecases.world import DEFAULT_MERCHANT, World
from tests.support.clocks import HandClock
from tests.support.parties import SECRET as SECRET
from tests.support.parties import SHOP, Seating, stripe_seat
from tests.support.poor import database_of

T = TypeVar("T")
INVITE = EffectKind("invite", "order.paid", "fulfilment", "ask")
NOTICE = EffectKind("notice", "order.paid", "notification", "ask")


class House:
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
        self.clock, chance = HandClock(), SystemChance()
        seated = seat(self.clock)
        self.party: Party = seated.party
        self.provider, self.currency = seated.adapter.provider, seated.currency
        self.till = ProviderTill(seated.adapter, transport(DirectTransport(self.party, self.clock)))
        self.database = database_of(database_url, clock=self.clock, chance=chance, observer=observer)
        account = (self.provider, seated.adapter.account)
        self.world = World(
            database(self.database), self.clock, Ids(self.clock, chance), chance, {account: self.till},
            {account: DEFAULT_MERCHANT}, list(kinds), policy or Policy(), {account: flow or seated.flow},
            public_url=SHOP,
        )  # fmt: skip

    @property
    def stripe(self) -> StripeSimulator:
        """The simulated Stripe, where the house pays through it."""
        assert isinstance(self.party, StripeSimulator)
        return self.party

    def close(self) -> None:
        """Let the database go."""
        self.database.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Step a use case to its end."""
        return run_to_end(work)

    def place(self, purpose: str = "fee:27:2026-05", amount_minor: int = 4500, **more: Any) -> OrderView:
        """Place an order; its reference is made from the purpose and the amount."""
        wish = {"reference": f"{purpose}/{amount_minor}", "currency": self.currency, "payer_reference": "player 27"}
        wish |= {"success_url": "https://shop.example/thanks", "cancel_url": "https://shop.example/back"}
        placing = PlaceOrder(purpose=purpose, amount_minor=amount_minor, **(wish | more))
        return self.run(place_order(self.world, DEFAULT_MERCHANT, placing)).order

    def click(self, order: OrderView | UUID, **more: Any) -> CheckoutAnswer:
        """Click on Pay."""
        order_id = order if isinstance(order, UUID) else order.id
        return self.run(ensure_checkout(self.world, DEFAULT_MERCHANT, order_id, Click(**more)))

    def checkout(self, order: OrderView, **more: Any) -> Checkout:
        """Click on Pay where it must lead to something payable."""
        answer = self.click(order, **more)
        assert isinstance(answer, Checkout), answer
        return answer

    def pay(self, checkout: Checkout, *how: Any) -> str:
        """Pay at the provider, as a person would: in the usual way, or as its payer understands `how`."""
        assert checkout.provider_ref is not None
        pay: Any = self.party.payer.pay
        return str(pay(checkout.provider_ref, *how))

    def owed_webhooks(self) -> list[Any]:
        """The webhooks that the provider sends now; it takes them for delivered."""
        due = self.party.due_deliveries()
        taken = self.till.acknowledge("accepted")
        for outgoing in due:
            self.party.delivered(outgoing.delivery_id, taken.status, taken.body)
        return due

    def deliver(self, webhooks: Iterable[PartyDelivery]) -> list[Received]:
        """Deliver webhooks as one group, in this order."""
        deliveries = [
            Delivery(self.provider, None, {name.lower(): value for name, value in hook.headers}, hook.body)
            for hook in webhooks
        ]
        return self.run(receive(self.world, DEFAULT_MERCHANT, deliveries))

    def deliver_owed(self) -> list[Received]:
        """Deliver all that is owed, each alone."""
        return [received for hook in self.owed_webhooks() for received in self.deliver([hook])]

    def see(self, order: OrderView | UUID) -> OrderView:
        """The order as it stands."""
        order_id = order if isinstance(order, UUID) else order.id
        return self.run(read_order(self.world, DEFAULT_MERCHANT, order_id))

    def backfill(self) -> Backfilled:
        """Run the job that reads the lists."""
        return self.run(backfill(self.world.for_jobs(), DEFAULT_MERCHANT))

    def recover(self) -> Recovered:
        """Run the job that looks for payments that were not recorded."""
        return self.run(recover_payments(self.world.for_jobs(), DEFAULT_MERCHANT))

    def resolve(self) -> Resolved:
        """Run the job that asks the provider."""
        return self.run(resolve_attempts(self.world, DEFAULT_MERCHANT))

    def retry(self) -> Retried:
        """Run the job that tries failed events again."""
        return self.run(retry_events(self.world, DEFAULT_MERCHANT))

    def send_refunds(self) -> Sent:
        """Run the job that sends money back."""
        return self.run(send_refunds(self.world.for_refunds(), DEFAULT_MERCHANT))

    def close_old(self) -> None:
        """Run the job that closes old orders."""
        self.run(close_orders(self.world, DEFAULT_MERCHANT))

    def rows(self, sql: str, *values: object, **named: object) -> list[tuple[Any, ...]]:
        """Rows of a query, read beside payonce."""
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            return connection.execute(sql, named or values).fetchall()
