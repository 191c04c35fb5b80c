"""What an application's own tests can do with the fixtures: let payers, banks and a bad network act, and look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from payonce import AlreadyPaid, Checkout, EffectCall, OrderView
from payonce.asgi import Mounted
from payonce.base.errors import Refused
from payonce.drivers.stepping import run_to_end
from payonce.engine import Payonce as AsyncPayonce
from payonce.providers.transport import Request
from payonce.sync import Payonce
from payonce.testing.clock import RunningClock
from payonce.testing.serving import free_port, served, wait_for
from payonce.testing.simulated import SimulatedNowPayments, SimulatedProvider, SimulatedStripe, SimulatedZaloPay

pytest_plugins = ["payonce.testing.fixtures"]
MINUTE = 60.0


class Shop:
    """An application of a test: an engine without a loop, and what it delivered."""

    def __init__(self, database_url: str, provider: SimulatedProvider[Any], clock: RunningClock) -> None:
        self.provider, self.currency = provider, "VND" if provider.account.provider == "zalopay" else "USD"
        self.engine = Payonce(database_url, providers=[provider.account], clock=clock)
        self.delivered: list[str] = []

        @self.engine.effect("invite", on="order.paid", on_unknown="ask")
        def invite(effect: EffectCall) -> None:
            self.delivered.append(effect.order["reference"])

    def place(self, reference: str = "R-62") -> OrderView:
        return self.engine.place_order(
            reference=reference, purpose=f"fee:{reference}", amount_minor=4500, currency=self.currency,
            payer_reference="player 27", success_url="https://shop.example/ok", cancel_url="https://shop.example/no",
        ).order  # fmt: skip

    def checkout(self, order: OrderView) -> Checkout:
        answer = self.engine.ensure_checkout(order)
        assert isinstance(answer, Checkout), answer
        return answer


@pytest.fixture(params=["stripe", "zalopay", "nowpayments"])
def shop(request: pytest.FixtureRequest, database_url: str, payonce_clock: RunningClock) -> Iterator[Shop]:
    """A shop at each provider."""
    built = Shop(database_url, request.getfixturevalue(f"payonce_{request.param}"), payonce_clock)
    with built.engine:
        yield built


def test_an_order_is_paid_and_its_effect_is_delivered_once(shop: Shop) -> None:
    """A1: no webhook reaches this shop; asking finds the payment, and time passes when the test says so."""
    order = shop.place()
    checkout = shop.checkout(order)
    assert (shop.provider.pay(checkout), shop.provider.pay(checkout)) == ("succeeded", "refused")
    shop.provider.advance(MINUTE)
    assert shop.engine.refresh_order(order).state == "paid"
    for _ in range(3):
        shop.engine.work()
    assert shop.delivered == ["R-62"]
    assert isinstance(shop.engine.ensure_checkout(order), AlreadyPaid)
    assert shop.provider.charged_minor() == 4500


def test_what_a_payer_tried_in_vain_is_still_unpaid(
    database_url: str, payonce_clock: RunningClock, payonce_stripe: SimulatedStripe, payonce_zalopay: SimulatedZaloPay
) -> None:
    providers: tuple[SimulatedStripe | SimulatedZaloPay, ...] = (payonce_stripe, payonce_zalopay)
    for place, provider in enumerate(providers):
        shop = Shop(database_url, provider, payonce_clock)
        with shop.engine:
            order = shop.place(f"R-{place}")
            assert provider.decline(shop.checkout(order)) == "declined"
            assert shop.engine.refresh_order(order).state == "open"
            assert provider.charged_minor() == 0


def test_an_order_is_paid_twice_where_a_provider_takes_money_for_what_it_closed(
    database_url: str, payonce_clock: RunningClock, payonce_stripe: SimulatedStripe
) -> None:
    """C22: as an application would show it: the clock moves, the payer comes back, and both pages are paid."""
    shop = Shop(database_url, payonce_stripe, payonce_clock)
    with shop.engine:
        order = shop.place()
        first = shop.checkout(order)
        payonce_clock.advance(31 * MINUTE)
        second = shop.checkout(order)
        payonce_stripe.reopen(first)
        assert [payonce_stripe.pay(one) for one in (first, second)] == ["succeeded", "succeeded"]
        assert shop.engine.refresh_order(order).counters.recorded == 1
        assert payonce_stripe.charged_minor() == 9000


def test_money_that_was_sent_back_in_the_dashboard_is_seen(
    database_url: str, payonce_clock: RunningClock, payonce_stripe: SimulatedStripe
) -> None:
    shop = AsyncPayonce(database_url, providers=[payonce_stripe.account], clock=payonce_clock)
    port = free_port()
    payonce_stripe.deliver_to(f"http://127.0.0.1:{port}")
    with served(shop.asgi(), port), Payonce(database_url, providers=[payonce_stripe.account]) as beside:
        assert isinstance(shop.asgi(), Mounted)
        order = beside.place_order(
            reference="R-1", purpose="fee", amount_minor=4500, currency="USD", payer_reference="27",
            success_url="https://shop.example/ok", cancel_url="https://shop.example/no",
        ).order  # fmt: skip
        checkout = beside.ensure_checkout(order)
        assert isinstance(checkout, Checkout)
        payonce_stripe.double_webhooks()
        payonce_stripe.pay(checkout)
        payonce_stripe.wait_until_quiet()
        wait_for(lambda: beside.read_order(order).state == "paid", what="the payment")
        payonce_stripe.refund(checkout, 1500)
        payonce_stripe.wait_until_quiet()
        wait_for(lambda: beside.read_order(order).refunded_minor == 1500, what="the refund")


def test_a_lost_webhook_is_not_sent_again_and_the_payment_is_found_all_the_same(
    database_url: str, payonce_clock: RunningClock, payonce_stripe: SimulatedStripe
) -> None:
    """C15: the bad network is the test's to order."""
    shop = Shop(database_url, payonce_stripe, payonce_clock)
    payonce_stripe.deliver_to("http://127.0.0.1:1")
    payonce_stripe.lose_webhooks(None)
    with shop.engine:
        order = shop.place()
        payonce_stripe.spoil("*.create", "error_500", "after")
        checkout = shop.checkout(order)
        payonce_stripe.pay(checkout)
        payonce_stripe.heal()
        assert shop.engine.read_order(order).state == "open"
        # It was asked about a moment ago, and is asked again in a minute.
        payonce_stripe.advance(MINUTE)
        assert shop.engine.refresh_order(order).state == "paid"
        assert list(payonce_stripe.sim.webhooks.sent) == []


def test_coins_come_in_parts(
    database_url: str, payonce_clock: RunningClock, payonce_nowpayments: SimulatedNowPayments
) -> None:
    shop = Shop(database_url, payonce_nowpayments, payonce_clock)
    with shop.engine:
        order = shop.place()
        checkout = shop.checkout(order)
        assert payonce_nowpayments.pay_part(checkout) == "partially_paid"
        part = shop.engine.refresh_order(order)
        assert (part.state, part.received_minor) == ("open", 1800)
        payonce_nowpayments.pay_again(checkout)
        assert payonce_nowpayments.charged_minor() > 4500


def test_what_a_provider_cannot_do_is_said(payonce_clock: RunningClock) -> None:
    provider = SimulatedNowPayments(payonce_clock)
    for act in (provider.decline, provider.reopen, lambda name: provider.refund(name, 5), provider.refund):
        with pytest.raises(Refused) as refused:
            act("1")
        assert refused.value.code == "not_possible"


def test_without_a_port_a_provider_is_reached_in_the_same_process(payonce_clock: RunningClock) -> None:
    provider = SimulatedStripe(payonce_clock)
    answer = run_to_end(provider.transport().send(Request("GET", "http://anywhere.invalid/v1/payment_intents")))
    assert answer.status == 401


def test_time_goes_on_by_itself_and_ahead_when_it_is_told_to(payonce_clock: RunningClock) -> None:
    before = payonce_clock.now()
    payonce_clock.advance(90 * MINUTE)
    run_to_end(payonce_clock.sleep(0.001))
    payonce_clock.advance(-5)
    assert (payonce_clock.now() - before).total_seconds() > 90 * MINUTE
