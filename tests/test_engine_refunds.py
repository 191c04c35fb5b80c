"""Refunds through the library: asked for in code, sent by the worker that the engine runs."""

from __future__ import annotations

import pytest

import payonce
from payonce import sync
from payonce.base.errors import Conflict
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from tests.test_engine import ORDER, engine, pay, run, soon, stepped, stripe

__all__ = ("engine", "stepped", "stripe")


def test_what_is_asked_for_in_code_is_sent_by_the_worker(engine: payonce.Payonce, stripe: StripeSimulator) -> None:
    """A8: the engine's own worker has a lane that sends money back, and only that one can."""

    async def work() -> list[payonce.RefundView]:
        async with engine:
            order = await pay(engine, stripe, (await engine.place_order(**ORDER)).order)
            [asked] = await engine.refund_order(order, by="shop", reason="broken", amount_minor=1500)
            assert (asked.state, asked.asked_by) == ("due", "shop")

            async def arrived() -> bool:
                return [each.state for each in await engine.list_refunds(order)] == ["succeeded"]

            await soon(arrived)
            assert (await engine.read_order(order)).refunded_minor == 1500
            return await engine.list_refunds(state="succeeded")

    [refund] = run(work())
    assert (refund.amount_minor, len(stripe.truth.dump()["refunds"])) == (1500, 1)


def test_an_engine_without_a_loop_refunds_in_its_steps(stepped: sync.Payonce, stripe: StripeSimulator) -> None:
    order = stepped.place_order(**ORDER).order
    checkout = stepped.ensure_checkout(order)
    assert isinstance(checkout, payonce.Checkout) and checkout.provider_ref
    stripe.payer.pay(checkout.provider_ref)
    stepped.refresh_order(order)
    stepped.refund_order(order, by="shop", reason="broken")
    stepped.work()
    [refund] = stepped.list_refunds(order)
    assert (refund.state, stepped.read_order(order).refunded_minor) == ("succeeded", 4500)
    with pytest.raises(Conflict) as refused:
        stepped.refund_order(order, by="shop", reason="again")
    assert refused.value.code == "nothing_to_refund"
