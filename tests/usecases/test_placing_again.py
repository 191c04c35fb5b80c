"""Placing an order again: while it is under review, while it is being closed, and after its money was given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from payonce.base.errors import Conflict, PayonceError, Refused
from payonce.domain.policy import Policy
from payonce.usecases.answers import AlreadyPaid, Checkout, InProgress, OrderView
from payonce.usecases.ask_refund import ask_refund
from tests.promises.acts import MINUTE, cancel, expire, findings, heal, intent_of, spoil
from tests.promises.conftest import Build, build, house
from tests.promises.soundness import everything
from tests.promises.words import hear, succeeded
from tests.support.house import House
from tests.usecases.test_placing import place

__all__ = ["build", "house"]


def conflict(house: House, **other: Any) -> PayonceError:
    """Place an order that is in conflict, and show that nothing changed."""
    before = everything(house)
    with pytest.raises(Conflict) as error:
        place(house, **other)
    assert everything(house) == before
    return error.value


def paid(house: House, order: OrderView) -> str:
    """Pay the order; the id of the payment at the provider."""
    checkout = house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    assert house.see(order).state == "paid"
    return intent_of(house, checkout)


def test_the_same_order_again_while_late_money_is_under_review_is_that_order(house: House) -> None:
    """D2: retrying the same call never fails because a payment came late; nothing is opened either."""
    order = place(house).order
    checkout = house.checkout(order)
    expire(house, order)
    hear(house, succeeded(house, checkout.attempt_id))
    again = place(house)
    assert (again.order.id, again.existing, again.reopened, again.order.state) == (order.id, True, False, "closed")
    answer = house.click(order)
    assert isinstance(answer, InProgress) and answer.reason == "payment_under_review"


def test_the_same_order_again_while_it_is_being_closed_for_its_age_is_that_order(house: House) -> None:
    """D2: an order that expires is given back to the caller who still wants it."""
    order = place(house).order
    house.clock.move(23 * 60 * MINUTE + 50 * MINUTE)
    house.checkout(order)
    house.clock.move(11 * MINUTE)
    spoil(house, "*", times=None)
    house.close_old()
    assert house.see(order).state == "open"
    again = place(house)
    assert (again.order.id, again.existing) == (order.id, True)
    heal(house)
    house.clock.move(MINUTE)
    assert isinstance(house.click(order), Checkout)
    assert house.see(order).state == "open"


def test_a_purpose_is_sold_again_only_when_its_money_was_wholly_returned_and_only_on_demand(house: House) -> None:
    """X15: released is a one-way mark, set by an explicit act."""
    order = place(house).order
    intent = paid(house, order)
    house.stripe.bank.refund(intent, 4499)
    house.deliver_owed()
    assert conflict(house, reference="R-2", again=True).code == "order_paid"
    house.stripe.bank.refund(intent, 1)
    house.deliver_owed()
    assert conflict(house, reference="R-2").code == "order_paid"
    new = place(house, reference="R-2", again=True)
    assert (new.existing, new.order.state) == (False, "open")
    released = house.see(order)
    assert (released.state, released.released_at is not None) == ("paid", True)
    # The link of the released order leads to the newest of its payer.
    answer = house.click(order)
    assert isinstance(answer, AlreadyPaid) and answer.refunded
    assert paid(house, new.order)
    assert house.see(new.order).counters.recorded == 1


def test_a_released_order_says_that_it_was_paid_and_refunded(house: House) -> None:
    """D2: links of a released order answer 409, with `refunded`."""
    order = place(house).order
    house.stripe.bank.refund(paid(house, order))
    house.deliver_owed()
    new = place(house, reference="R-2", again=True).order
    cancel(house, new)
    answer = house.click(order)
    assert isinstance(answer, AlreadyPaid) and answer.refunded


def test_an_open_dispute_releases_nothing_because_it_can_still_be_won(house: House) -> None:
    """X16: released once refunds are confirmed or the dispute is lost, not while the bank decides."""
    order = place(house).order
    dispute = house.stripe.bank.open_dispute(paid(house, order))
    house.deliver_owed()
    assert house.see(order).disputed_minor == 4500
    assert conflict(house, reference="R-2", again=True).code == "order_paid"
    house.stripe.bank.close_dispute(dispute, "lost")
    house.deliver_owed()
    assert place(house, reference="R-2", again=True).order.state == "open"


def test_a_refund_that_fails_after_the_release_is_found_and_takes_nothing_back(house: House) -> None:
    """X16: the mark stays; what came back to us is money that serves an order that was sold again."""
    order = place(house).order
    refund = house.stripe.bank.refund(paid(house, order))
    house.deliver_owed()
    new = place(house, reference="R-2", again=True).order
    house.stripe.bank.end_refund(refund, "failed")
    house.deliver_owed()
    assert house.see(order).released_at is not None
    assert house.see(new).state == "open"
    assert house.see(order).refunded_minor == 0
    assert findings(house) != []


def test_the_reference_of_a_released_order_is_still_taken(house: House) -> None:
    """C8: a reference names one order, also when that is history."""
    order = place(house).order
    house.stripe.bank.refund(paid(house, order))
    house.deliver_owed()
    assert conflict(house, again=True).code == "reference_taken"
    second = place(house, reference="R-2", again=True).order
    error = conflict(house, amount_minor=5000)
    assert (error.code, error.status) == ("reference_taken", 409)
    assert house.see(second).state == "open"


def test_by_the_setting_orders_that_wait_are_closed_as_well(build: Build) -> None:
    """C12: every older unpaid order of that payer, those that wait included."""
    house = build(policy=Policy(close_all_of_payer=True))
    old = place(house).order
    house.checkout(old)
    spoil(house, "*", times=None)
    waiting = place(house, reference="R-2", amount_minor=5000).order
    assert waiting.state == "waiting"
    place(house, reference="R-3", purpose="fee:30")
    heal(house)
    for _ in range(3):
        house.clock.move(MINUTE)
        house.close_old()
    assert (house.see(old).closed_reason, house.see(waiting).closed_reason) == ("superseded", "superseded")


def test_that_a_purpose_is_paid_is_said_by_a_transaction_that_wrote(house: House) -> None:
    """C22: "done already" from a server that lost its last commits would be a lie; a written receipt shows that it is
    not.
    """
    order = place(house).order
    paid(house, order)
    [(before,)] = house.rows("SELECT count(*) FROM receipts")
    with pytest.raises(Conflict):
        place(house, reference="R-2")
    assert house.rows("SELECT count(*) FROM receipts") == [(before + 1,)]


def test_a_refusal_is_said_by_a_transaction_that_wrote(house: House) -> None:
    """C22: a server that lost its last commits knows no order that was placed since, and would refuse its payer."""
    order = place(house).order
    refusals: list[Callable[[], object]] = [
        lambda: house.click(replace(order, id=house.world.ids.new())),
        lambda: place(house, purpose="another", reference=order.reference),
        lambda: house.run(ask_refund(house.world, "default", order.id, reason="goodwill", actor="support")),
    ]
    for written, refuse in enumerate(refusals, 1):
        with pytest.raises((Conflict, Refused)):
            refuse()
        assert house.rows("SELECT count(*) FROM receipts WHERE answer = 'refused'") == [(written,)]
