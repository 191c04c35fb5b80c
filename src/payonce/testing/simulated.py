"""Simulated providers for the tests of an application: what its payers, its bank and a bad network do there.

Each is served on a free port, or used in the same process without one, and gives the account by which an engine reaches
it. The whole simulator, its books and its truth, is `sim`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final, Generic, Self, TypeVar

from payonce.accounts import NowPayments, Real, Stripe, ZaloPay
from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.providers.simulator import nowpayments, zalopay
from payonce.providers.simulator.delivery_faults import DeliveryFaultKind, DeliveryFaults
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.faults import Fault, Faults, Kind, When
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.providers.simulator.serve import Running, start_in_thread
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.testing.clock import RunningClock
from payonce.usecases.answers import Checkout

# What tests sign with. Nobody takes real money by it.
STRIPE_KEY: Final = "sk_test_of_an_application"
STRIPE_SECRET: Final = "whsec_of_an_application"

Sim = TypeVar("Sim", StripeSimulator, ZaloPaySimulator, NowPaymentsSimulator)


class SimulatedProvider(ABC, Generic[Sim]):
    """One simulated provider. Start it to have it on a port; `transport` reaches it without one."""

    def __init__(self, sim: Sim, clock: RunningClock) -> None:
        self.sim: Sim = sim
        self._clock = clock
        self._running: Running[Any] | None = None

    def start(self) -> Self:
        """Serve it on a free port of the loopback interface."""
        self._running = start_in_thread(self.sim)
        return self

    def stop(self) -> None:
        """Stop serving it; calls that hang are cut off."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def transport(self, clock: Clock | None = None) -> DirectTransport:
        """The way to it in this process, without sockets."""
        return DirectTransport(self.sim, clock or self._clock)

    @property
    @abstractmethod
    def account(self) -> Real:
        """The account by which an engine reaches it: `Payonce(providers=[provider.account])`."""

    def deliver_to(self, base_url: str) -> None:
        """Send webhooks to the application whose `engine.asgi()` is reached there. ZaloPay and NOWPayments are told so
        with every payment, by the engine's own `base_url`.
        """
        return

    def pay(self, target: Checkout | str) -> str:
        """Pay as most people do: what the payer sees, such as `succeeded` or `refused`."""
        return self.sim.payer.pay(_name(target))

    @abstractmethod
    def decline(self, target: Checkout | str) -> str:
        """Try to pay, in vain. Raises Refused `not_possible` where a provider knows no decline."""

    @abstractmethod
    def reopen(self, target: Checkout | str) -> None:
        """Let what the provider called closed take money all the same, which is how one order is paid twice."""

    @abstractmethod
    def refund(self, target: Checkout | str, amount_minor: int | None = None) -> None:
        """Send money back in the provider's dashboard, unknown to the application; None: all of it."""

    def lose_webhooks(self, times: int | None = 1) -> None:
        """Lose the next webhooks (None: all from now on), with all their tries."""
        self._deliver_badly("lose", times)

    def double_webhooks(self, times: int | None = 1) -> None:
        """Send the next webhooks twice."""
        self._deliver_badly("duplicate", times)

    def delay_webhooks(self, seconds: float, times: int | None = 1) -> None:
        """Send the next webhooks so much later."""
        self._deliver_badly("delay", times, seconds)

    def spoil(self, operation: str = "*", kind: Kind = "timeout", when: When = "before", times: int | None = 1) -> None:
        """Let the next calls go wrong, such as `*.create`, without their effect or after it."""
        if isinstance(self.sim.faults, Faults):
            self.sim.faults.add(operation, Fault(kind, when), times=times)

    def heal(self) -> None:
        """Let everything go well again; what is lost stays lost."""
        self.sim.clear_faults()

    def advance(self, seconds: float) -> None:
        """Let time pass, for the provider and for every engine that has its clock."""
        self._clock.advance(seconds)
        self.sim.on_news()

    def wait_until_quiet(self) -> None:
        """Wait until every webhook that is due was sent and answered. Raises TimeoutError after half a minute."""
        if self._running is not None:
            self._running.wait_until_quiet()

    def charged_minor(self) -> int:
        """What came in at the provider by all orders, in minor units, gross of refunds."""
        return sum(one.amount_minor for rows in self.sim.truth.captures_by_attempt().values() for one in rows)

    def _deliver_badly(self, kind: DeliveryFaultKind, times: int | None, seconds: float = 0.0) -> None:
        if isinstance(self.sim.webhooks.faults, DeliveryFaults):
            self.sim.webhooks.faults.add("*", kind, times=times, seconds=seconds)


class SimulatedStripe(SimulatedProvider[StripeSimulator]):
    """Stripe, paid on its page or by its elements."""

    def __init__(self, clock: RunningClock) -> None:
        super().__init__(StripeSimulator(clock=clock), clock)

    @property
    def account(self) -> Stripe:
        return Stripe(api_key=STRIPE_KEY, webhook_secrets=[STRIPE_SECRET], api_base=self.sim.base_url)

    def deliver_to(self, base_url: str) -> None:
        self.sim.add_endpoint(f"{base_url.rstrip('/')}/webhooks/stripe", STRIPE_SECRET)

    def decline(self, target: Checkout | str) -> str:
        return self.sim.payer.pay(_name(target), "pm_card_visa_chargeDeclined")

    def reopen(self, target: Checkout | str) -> None:
        self.sim.books.sessions[_name(target)].status = "open"

    def refund(self, target: Checkout | str, amount_minor: int | None = None) -> None:
        self.sim.bank.refund(self.sim.payer.intent(_name(target)).id, amount_minor)


class SimulatedZaloPay(SimulatedProvider[ZaloPaySimulator]):
    """ZaloPay, paid on its page."""

    def __init__(self, clock: RunningClock) -> None:
        self._settings = zalopay.Settings()
        super().__init__(ZaloPaySimulator(clock=clock, settings=self._settings), clock)

    @property
    def account(self) -> ZaloPay:
        told = self._settings
        return ZaloPay(app_id=str(told.app_id), key1=told.key1, key2s=[told.key2], api_base=self.sim.base_url)

    def decline(self, target: Checkout | str) -> str:
        return self.sim.payer.decline(_name(target))

    def reopen(self, target: Checkout | str) -> None:
        self.sim.payer.order(_name(target)).ended = None

    def refund(self, target: Checkout | str, amount_minor: int | None = None) -> None:
        self.sim.bank.refund(self.sim.payer.order(_name(target)).app_trans_id, amount_minor)


class SimulatedNowPayments(SimulatedProvider[NowPaymentsSimulator]):
    """NOWPayments, paid in coins: on the page of an invoice, or to the address of a payment."""

    def __init__(self, clock: RunningClock) -> None:
        self._settings = nowpayments.Settings()
        super().__init__(NowPaymentsSimulator(clock=clock, settings=self._settings), clock)

    @property
    def account(self) -> NowPayments:
        told = self._settings
        return NowPayments(
            api_key=told.api_key, ipn_secrets=[told.ipn_secret or ""], api_base=self.sim.base_url, email=told.email,
            password=told.password,
        )  # fmt: skip

    def pay_part(self, target: Checkout | str) -> str:
        """Send too few coins: two fifths of what is asked."""
        return self.sim.payer.pay(_name(target), "less")

    def pay_again(self, target: Checkout | str) -> str:
        """Send as many coins again to an address that has had some."""
        return self.sim.payer.pay_again(_name(target))

    def decline(self, target: Checkout | str) -> str:
        raise _not_possible("coins are never declined; send too few of them with `pay_part`")

    def reopen(self, target: Checkout | str) -> None:
        raise _not_possible("what NOWPayments made takes coins for ever")

    def refund(self, target: Checkout | str, amount_minor: int | None = None) -> None:
        if amount_minor is not None:
            raise _not_possible("NOWPayments sends back all of a payment or nothing")
        name = _name(target)
        payments = [row for row in self.sim.truth.payments() if name in (str(row.id), str(row.invoice)) and row.settled]
        if not payments:
            raise _not_possible("nothing came in by it")
        self.sim.dashboard.refund(str(payments[-1].id))


def _name(target: Checkout | str) -> str:
    """The provider's object that a payer was led to."""
    if isinstance(target, str):
        return target.rpartition("/")[2] if "?" not in target else target
    return target.provider_ref or ""


def _not_possible(why: str) -> Refused:
    return Refused(why, code="not_possible")
