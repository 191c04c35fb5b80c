"""A shop over the database under test: the real use cases, and a simulated provider behind the transport, no sockets.

Webhooks that the simulator owes are delivered when somebody says so, in the order that he says.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from payonce.base.errors import Bug
from payonce.conformance.check import NotKept
from payonce.drivers.stepping import run_to_end
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.party import Party, PartyDelivery
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.usecases.answers import Checkout, CheckoutAnswer, OrderView, Received
from payonce.usecases.ask_attempts import Resolved
from payonce.usecases.close_orders import close_orders
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import read_order
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.resolve_attempts import resolve_attempts
from payonce.usecases.send_refunds import Sent, send_refunds
from payonce.usecases.world import DEFAULT_MERCHANT, World

T = TypeVar("T")
MINUTE = 60.0


class Shop:
    """One merchant with one account of a simulated provider. `pass_time` moves the clock that all of them share."""

    world: World
    merchant_id = DEFAULT_MERCHANT

    def __init__(
        self, dsn: str, party: Party, till: ProviderTill, currency: str, pass_time: Callable[[float], None]
    ) -> None:
        self.dsn = dsn
        self.party, self.till, self.currency = party, till, currency
        self.provider = till.provider
        self.pass_time = pass_time

    @property
    def stripe(self) -> StripeSimulator:
        """The simulated Stripe, where the shop is paid through it."""
        if not isinstance(self.party, StripeSimulator):
            raise Bug("the shop is not paid through Stripe")
        return self.party

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Step a use case to its end."""
        return run_to_end(work)

    def place(self, purpose: str = "fee:27:2026-05", amount_minor: int = 4500, **more: Any) -> OrderView:
        """Place an order; its reference is made from the purpose and the amount."""
        wish = {"reference": f"{purpose}/{amount_minor}", "currency": self.currency, "payer_reference": "player 27"}
        wish |= {"success_url": "https://shop.example/thanks", "cancel_url": "https://shop.example/back"}
        placing = PlaceOrder(purpose=purpose, amount_minor=amount_minor, **(wish | more))
        return self.run(place_order(self.world, self.merchant_id, placing)).order

    def click(self, order: OrderView | UUID, **more: Any) -> CheckoutAnswer:
        """Click on Pay."""
        order_id = order if isinstance(order, UUID) else order.id
        return self.run(ensure_checkout(self.world, self.merchant_id, order_id, Click(**more)))

    def checkout(self, order: OrderView, **more: Any) -> Checkout:
        """Click on Pay where it must lead to something payable."""
        answer = self.click(order, **more)
        if not isinstance(answer, Checkout):
            raise NotKept(f"A click is answered by {type(answer).__name__} where something must be payable.")
        return answer

    def pay(self, checkout: Checkout, *how: Any) -> str:
        """Pay at the provider, as a person would: in the usual way, or as its payer understands `how`."""
        pay: Any = self.party.payer.pay
        return str(pay(checkout.provider_ref or "", *how))

    def owed_webhooks(self) -> list[Any]:
        """The webhooks that the provider sends now; it takes them for delivered."""
        due = self.party.due_deliveries()
        taken = self.till.acknowledge("accepted")
        for outgoing in due:
            self.party.delivered(outgoing.delivery_id, taken.status, taken.body)
        return due

    def deliveries(self, webhooks: Iterable[PartyDelivery]) -> list[Delivery]:
        """Webhooks as they come over the wire."""
        return [
            Delivery(self.provider, None, {name.lower(): value for name, value in hook.headers}, hook.body)
            for hook in webhooks
        ]

    def deliver(self, webhooks: Iterable[PartyDelivery]) -> list[Received]:
        """Deliver webhooks as one group, in this order."""
        return self.run(receive(self.world, self.merchant_id, self.deliveries(webhooks)))

    def deliver_owed(self) -> list[Received]:
        """Deliver all that is owed, each alone."""
        return [received for hook in self.owed_webhooks() for received in self.deliver([hook])]

    def see(self, order: OrderView | UUID) -> OrderView:
        """The order as it stands."""
        order_id = order if isinstance(order, UUID) else order.id
        return self.run(read_order(self.world, self.merchant_id, order_id))

    def resolve(self) -> Resolved:
        """Run the job that asks the provider."""
        return self.run(resolve_attempts(self.world, self.merchant_id))

    def send_refunds(self) -> Sent:
        """Run the job that sends money back."""
        return self.run(send_refunds(self.world.for_refunds(), self.merchant_id))

    def close_old(self) -> None:
        """Run the job that closes old orders."""
        self.run(close_orders(self.world, self.merchant_id))

    def finish(self) -> None:
        """Let the jobs bring to its end what was interrupted."""
        for _ in range(3):
            self.pass_time(MINUTE)
            self.close_old()
            self.resolve()

    def rows(self, sql: str, *values: object, **named: object) -> list[tuple[Any, ...]]:
        """Rows of a query, read beside payonce."""
        with psycopg.connect(self.dsn, autocommit=True, prepare_threshold=None) as connection:
            return connection.execute(sql.encode(), named or values).fetchall()
