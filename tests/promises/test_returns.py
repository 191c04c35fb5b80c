"""Refunds and disputes by whomever, seen in any order: the same sums, and nothing returned twice unseen."""

from __future__ import annotations

import random

import pytest

from payonce.providers.simulator.stripe.deliveries import Outgoing
from payonce.usecases.answers import AlreadyPaid, Checkout, OrderView
from tests.promises.acts import HOUR, MINUTE, findings, intent_of
from tests.promises.conftest import Build
from tests.promises.words import event, hear, succeeded
from tests.support.house import House


def paid(house: House, method: str = "pm_card_visa") -> tuple[OrderView, str]:
    """A paid order and the payment's id."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, method)
    house.deliver_owed()
    assert house.see(order).state == "paid"
    return order, intent_of(house, checkout)


def returns(house: House) -> list[tuple[str, str, int]]:
    """(nature, status, what is gone) of each return."""
    rows = house.rows("SELECT nature, status, returned_minor FROM returns ORDER BY nature, ref")
    return [(nature, status, gone) for nature, status, gone in rows]


def kept(house: House) -> dict[str, int]:
    """The ledger, by account."""
    return {
        account: int(total)
        for account, total in house.rows("SELECT account, sum(amount_minor) FROM postings GROUP BY account")
        if total
    }


def test_a_refund_is_posted_and_the_order_stays_paid(house: House) -> None:
    """B10: refund events are handled; what was paid stays paid, and its links say so."""
    order, name = paid(house)
    house.stripe.bank.refund(name, 1500)
    house.deliver_owed()
    seen = house.see(order)
    assert (seen.state, seen.refunded_minor, seen.counters.recorded) == ("paid", 1500, 1)
    assert kept(house) == {"clearing:stripe:main": 3000, "orders": -4500, "refunds": 1500}
    answer = house.click(order)
    assert isinstance(answer, AlreadyPaid) and not answer.refunded


def test_a_refund_that_fails_days_later_gives_its_money_back_to_the_books(house: House) -> None:
    """C5: a refund can go from succeeded to failed, and what it moved is moved back by an entry of its own."""
    order, name = paid(house, "pm_card_refundFail")
    house.stripe.bank.refund(name)
    house.deliver_owed()
    assert house.see(order).refunded_minor == 4500
    house.clock.move(2 * HOUR)
    house.stripe.books.catch_up()
    house.deliver_owed()
    assert (house.see(order).refunded_minor, returns(house)) == (0, [("refund", "failed", 0)])
    assert kept(house) == {"clearing:stripe:main": 4500, "orders": -4500}


def test_a_refund_that_is_pending_has_moved_nothing(house: House) -> None:
    order, name = paid(house, "pm_card_pendingRefund")
    refund = house.stripe.bank.refund(name)
    house.deliver_owed()
    assert (house.see(order).refunded_minor, returns(house)) == (0, [("refund", "pending", 0)])
    house.stripe.bank.end_refund(refund, "succeeded")
    house.deliver_owed()
    assert house.see(order).refunded_minor == 4500


@pytest.mark.parametrize(("end", "gone"), [("won", 0), ("lost", 4500)])
def test_a_dispute_takes_the_money_and_its_end_decides(house: House, end: str, gone: int) -> None:
    """B10: dispute events are handled: opened with a finding, closed with its end."""
    order, name = paid(house)
    dispute = house.stripe.bank.open_dispute(name)
    house.deliver_owed()
    assert (house.see(order).disputed_minor, findings(house)) == (4500, ["dispute_opened"])
    house.stripe.bank.close_dispute(dispute, end)
    house.deliver_owed()
    assert (house.see(order).disputed_minor, findings(house), house.see(order).state) == (gone, [], "paid")


def test_an_inquiry_moves_nothing_until_it_becomes_a_dispute(house: House) -> None:
    order, name = paid(house)
    dispute = house.stripe.bank.open_dispute(name, status="warning_needs_response")
    house.deliver_owed()
    assert (house.see(order).disputed_minor, findings(house)) == (0, [])
    house.stripe.bank.escalate_dispute(dispute)
    house.deliver_owed()
    assert (house.see(order).disputed_minor, findings(house)) == (4500, ["dispute_opened"])


def test_what_is_refunded_and_charged_back_as_well_is_found(house: House) -> None:
    """X6: what others return beyond what was received is a finding."""
    _, name = paid(house)
    dispute = house.stripe.bank.open_dispute(name)
    house.deliver_owed()
    back = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    hear(house, event("refund.created", back | {"payment_intent": name, "charge": None, "metadata": {}}, house))
    assert findings(house) == ["dispute_opened", "returned_twice"]
    assert house.rows("SELECT money_minor FROM findings WHERE kind = 'returned_twice'") == [(4500,)]
    house.stripe.bank.close_dispute(dispute, "won")
    house.deliver_owed()
    assert findings(house) == []


def test_a_refund_that_is_told_before_its_payment_waits_for_it(house: House) -> None:
    """C14: what cannot be applied yet is tried again, and applied once its payment is known."""
    order = house.place()
    checkout = house.checkout(order)
    house.owed_webhooks()
    back = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    told = back | {"payment_intent": "pi_1", "charge": None, "metadata": {}}
    [received] = hear(house, event("refund.created", told, house))
    assert (received.outcome, received.reason) == ("failed", "payment_unknown")
    hear(house, succeeded(house, checkout.attempt_id))
    house.clock.move(MINUTE)
    assert house.retry().applied == 1
    seen = house.see(order)
    assert (seen.state, seen.refunded_minor) == ("paid", 4500)


def test_the_refund_of_somebody_elses_payment_ends_as_not_ours(house: House) -> None:
    """X6: what is not ours is stored and left alone."""
    back = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    hear(house, event("refund.created", back | {"payment_intent": "pi_x", "charge": None, "metadata": {}}, house))
    for _ in range(house.world.policy.event_tries + 1):
        house.clock.move(7 * HOUR)
        house.retry()
    assert house.rows("SELECT state, reason FROM events") == [("ignored", "not_ours")]
    assert (findings(house), returns(house)) == ([], [])


def test_a_refunded_surplus_needs_nobody_any_more(build: Build) -> None:
    """X6: surplus is refunded, or an open finding."""
    house = build(flow="payment_intent")
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    # Somebody took the amount a second time by hand, with the marks of the first payment.
    hear(house, succeeded(house, checkout.attempt_id, "pi_by_hand"))
    assert (house.see(order).received_minor, findings(house)) == (9000, ["second_charge"])
    back = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    hear(house, event("refund.created", back | {"payment_intent": "pi_by_hand", "charge": None, "metadata": {}}, house))
    assert (findings(house), house.see(order).state) == ([], "paid")


@pytest.mark.parametrize("seed", range(6))
def test_a_life_of_a_payment_told_in_any_order_and_repetition_ends_the_same(build: Build, seed: int) -> None:
    """C6: decline, payment, refunds that end well and badly, and a dispute: the same sums, whatever came first."""
    house = build()
    order, hooks = a_whole_life(house)
    told = [*hooks, *random.Random(seed).choices(hooks, k=8)]
    if seed:
        random.Random(seed).shuffle(told)
    while told:
        size = random.Random(seed + len(told)).randint(1, 5)
        house.deliver(told[:size])
        told = told[size:]
    for _ in range(4):
        house.clock.move(HOUR)
        house.retry()
    seen = house.see(order)
    assert (seen.state, seen.received_minor, seen.refunded_minor, seen.disputed_minor) == ("paid", 4500, 1000, 0)
    assert (seen.counters.charged, seen.counters.recorded, findings(house)) == (1, 1, [])
    assert sorted(returns(house)) == [("dispute", "won", 0), ("refund", "failed", 0), ("refund", "succeeded", 1000)]
    assert kept(house) == {"clearing:stripe:main": 3500, "orders": -4500, "refunds": 1000}


def a_whole_life(house: House) -> tuple[OrderView, list[Outgoing]]:
    """Every webhook of an order that is declined, paid, refunded twice (once in vain) and disputed in vain."""
    order = house.place()
    checkout = house.checkout(order)
    assert isinstance(checkout, Checkout)
    house.pay(checkout, "pm_card_visa_chargeDeclined")
    house.pay(checkout)
    name = intent_of(house, checkout)
    house.stripe.bank.refund(name, 1000)
    failing = house.stripe.bank.refund(name, 500)
    house.stripe.bank.end_refund(failing, "failed")
    dispute = house.stripe.bank.open_dispute(name, 3000)
    house.stripe.bank.close_dispute(dispute, "won")
    hooks = house.owed_webhooks()
    assert len(hooks) > 12
    return order, hooks
