"""Genuine words that do not fit the order's row: another amount, currency, account or mode. Never paid, never lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.usecases.answers import InProgress
from payonce.usecases.receive import receive
from tests.promises.acts import MINUTE, attempts, cancel, expire, findings, pay_part, payable
from tests.promises.conftest import Build
from tests.promises.soundness import everything
from tests.promises.words import delivery, event, hear, intent, succeeded
from tests.support.house import SECRET, House

OTHER_SECRET = "whsec_of_the_other_1234567890"


def risk(house: House) -> list[tuple[Any, ...]]:
    """(kind, money, currency) of open findings."""
    return house.rows("SELECT kind, money_minor, currency FROM findings WHERE state <> 'resolved' ORDER BY kind")


def test_a_genuine_notification_of_one_dollar_does_not_pay_an_order_of_two_thousand(house: House) -> None:
    """B17: the amount is the order's row, whatever a notification says was paid."""
    order = house.place(amount_minor=200_000)
    checkout = house.checkout(order)
    [received] = hear(house, succeeded(house, checkout.attempt_id, amount=100))
    seen = house.see(order)
    assert (received.outcome, seen.state, seen.counters.recorded) == ("applied", "open", 0)
    assert (seen.received_minor, seen.allocated_minor, seen.effects) == (100, 100, ())
    assert risk(house) == [("amount_differs", 199_900, "USD")]


def test_the_rest_of_a_part_payment_is_asked_for_and_completes_the_order(build: Build) -> None:
    """X6: what came serves the order; the next attempt asks what is missing."""
    house = build(flow="payment_intent")
    order = house.place(amount_minor=5000)
    pay_part(house, house.checkout(order), 2000)
    house.deliver_owed()
    second = house.checkout(order)
    [asked] = [p for p in house.stripe.truth.payable_now() if p.id == second.provider_ref]
    assert asked.amount == 3000
    house.pay(second)
    house.deliver_owed()
    seen = house.see(order)
    assert (seen.state, seen.received_minor, seen.counters.recorded, findings(house)) == ("paid", 5000, 1, [])


def test_money_in_another_currency_is_held_and_under_review(house: House) -> None:
    """X6: what does not fit becomes a finding, never paid, never lost."""
    order = house.place(amount_minor=4500)
    checkout = house.checkout(order)
    hear(house, succeeded(house, checkout.attempt_id, currency="vnd"))
    seen = house.see(order)
    assert (seen.state, seen.received_minor, seen.under_review) == ("open", 0, True)
    assert house.rows("SELECT captured_minor, currency, allocated_minor FROM captures") == [(4500, "VND", 0)]
    assert findings(house) == ["currency_differs"]
    answer = house.click(order)
    assert isinstance(answer, InProgress) and answer.reason == "payment_under_review"


def test_once_the_money_in_another_currency_is_back_the_order_can_be_paid(build: Build) -> None:
    """L6: nobody is blocked by money that was given back."""
    house = build(flow="payment_intent")
    order = house.place()
    checkout = house.checkout(order)
    house.stripe.books.intents[checkout.provider_ref or ""].currency = "vnd"
    house.pay(checkout)
    house.deliver_owed()
    assert isinstance(house.click(order), InProgress)
    house.stripe.bank.refund(checkout.provider_ref or "")
    house.deliver_owed()
    assert (findings(house), house.see(order).under_review) == ([], False)
    house.pay(house.checkout(order))
    house.deliver_owed()
    assert house.see(order).state == "paid"


def test_a_test_event_on_a_live_account_changes_nothing_and_is_kept(house: House) -> None:
    """B16: test and live are bound to the endpoint; the other mode is ignored and found."""
    order = house.place()
    checkout = house.checkout(order)
    before = everything(house)
    told = succeeded(house, checkout.attempt_id) | {"livemode": True}
    [received] = hear(house, told)
    assert (received.verdict, received.outcome, received.reason) == ("accepted", "ignored", "mode_differs")
    after = everything(house)
    assert {name for name in after if after[name] != before[name]} == {"event_keys", "events", "findings"}
    assert findings(house) == ["mode_differs"]
    assert house.rows("SELECT count(*) FROM events WHERE reason = 'mode_differs' AND length(body) > 0") == [(1,)]


def test_an_event_of_a_connected_account_changes_nothing(house: House) -> None:
    """B10: the account is compared; an event for somebody else's account is stored and ignored."""
    order = house.place()
    checkout = house.checkout(order)
    [received] = hear(house, succeeded(house, checkout.attempt_id) | {"account": "acct_other"})
    assert (received.outcome, received.reason) == ("ignored", "other_account")
    assert (house.see(order).state, house.see(order).received_minor) == ("open", 0)


def two_accounts(build: Build, other_merchant: str) -> House:
    """A house with a second account of Stripe, which belongs to that merchant."""
    house = build()
    stripe = StripeSimulator(clock=house.clock)
    adapter = StripeAdapter("sk_test_other_123456789", [OTHER_SECRET], account="other", api_base="http://127.0.0.1:2")
    tills = {**house.world.tills, ("stripe", "other"): ProviderTill(adapter, DirectTransport(stripe, house.clock))}
    merchants = {**house.world.merchants, ("stripe", "other"): other_merchant}
    house.world = replace(house.world, tills=tills, merchants=merchants)
    return house


def test_another_merchants_genuine_event_with_our_metadata_pays_nothing(build: Build) -> None:
    """B16: who owns another account cannot pay our orders by writing our ids into his payments."""
    house = two_accounts(build, "another")
    order = house.place()
    checkout = house.checkout(order)
    told = succeeded(house, checkout.attempt_id)
    [received] = house.run(receive(house.world, "another", [delivery(house, told, secret=OTHER_SECRET)]))
    assert (received.verdict, received.outcome) == ("accepted", "ignored")
    [forged] = house.run(receive(house.world, "default", [delivery(house, told, secret=OTHER_SECRET)]))
    assert forged.verdict == "forged"
    assert (house.see(order).state, house.see(order).received_minor) == ("open", 0)
    assert house.rows("SELECT merchant_id, kind FROM findings") == [("another", "unknown_attempt")]


def test_our_own_other_account_cannot_pay_an_attempt_of_this_one_and_the_money_is_found(build: Build) -> None:
    """X6: our id in a payment of another account of ours: held as a finding, never paid, never lost."""
    house = two_accounts(build, "default")
    order = house.place()
    checkout = house.checkout(order)
    told = succeeded(house, checkout.attempt_id)
    [received] = house.run(receive(house.world, "default", [delivery(house, told, secret=OTHER_SECRET)]))
    assert (received.verdict, received.outcome) == ("accepted", "ignored")
    assert (house.see(order).state, house.see(order).received_minor) == ("open", 0)
    assert risk(house) == [("account_differs", 4500, "USD")]


def test_a_payment_that_names_an_attempt_that_we_do_not_know_is_found_and_never_refunded_by_itself(
    house: House,
) -> None:
    """X6: our id in an attempt that we do not know (a restored backup) is an open finding."""
    [received] = hear(house, succeeded(house, house.world.ids.new()))
    assert (received.outcome, received.reason, findings(house)) == ("ignored", "unknown_attempt", ["unknown_attempt"])


def test_what_is_not_ours_is_stored_and_left_alone(house: House) -> None:
    """X6: other captures of the account are stored, ignored and never refunded."""
    [received] = hear(house, succeeded(house, None, "pi_of_another_shop"))
    assert (received.outcome, received.reason, findings(house)) == ("ignored", "not_ours", [])
    assert house.rows("SELECT count(*) FROM captures") == [(0,)]


def test_one_payment_that_names_two_attempts_pays_neither_twice(house: House) -> None:
    """C8: one provider payment never serves two orders; C3 says the same of the first paper's table."""
    first, second = house.place("fee:1"), house.place("fee:2")
    ones, twos = house.checkout(first), house.checkout(second)
    hear(house, succeeded(house, ones.attempt_id, "pi_same"))
    hear(house, succeeded(house, twos.attempt_id, "pi_same"))
    assert (house.see(first).state, house.see(second).state) == ("paid", "open")
    assert house.rows("SELECT count(*) FROM captures") == [(1,)]


def test_a_session_and_a_payment_of_two_attempts_in_one_event_are_found_and_posted_once(house: House) -> None:
    """C18: orders that share a provider payment are found."""
    first, second = house.place("fee:1"), house.place("fee:2")
    ones, twos = house.checkout(first), house.checkout(second)
    hear(house, succeeded(house, ones.attempt_id, "pi_same"))
    session: dict[str, Any] = {
        "id": twos.provider_ref, "object": "checkout.session", "status": "complete", "payment_status": "paid",
        "amount_total": 4500, "currency": "usd", "payment_intent": "pi_same", "metadata": {}, "livemode": False,
    }  # fmt: skip
    hear(house, event("checkout.session.completed", session, house))
    assert (house.see(second).received_minor, house.rows("SELECT count(*) FROM captures")) == (0, [(1,)])
    assert findings(house) == ["second_charge"]


def test_a_payment_of_an_order_that_was_cancelled_meanwhile_is_surplus(house: House) -> None:
    """X6: an order that the merchant cancelled is not revived; its money is an open finding."""
    order = house.place()
    checkout = house.checkout(order)
    cancel(house, order)
    hear(house, succeeded(house, checkout.attempt_id))
    seen = house.see(order)
    assert (seen.state, seen.closed_reason, seen.counters.recorded) == ("closed", "cancelled", 0)
    assert risk(house) == [("second_charge", 4500, "USD")]


@pytest.mark.parametrize("status", ["requires_action", "processing"])
def test_a_payment_that_brought_a_part_and_goes_on_keeps_its_attempt(house: House, status: str) -> None:
    """S6: while the provider still takes money for the first object, no second one is made beside it."""
    order = house.place(amount_minor=5000)
    checkout = house.checkout(order, flow="payment_intent")
    told = intent(checkout.attempt_id, checkout.provider_ref or "", status, amount=5000, amount_received=2000)
    hear(house, event("payment_intent.partially_funded", told, house))
    house.click(order)
    assert len(payable(house)) == 1
    assert [number for number, _ in attempts(house, order)] == [1]
    assert house.see(order).received_minor == 2000


@pytest.mark.parametrize("refund_first", [False, True])
def test_a_part_payment_that_was_given_back_is_asked_for_again(build: Build, refund_first: bool) -> None:
    """X6: what serves an order counts net of what was returned before it was paid."""
    house = build(flow="payment_intent")
    order = house.place(amount_minor=5000)
    first = house.checkout(order)
    pay_part(house, first, 2000)
    told = house.owed_webhooks()
    house.stripe.bank.refund(first.provider_ref or "")
    told = house.owed_webhooks() + told if refund_first else told + house.owed_webhooks()
    house.deliver(told)
    assert (house.see(order).allocated_minor, findings(house)) == (0, [])
    second = house.checkout(order)
    [asked] = [p for p in house.stripe.truth.payable_now() if p.id == second.provider_ref]
    assert asked.amount == 5000
    house.pay(second)
    house.deliver_owed()
    seen = house.see(order)
    assert (seen.state, seen.received_minor, seen.refunded_minor, findings(house)) == ("paid", 7000, 2000, [])


@pytest.mark.parametrize("taken_by", ["a refund that fails", "a dispute that is won"])
def test_a_part_payment_that_comes_back_serves_its_order_again(build: Build, taken_by: str) -> None:
    """X6: money that is here again for an open order is asked for no second time, and nothing of it goes back."""
    house = build(flow="payment_intent")
    order = house.place(amount_minor=5000)
    first = house.checkout(order)
    pay_part(house, first, 2000)
    bank, name = house.stripe.bank, first.provider_ref or ""
    gone = bank.refund(name) if taken_by == "a refund that fails" else bank.open_dispute(name)
    house.deliver_owed()
    assert house.see(order).allocated_minor == 0
    second = house.checkout(order)
    if taken_by == "a refund that fails":
        bank.end_refund(gone, "failed")
    else:
        bank.close_dispute(gone, "won")
    house.deliver_owed()
    assert (house.see(order).allocated_minor, findings(house)) == (2000, ["amount_differs"])
    assert house.see(order).payment == "open"
    assert house.rows("SELECT count(*) FROM refunds") == [(0,)]
    third = house.checkout(order)
    [asked] = house.stripe.truth.payable_now()
    assert (asked.id, asked.amount, third.provider_ref == second.provider_ref) == (third.provider_ref, 3000, False)
    house.pay(third)
    house.deliver_owed()
    assert (house.see(order).state, findings(house)) == ("paid", [])


def test_a_part_paid_order_that_expired_keeps_its_money_when_it_is_opened_again(build: Build) -> None:
    """D2: reopening takes back what the order had and what was not returned meanwhile."""
    house = build(flow="payment_intent")
    order = house.place(amount_minor=5000)
    pay_part(house, house.checkout(order), 2000)
    house.deliver_owed()
    expire(house, order)
    assert risk(house) == [("second_charge", 2000, "USD")]
    second = house.checkout(order)
    [asked] = [p for p in house.stripe.truth.payable_now() if p.id == second.provider_ref]
    assert (asked.amount, house.see(order).allocated_minor) == (3000, 2000)
    assert findings(house) == ["amount_differs"]
    house.pay(second)
    house.deliver_owed()
    assert (house.see(order).state, findings(house)) == ("paid", [])


def test_the_secret_of_the_house_is_needed(house: House) -> None:
    """B16: signatures are verified; forged words leave nothing behind."""
    order = house.place()
    checkout = house.checkout(order)
    before = everything(house)
    told = succeeded(house, checkout.attempt_id)
    for secret in (OTHER_SECRET, "", SECRET[:-1]):
        [received] = hear(house, told, secret=secret)
        assert received.verdict == "forged"
    late = delivery(house, told)
    house.clock.move(6 * MINUTE)
    [received] = house.run(receive(house.world, "default", [late]))
    assert received.verdict == "forged"
    assert everything(house) == before
