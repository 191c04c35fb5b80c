"""A customer pays, the webhook fails, the order stays unpaid, the customer pays again: in every order of webhooks."""

from __future__ import annotations

from itertools import permutations

import pytest

from payonce.providers.simulator.stripe.deliveries import Outgoing
from payonce.usecases.answers import AlreadyPaid, Checkout, InProgress, OrderView
from tests.promises.acts import (
    HOUR,
    MINUTE,
    attempts,
    findings,
    heal,
    intent_of,
    payable,
    refresh,
    spoil,
)
from tests.promises.conftest import Build
from tests.promises.soundness import assert_agrees, everything
from tests.promises.words import hear, succeeded
from tests.support.house import House


def paid_without_a_word(house: House, order: OrderView) -> tuple[Checkout, list[Outgoing]]:
    """Pay the order; its webhooks are on their way and do not arrive."""
    checkout = house.checkout(order)
    house.pay(checkout)
    return checkout, house.owed_webhooks()


def test_who_comes_back_after_a_payment_that_nobody_told_of_is_not_charged_again(house: House) -> None:
    """C22: the first payment is found, at the latest when the payer comes back to pay a second time."""
    order = house.place()
    paid_without_a_word(house, order)
    house.clock.move(31 * MINUTE)
    assert isinstance(house.click(order), AlreadyPaid)
    assert (len(house.stripe.truth.intents()), house.see(order).counters.recorded) == (1, 1)


def test_within_half_an_hour_the_payer_is_led_to_the_session_that_is_paid_and_cannot_pay_it_again(house: House) -> None:
    """C2: one checkout session is processed once."""
    order = house.place()
    first, told = paid_without_a_word(house, order)
    again = house.checkout(order)
    assert (again.url, house.pay(again)) == (first.url, "refused")
    house.deliver(told)
    house.deliver(told)
    assert house.see(order).counters.recorded == 1


def test_without_any_webhook_the_job_finds_the_first_payment_within_fifteen_minutes(house: House) -> None:
    """C15: a scan finds successful payments that were not recorded, and settles them."""
    order = house.place()
    paid_without_a_word(house, order)
    for _ in range(3):
        house.clock.move(5 * MINUTE)
        house.resolve()
    assert house.see(order).state == "paid"
    assert_agrees(house)


def two_payments(house: House) -> tuple[OrderView, list[list[Outgoing]]]:
    """The scenario of the double charge, by the only way that is left: the first object is paid although its provider
    said that it was closed, which only a read of a lagging replica could say.
    """
    order = house.place()
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    name = first.provider_ref or ""
    # The close is answered as done, and the session lives on at the provider.
    house.checkout(order)
    session = house.stripe.books.sessions[name]
    session.status = "open"
    house.owed_webhooks()
    groups = []
    house.pay(first)
    groups.append(house.owed_webhooks())
    [second] = [row for row in house.stripe.truth.payable_now() if row.id != name]
    house.stripe.payer.pay(second.id)
    groups.append(house.owed_webhooks())
    return order, groups


# Which webhooks come, in which order; how many payments are known in the end. A payment on an attempt that the provider
# called dead is found by its webhook, or by walking the provider's lists.
TELLINGS = {
    "first, second": ((0, 1), 2),
    "second, first": ((1, 0), 2),
    "only the first": ((0,), 2),
    "only the second": ((1,), 1),
}


@pytest.mark.parametrize(("places", "charged"), TELLINGS.values(), ids=TELLINGS.keys())
def test_of_two_payments_one_is_recorded_and_fulfilled_and_the_other_is_an_open_finding(
    house: House, places: tuple[int, ...], charged: int
) -> None:
    """C22: with both webhooks, in both orders, and with only the first or only the second."""
    order, groups = two_payments(house)
    for place in places:
        house.deliver(groups[place])
    house.clock.move(6 * MINUTE)
    house.resolve()
    seen = house.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("paid", charged, 1)
    assert [e.kind for e in seen.effects] == ["invite", "notice"]
    assert findings(house) == ["second_charge"] * (charged - 1)


def test_all_orders_and_repetitions_of_all_webhooks_of_both_payments_end_the_same(build: Build) -> None:
    """C6: whatever is processed again, nothing is posted again."""
    ends = set()
    for at, arrangement in enumerate(permutations(range(2))):
        house = build()
        order, groups = two_payments(house)
        told = [hook for place in arrangement for hook in groups[place]]
        told = told[at:] + told[:at] + told[::-1]
        for hook in told:
            house.deliver([hook])
        seen = house.see(order)
        sums = house.rows("SELECT account, sum(amount_minor) FROM postings GROUP BY account ORDER BY account")
        ends.add((seen.state, seen.received_minor, seen.counters.recorded, tuple(sums), tuple(findings(house))))
        assert_agrees(house)
    assert len(ends) == 1


def test_a_late_payment_of_a_free_purpose_revives_its_order_after_a_read(house: House) -> None:
    """X6: one after closing revives its order where the purpose is free."""
    order, checkout = late(house)
    [received] = hear(house, succeeded(house, checkout.attempt_id, intent_of(house, checkout)))
    seen = house.see(order)
    assert (received.outcome, seen.state, seen.under_review, findings(house)) == (
        "applied", "closed", True, ["late_payment"],
    )  # fmt: skip
    answer = house.click(order)
    assert isinstance(answer, InProgress) and answer.reason == "payment_under_review"
    house.clock.move(MINUTE)
    house.resolve()
    seen = house.see(order)
    assert (seen.state, seen.counters.recorded, findings(house)) == ("paid", 1, [])
    assert [e.kind for e in seen.effects] == ["invite", "notice"]


def late(house: House, *, paid: bool = True) -> tuple[OrderView, Checkout]:
    """An order that expired although its session was paid in the end: by a provider that called it closed too soon."""
    order = house.place()
    checkout = house.checkout(order)
    house.clock.move(25 * HOUR)
    house.close_old()
    assert house.see(order).closed_reason == "expired"
    house.stripe.books.sessions[checkout.provider_ref or ""].status = "open"
    if paid:
        house.pay(checkout)
    house.owed_webhooks()
    return order, checkout


def test_a_late_payment_that_was_refunded_before_we_asked_revives_nothing(house: House) -> None:
    """X6: an event is a snapshot; by now the payment may have been given back."""
    order, checkout = late(house)
    name = intent_of(house, checkout)
    hear(house, succeeded(house, checkout.attempt_id, name))
    house.stripe.bank.refund(name)
    house.clock.move(MINUTE)
    house.resolve()
    assert (house.see(order).state, house.see(order).counters.recorded) == ("closed", 0)
    house.deliver_owed()
    assert findings(house) == []
    assert isinstance(house.click(order), Checkout)


def rivals(house: House) -> tuple[OrderView, Checkout, OrderView, Checkout]:
    """An expired order whose session is payable after all, and a younger one of the same purpose with a session."""
    old, dead = late(house, paid=False)
    new = house.place(amount_minor=5000)
    return old, dead, new, house.checkout(new)


def test_a_late_payment_beside_an_open_order_closes_that_ones_session_first_and_then_takes_its_place(
    house: House,
) -> None:
    """X6: held; the other order's live attempt is closed at the provider; then revived, and the other superseded."""
    old, dead, new, live = rivals(house)
    house.pay(dead)
    name = intent_of(house, dead)
    house.deliver_owed()
    assert (house.see(old).state, house.see(new).state) == ("closed", "open")
    answer = house.click(new)
    assert isinstance(answer, InProgress) and answer.reason == "payment_under_review"
    for _ in range(3):
        house.clock.move(MINUTE)
        house.resolve()
    assert (house.see(old).state, house.see(new).state, house.see(new).closed_reason) == (
        "paid", "closed", "superseded",
    )  # fmt: skip
    assert (house.pay(live), payable(house), findings(house)) == ("refused", [], [])
    assert house.rows("SELECT ref FROM settlements") == [(name,)]
    told = house.click(new)
    assert isinstance(told, AlreadyPaid) and told.order_id == old.id


def test_a_late_payment_is_surplus_where_the_other_order_was_paid_before_it_could_be_closed(house: House) -> None:
    """X6: where the other was captured, the late one is surplus."""
    old, dead, new, live = rivals(house)
    house.pay(dead)
    house.deliver_owed()
    spoil(house, "*.expire", "payer_first")
    for _ in range(3):
        house.clock.move(MINUTE)
        house.resolve()
    assert (house.see(old).state, house.see(new).state, findings(house)) == ("closed", "paid", ["second_charge"])
    assert house.see(live.order_id).counters.recorded == 1
    house.deliver_owed()
    assert_agrees(house)


def test_a_late_payment_waits_while_the_other_orders_provider_is_silent(house: House) -> None:
    """X7: no answer means that nothing is decided; the money stays held and found."""
    old, dead, new, _ = rivals(house)
    house.pay(dead)
    house.deliver_owed()
    spoil(house, "*", times=None)
    for _ in range(3):
        house.clock.move(MINUTE)
        house.resolve()
    assert (house.see(old).state, house.see(new).state, findings(house)) == ("closed", "open", ["late_payment"])
    heal(house)
    for _ in range(3):
        house.clock.move(MINUTE)
        house.resolve()
    assert (house.see(old).state, house.see(new).state, findings(house)) == ("paid", "closed", [])


def test_the_page_that_waits_is_under_review_while_late_money_is_undecided(house: House) -> None:
    """E2: reading shows how it stands and changes nothing."""
    order, checkout = late(house)
    hear(house, succeeded(house, checkout.attempt_id, intent_of(house, checkout)))
    before = everything(house)
    seen = house.see(order)
    assert (seen.payment, seen.under_review) == ("processing", True)
    assert everything(house) == before
    assert refresh(house, order).under_review
    assert attempts(house, order) == [(1, "paid")]
