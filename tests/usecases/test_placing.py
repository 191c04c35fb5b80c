"""Placing orders: every answer for a purpose that is free, open, waiting, paid, closed or somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.base.errors import Conflict, PayonceError, Refused
from payonce.domain.policy import Policy
from payonce.usecases.answers import AlreadyPaid, Checkout, Gone, InProgress, OrderView, Placed
from payonce.usecases.place_order import PlaceOrder, place_order
from tests.promises.acts import (
    DAY,
    HOUR,
    MINUTE,
    attempts,
    calls,
    cancel,
    expire,
    findings,
    heal,
    intent_of,
    payable,
    spoil,
)
from tests.promises.conftest import Build, build, house
from tests.promises.soundness import everything
from tests.promises.words import hear, succeeded
from tests.support.house import House

__all__ = ["build", "house"]

VALUES: dict[str, Any] = {
    "reference": "R-1", "purpose": "fee:27", "amount_minor": 4500, "currency": "USD", "payer_reference": "player 27",
    "success_url": "https://shop.example/thanks",
}  # fmt: skip


def place(house: House, **other: Any) -> Placed:
    """Place the order of the module's values, but for `other`."""
    return house.run(place_order(house.world, "default", PlaceOrder(**VALUES | other)))


def refused(house: House, **other: Any) -> PayonceError:
    """Place an order that is refused, and show that nothing changed."""
    before, called = everything(house), len(house.stripe.calls)
    with pytest.raises((Refused, Conflict)) as error:
        place(house, **other)
    assert (everything(house), len(house.stripe.calls)) == (before, called)
    return error.value


def paid(house: House, order: OrderView) -> Checkout:
    """Pay the order."""
    checkout = house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    assert house.see(order).state == "paid"
    return checkout


def test_an_order_of_a_free_purpose_is_open(house: House) -> None:
    placed = place(house, payer_email="p@example.org", payer_name="P", metadata={"team": "U9"}, currency="usd")
    order = placed.order
    assert (placed.existing, placed.reopened, order.state, order.payment) == (False, False, "open", "none")
    assert (order.amount_minor, order.currency, order.metadata) == (4500, "USD", {"team": "U9"})
    assert len(order.token) == 26
    assert calls(house) == [], "placing calls nobody"


def test_the_same_values_again_are_the_same_order(house: House) -> None:
    """C12: the same purpose, payer, amount and currency is the order that is there."""
    first = place(house).order
    house.checkout(first)
    before = everything(house)
    for reference in ("R-1", "R-1 again"):
        again = place(house, reference=reference)
        assert (again.order.id, again.existing, again.reopened) == (first.id, True, False)
    assert everything(house) == before


def test_a_paid_purpose_is_told_with_its_order(house: House) -> None:
    """C7: what is paid is never asked for again."""
    order = place(house).order
    paid(house, order)
    for other in ({}, {"reference": "R-2", "amount_minor": 9000}, {"reference": "R-3", "payer_reference": "player 28"}):
        error = refused(house, **other)
        assert (error.code, error.status) == ("order_paid", 409)
        assert str(error.detail["order_id"]).startswith("ord_")


def test_a_purpose_that_is_open_for_another_payer_is_taken(house: House) -> None:
    place(house)
    error = refused(house, reference="R-2", payer_reference="player 28")
    assert (error.code, error.status) == ("purpose_taken", 409)
    assert "player 27" not in str(error.detail) + error.message


def test_other_values_close_the_old_order_at_the_provider_and_take_its_place(house: House) -> None:
    """C12: starting a new order for the same purpose closes the older unpaid one."""
    old = place(house).order
    session = house.checkout(old)
    placed = place(house, reference="R-2", amount_minor=5000)
    assert (placed.existing, placed.order.state) == (False, "open")
    assert (house.see(old).state, house.see(old).closed_reason) == ("closed", "superseded")
    assert (payable(house), house.pay(session)) == ([], "refused")


def test_while_the_old_one_is_processing_the_new_one_waits_and_a_click_is_told_so(house: House) -> None:
    """C12: the two-phase close: a processing payment keeps the purpose."""
    old = place(house).order
    checkout = house.checkout(old)
    house.pay(checkout, "pm_usBankAccount_success")
    house.deliver_owed()
    new = place(house, reference="R-2", amount_minor=5000).order
    assert (new.state, house.see(old).state) == ("waiting", "open")
    answer = house.click(new)
    assert isinstance(answer, InProgress) and answer.reason == "processing"
    # The link of the old order leads to the newest.
    assert isinstance(house.click(old), InProgress)
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    assert (house.see(old).state, house.see(new).state, house.see(new).closed_reason) == (
        "paid", "closed", "purpose_paid",
    )  # fmt: skip
    told = house.click(new)
    assert isinstance(told, AlreadyPaid) and told.order_id == old.id


def test_when_the_processing_payment_fails_the_waiting_order_is_promoted(house: House) -> None:
    """C12: old proven dead: closed, and waiting becomes open, in one step."""
    old = place(house).order
    checkout = house.checkout(old)
    house.pay(checkout, "pm_usBankAccount_insufficientFunds")
    house.deliver_owed()
    new = place(house, reference="R-2", amount_minor=5000).order
    house.stripe.bank.settle_debit(intent_of(house, checkout))
    house.deliver_owed()
    answer = house.checkout(new)
    assert (answer.order_id, house.see(old).state, house.see(new).state) == (new.id, "closed", "open")
    assert payable(house) == [answer.provider_ref]


def test_while_the_provider_is_silent_the_new_order_waits_until_the_job_has_closed_the_old_one(house: House) -> None:
    """C12: silence keeps it waiting; the worker goes on where the request stopped."""
    old = place(house).order
    house.checkout(old)
    spoil(house, "*", times=None)
    new = place(house, reference="R-2", amount_minor=5000).order
    assert (new.state, house.see(old).state, attempts(house, old)) == ("waiting", "open", [(1, "closing")])
    heal(house)
    house.clock.move(MINUTE)
    house.close_old()
    house.clock.move(MINUTE)
    house.resolve()
    assert (house.see(old).closed_reason, house.see(new).state) == ("superseded", "open")


def test_a_payment_in_the_moment_of_replacing_wins_and_the_caller_is_told_that_it_is_paid(house: House) -> None:
    """C12: old captured: the waiting one closes as purpose_paid, 409."""
    old = place(house).order
    house.checkout(old)
    spoil(house, "*.expire", "payer_first")
    with pytest.raises(Conflict) as error:
        place(house, reference="R-2", amount_minor=5000)
    assert error.value.code == "order_paid"
    assert house.see(old).state == "paid"
    assert house.rows("SELECT state, closed_reason FROM orders WHERE reference = 'R-2'") == [("closed", "purpose_paid")]


def test_an_older_waiting_order_makes_way_for_a_newer_one(house: House) -> None:
    """C12: one may wait behind the one that is being closed."""
    old = place(house).order
    checkout = house.checkout(old)
    house.pay(checkout, "pm_usBankAccount_success")
    house.deliver_owed()
    second = place(house, reference="R-2", amount_minor=5000).order
    third = place(house, reference="R-3", amount_minor=6000).order
    assert (house.see(second).closed_reason, third.state) == ("superseded", "waiting")
    same = place(house, reference="R-4", amount_minor=6000)
    assert (same.order.id, same.existing) == (third.id, True)


def test_a_part_paid_order_is_held_and_named(house: House) -> None:
    """C12: part-paid: 409 purpose_held naming it, nothing created."""
    order = place(house).order
    checkout = house.checkout(order)
    hear(house, succeeded(house, checkout.attempt_id, amount_received=100))
    error = refused(house, reference="R-2", amount_minor=5000)
    assert (error.code, error.status) == ("purpose_held", 409)
    assert str(error.detail["order_id"]).startswith("ord_")
    assert findings(house) == ["amount_differs"]


def test_the_same_values_as_a_merely_expired_order_open_it_again(house: House) -> None:
    """D2: an order that expired is opened again."""
    order = place(house).order
    house.checkout(order)
    expire(house, order)
    again = place(house)
    assert (again.order.id, again.order.state, again.existing, again.reopened) == (order.id, "open", True, True)
    assert isinstance(house.click(order), Checkout)


def test_other_values_than_those_of_an_expired_order_are_a_new_order(house: House) -> None:
    old = place(house).order
    expire(house, old)
    new = place(house, reference="R-2", amount_minor=5000).order
    assert (new.state, house.see(old).closed_reason) == ("open", "expired")
    answer = house.click(old)
    assert isinstance(answer, Checkout) and answer.order_id == new.id


def test_an_older_link_tells_another_payer_nothing(house: House) -> None:
    """D6: a link leads to the newest order of its own payer only."""
    old = place(house).order
    expire(house, old)
    place(house, reference="R-2", payer_reference="player 28")
    before = everything(house)
    answer = house.click(old)
    assert isinstance(answer, Gone) and answer.order_id == old.id
    assert everything(house) == before


def test_a_cancelled_order_stays_cancelled_and_its_purpose_is_free(house: House) -> None:
    order = place(house).order
    house.checkout(order)
    cancel(house, order)
    assert isinstance(house.click(order), Gone)
    error = refused(house)
    assert error.code == "reference_taken"
    assert place(house, reference="R-2").order.state == "open"


def test_an_expired_order_that_the_merchant_cancels_does_not_open_again(house: House) -> None:
    """D2: only an order that merely expired is opened again by its payer."""
    order = place(house).order
    expire(house, order)
    assert cancel(house, order).closed_reason == "cancelled"
    assert isinstance(house.click(order), Gone)
    assert house.see(order).state == "closed"


def test_a_paid_order_cannot_be_cancelled(house: House) -> None:
    order = place(house).order
    paid(house, order)
    before = everything(house)
    with pytest.raises(Conflict) as error:
        cancel(house, order)
    assert (error.value.code, everything(house)) == ("order_paid", before)


def test_an_order_of_zero_is_settled_at_once_without_any_attempt(house: House) -> None:
    """D16: settled without a provider, and never asks anyone to pay."""
    order = place(house, amount_minor=0).order
    assert (order.state, order.counters.charged, order.counters.recorded) == ("paid", 0, 1)
    assert [effect.kind for effect in order.effects] == ["invite", "notice"]
    assert isinstance(house.click(order), AlreadyPaid)
    assert (calls(house), attempts(house, order)) == ([], [])
    assert house.rows("SELECT count(*) FROM entries") == [(0,)]


def test_an_order_of_zero_behind_one_that_is_being_closed_is_settled_when_it_is_its_turn(house: House) -> None:
    """D16: zero waits like every other amount while its purpose is still held."""
    old = place(house).order
    house.checkout(old)
    free = place(house, reference="R-2", amount_minor=0).order
    assert (house.see(old).closed_reason, free.state) == ("superseded", "paid")
    assert payable(house) == []


def test_what_no_provider_takes_is_refused_with_the_least_amount(house: House) -> None:
    error = refused(house, amount_minor=49)
    assert (error.code, error.status, error.param) == ("amount_not_payable", 422, "amount_minor")
    assert "0.50 USD" in error.message and "0.50 USD" in error.detail["reasons"]["stripe"]
    assert place(house, amount_minor=50).order.state == "open"


REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({"reference": ""}, "text_invalid", "reference"),
    ({"reference": " \t"}, "text_invalid", "reference"),
    ({"reference": "x" * 201}, "text_invalid", "reference"),
    ({"reference": "a\x00b"}, "text_invalid", "reference"),
    ({"reference": "a\ud800b"}, "text_invalid", "reference"),
    ({"purpose": ""}, "text_invalid", "purpose"),
    ({"payer_reference": "a\nb"}, "text_invalid", "payer_reference"),
    ({"amount_minor": -1}, "amount_invalid", "amount_minor"),
    ({"amount_minor": 10**15 + 1}, "amount_invalid", "amount_minor"),
    ({"currency": "XXX"}, "currency_unknown", "currency"),
    ({"metadata": {"a": "x" * 9000}}, "metadata_too_large", "metadata"),
    ({"metadata": {"a": "\x00"}}, "text_invalid", "metadata"),
    ({"metadata": {"a\ud800": 1}}, "text_invalid", "metadata"),
    ({"metadata": {"a": float("nan")}}, "text_invalid", "metadata"),
    ({"payer_email": "a\x00@example.org"}, "text_invalid", "payer_email"),
    ({"payer_email": "a" * 401}, "text_invalid", "payer_email"),
    ({"payer_name": "a\ud800"}, "text_invalid", "payer_name"),
    ({"success_url": "https://shop.example/" + "x" * 2000}, "text_invalid", "success_url"),
    ({"cancel_url": "a\x00"}, "text_invalid", "cancel_url"),
]


@pytest.mark.parametrize(("other", "code", "param"), REFUSALS, ids=lambda value: repr(value)[:40])
def test_what_no_order_may_have_is_refused_before_anything_is_written(
    house: House, other: dict[str, Any], code: str, param: str
) -> None:
    error = refused(house, **other)
    assert (error.code, error.param, error.status) == (code, param, 422)


def test_a_reference_names_one_order_for_ever(house: House) -> None:
    """X15: each period is an order of its own with its own purpose and reference."""
    order = place(house).order
    assert refused(house, purpose="fee:28").code == "reference_taken"
    assert refused(house, amount_minor=5000).code == "reference_taken"
    paid(house, order)
    assert refused(house, purpose="fee:28").code == "reference_taken"
    assert place(house, purpose="fee:28", reference="R-2").order.state == "open"


def test_another_merchant_may_have_the_same_references_and_purposes(house: House) -> None:
    place(house)
    other = house.run(place_order(house.world, "another", PlaceOrder(**VALUES)))
    assert not other.existing


def test_by_a_setting_every_older_unpaid_order_of_the_payer_is_closed(build: Build) -> None:
    """C12: by a setting, every older unpaid order of that payer."""
    house = build(policy=Policy(close_all_of_payer=True))
    first = place(house).order
    house.checkout(first)
    kept = place(house, reference="R-2", purpose="fee:28", payer_reference="player 28").order
    settled = place(house, reference="R-3", purpose="fee:29", amount_minor=0).order
    new = place(house, reference="R-4", purpose="fee:30").order
    states = {name: house.see(o).state for name, o in (("kept", kept), ("settled", settled), ("new", new))}
    assert states == {"kept": "open", "settled": "paid", "new": "open"}
    assert (house.see(first).closed_reason, payable(house)) == ("superseded", [])


def test_orders_stay_after_they_closed(house: House) -> None:
    """X5: nothing is deleted."""
    order = place(house).order
    house.checkout(order)
    expire(house, order)
    house.clock.move(30 * DAY + HOUR)
    house.close_old()
    assert house.see(order).attempts[0].number == 1
