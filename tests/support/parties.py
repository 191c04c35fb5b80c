"""The providers that a house can pay through: a simulated one, and the account by which payonce reaches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from payonce.providers.contract import Adapter
from payonce.providers.nowpayments.adapter import PAY_CURRENCY, NowPaymentsAdapter
from payonce.providers.simulator import nowpayments, zalopay
from payonce.providers.simulator.party import Party
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.zalopay.adapter import ZaloPayAdapter
from tests.support.clocks import HandClock

SHOP = "http://shop.invalid"
SECRET = "whsec_of_the_house_1234567890"
NOBODY = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Seat:
    """One account at a simulated provider, as a house takes it: how payers pay there, and in which currency."""

    party: Party
    adapter: Adapter
    flow: str
    currency: str


Seating = Callable[[HandClock], Seat]


def stripe_seat(clock: HandClock, flow: str = "checkout_session") -> Seat:
    """Stripe: keys, refunds, sessions that can be expired."""
    sim = StripeSimulator(clock=clock)
    sim.add_endpoint(f"{SHOP}/webhooks/stripe", SECRET)
    return Seat(sim, StripeAdapter("sk_test_house_1234567890", [SECRET], api_base=NOBODY), flow, "USD")


def zalopay_seat(clock: HandClock) -> Seat:
    """ZaloPay: natural names, cancellation, callbacks for success only."""
    # A refund takes a minute, so that it is followed.
    settings = zalopay.Settings(refund_settles_after=60.0)
    sim = zalopay.ZaloPaySimulator(clock=clock, settings=settings)
    adapter = ZaloPayAdapter(settings.app_id, settings.key1, [settings.key2], api_base=NOBODY)
    return Seat(sim, adapter, "order", "VND")


def nowpayments_seat(
    clock: HandClock, flow: str = "invoice", *, can_list: bool = True, coin: str = PAY_CURRENCY
) -> Seat:
    """NOWPayments: no keys, no cancellation, no refunds, and notices that prove nothing."""
    settings = nowpayments.Settings()
    sim = nowpayments.NowPaymentsSimulator(clock=clock, settings=settings)
    adapter = NowPaymentsAdapter(
        settings.api_key, settings.ipn_secret or "", api_base=NOBODY,
        email=settings.email if can_list else "", password=settings.password if can_list else "",
        pay_currency=coin,
    )  # fmt: skip
    return Seat(sim, adapter, flow, "USD")


SEATS: dict[str, Seating] = {"stripe": stripe_seat, "zalopay": zalopay_seat, "nowpayments": nowpayments_seat}
