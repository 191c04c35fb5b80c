"""Providers that cannot cancel, or have no list: abandoned attempts, the payer's express switch, lost creates, and old
orders whose payment stays possible.
"""

from __future__ import annotations

from typing import Any

import pytest

from payonce.base import ids
from payonce.base.errors import Conflict
from payonce.providers.simulator.faults import Fault
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.answers import Checkout, Gone, InProgress, OrderView, Silent
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.conftest import Build
from tests.support.house import House
from tests.support.parties import nowpayments_seat, zalopay_seat

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def attempts(house: House, order: OrderView) -> list[str]:
    """The states of the order's attempts, by number."""
    return [attempt.state for attempt in house.see(order).attempts]


def hear(house: House) -> None:
    """Deliver what the provider tells, and read what must be read before it is believed."""
    house.deliver_owed()
    house.retry()


def findings(house: House) -> list[str]:
    return sorted(kind for (kind,) in house.rows("SELECT kind FROM findings WHERE state <> 'resolved'"))


@pytest.fixture
def coins(build: Build) -> House:
    """A house whose payers pay coins at a provider that cannot cancel."""
    return build(seat=nowpayments_seat)


def test_a_stale_attempt_is_handed_out_again_where_it_cannot_be_cancelled(coins: House) -> None:
    """X7: the old one is reused until it ends or its payer expressly leaves it; no second one stands beside it."""
    order = coins.place()
    first = coins.checkout(order)
    coins.clock.move(3 * HOUR)
    again = coins.checkout(order, flow="payment")
    assert (again.url, again.outcome, attempts(coins, order)) == (first.url, "reused", ["open"])
    assert len(coins.party.truth.payable_attempts()) == 1


def test_a_payer_who_sent_nothing_leaves_an_attempt_and_pays_another_way(coins: House) -> None:
    """S7: the next number exists because the payer said so, after a read that shows no deposit."""
    order = coins.place()
    coins.checkout(order)
    switched = coins.checkout(order, flow="payment", leave_attempt=1)
    assert (switched.flow, switched.outcome) == ("payment", "replaced")
    [left, live] = coins.rows("SELECT state, consent_at IS NOT NULL FROM attempts ORDER BY number")
    assert (left, live) == (("abandoned", True), ("open", False))


def test_nobody_leaves_an_attempt_whose_money_is_on_its_way(coins: House) -> None:
    """X7: the provider is asked before the payer is believed."""
    order = coins.place()
    checkout = coins.checkout(order)
    coins.pay(checkout)
    answer = coins.click(order, flow="payment", leave_attempt=1)
    assert not isinstance(answer, Checkout)
    assert (coins.see(order).state, attempts(coins, order)) == ("paid", ["paid"])


@pytest.mark.parametrize("operation", ["auth.create", "payments.list", "*"])
def test_an_attempt_stays_as_it_is_while_its_provider_is_silent(coins: House, operation: str) -> None:
    """X7: no answer means no new session, whatever the payer says."""
    order = coins.place()
    first = coins.checkout(order)
    faults: Any = coins.party.faults
    faults.add(operation, Fault("reset"), times=None)
    assert isinstance(coins.click(order, flow="payment", leave_attempt=1), Silent)
    faults.clear()
    assert (attempts(coins, order), coins.checkout(order).url) == (["open"], first.url)


def test_nothing_is_left_where_nobody_can_be_asked(build: Build) -> None:
    """X7: without a list an invoice cannot be read, so the payer's word alone abandons nothing."""
    house = build(seat=lambda clock: nowpayments_seat(clock, can_list=False))
    order = house.place()
    house.checkout(order)
    assert isinstance(house.click(order, flow="payment", leave_attempt=1), Silent)
    assert attempts(house, order) == ["open"]


def test_money_on_a_left_attempt_waits_for_a_person_where_the_next_cannot_be_closed(coins: House) -> None:
    """X6: two payable addresses were given out, so money on the first is held until somebody decides, and says so."""
    order = coins.place()
    left = coins.checkout(order)
    live = coins.checkout(order, flow="payment", leave_attempt=1)
    coins.pay(left)
    hear(coins)
    assert (coins.see(order).state, findings(coins)) == ("open", ["late_payment"])
    assert isinstance(coins.click(order), InProgress)
    accepted = coins.run(accept_payment(coins.world, DEFAULT_MERCHANT, order.id, by="ann", reason="the payer asked"))
    assert (accepted.state, accepted.counters.recorded, findings(coins)) == ("paid", 1, [])
    assert ("ann", "accepted: the payer asked") in coins.rows("SELECT actor, cause FROM audit")
    coins.pay(live)
    hear(coins)
    assert (coins.see(order).counters.recorded, findings(coins)) == (1, ["second_charge"])


def test_nothing_is_accepted_that_does_not_wait(coins: House) -> None:
    """X6: a person decides about held money and nothing else."""
    order = coins.place()
    for code in ("nothing_held", "order_paid"):
        with pytest.raises(Conflict) as refused:
            coins.run(accept_payment(coins.world, DEFAULT_MERCHANT, order.id, by="ann", reason="why not"))
        assert refused.value.code == code
        if code == "nothing_held":
            coins.pay(coins.checkout(order))
            hear(coins)


def test_an_old_order_closes_while_its_payment_stays_possible_and_watched(coins: House) -> None:
    """C10: it closes at a provider without cancel; a payer who comes back gets the same page, and no second one."""
    order = coins.place()
    first = coins.checkout(order)
    coins.clock.move(25 * HOUR)
    coins.close_old()
    assert (coins.see(order).closed_reason, attempts(coins, order)) == ("expired", ["open"])
    again = coins.checkout(order)
    assert (again.url, coins.see(order).state) == (first.url, "open")


def test_an_old_order_is_settled_by_a_payment_that_still_came(coins: House) -> None:
    """X6: it merely expired and nothing else of its purpose can be paid."""
    order = coins.place()
    checkout = coins.checkout(order)
    coins.clock.move(25 * HOUR)
    coins.close_old()
    coins.pay(checkout)
    hear(coins)
    assert (coins.see(order).state, coins.see(order).counters.recorded, findings(coins)) == ("paid", 1, [])


def test_a_purpose_whose_payment_cannot_be_cancelled_takes_no_order_of_other_values(coins: House) -> None:
    """C12: the new order would stand beside an address that can still be paid, so nothing is created."""
    order = coins.place()
    coins.checkout(order)
    coins.clock.move(25 * HOUR)
    coins.close_old()
    with pytest.raises(Conflict) as refused:
        coins.place(amount_minor=9900)
    assert refused.value.code == "purpose_held"
    assert coins.rows("SELECT count(*) FROM orders") == [(1,)]
    assert refused.value.detail == {"order_id": ids.show(ids.ORDER, order.id), "attempt": 1}
    assert coins.place().id == order.id


def test_a_purpose_is_free_again_once_its_payer_left_what_was_cancelled(coins: House) -> None:
    """L6: an invoice that never ends blocks nobody for ever: its payer says that nothing was sent."""
    order = coins.place()
    coins.checkout(order)
    coins.run(cancel_order(coins.world, DEFAULT_MERCHANT, order.id))
    with pytest.raises(Conflict) as refused:
        coins.place(amount_minor=9900)
    left = coins.click(order, leave_attempt=refused.value.detail["attempt"])
    assert isinstance(left, Gone)
    assert isinstance(coins.click(coins.place(amount_minor=9900)), Checkout)


def test_a_cancelled_order_is_not_revived_by_an_address_that_stays_payable(coins: House) -> None:
    """X6: the merchant cancelled it; what still comes is held, because its provider cannot send money back."""
    order = coins.place()
    checkout = coins.checkout(order)
    assert coins.run(cancel_order(coins.world, DEFAULT_MERCHANT, order.id)).state == "closed"
    assert isinstance(coins.click(order), Gone)
    coins.pay(checkout)
    hear(coins)
    assert (coins.see(order).state, findings(coins)) == ("closed", ["second_charge"])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_create_without_a_name_is_abandoned_and_never_handed_out(coins: House, when: Any) -> None:
    """X3: nobody can find an invoice again, so nobody is ever led to it; it blocks its payer for less than a minute."""
    order = coins.place()
    faults: Any = coins.party.faults
    faults.add("invoices.create", Fault("timeout", when))
    assert isinstance(coins.click(order), Silent)
    assert attempts(coins, order) == ["in_doubt"]
    coins.clock.move(35.0)
    checkout = coins.checkout(order)
    assert attempts(coins, order) == ["abandoned", "open"]
    coins.pay(checkout)
    hear(coins)
    assert coins.see(order).counters.recorded == 1


def test_a_second_deposit_of_somebody_else_is_not_taken_for_a_lost_create(coins: House) -> None:
    """S5: coins that come once more carry no mark of ours; the list in which a lost create is looked for shows them."""
    party: Any = coins.party
    party.settings.repeated_has_order_id = False
    paid = coins.place()
    checkout = coins.checkout(paid, flow="payment")
    party.payer.pay(checkout.provider_ref)
    party.payer.pay_again(checkout.provider_ref)
    lost = coins.place(reference="another", purpose="another")
    party.faults.add("payments.create", Fault("timeout", "before"))
    assert isinstance(coins.click(lost, flow="payment"), Silent)
    coins.clock.move(35.0)
    coins.checkout(lost, flow="payment")
    assert attempts(coins, lost) == ["abandoned", "open"]
    assert coins.see(lost).received_minor == 0
    hear(coins)
    assert (coins.see(paid).received_minor, coins.see(lost).received_minor) == (9000, 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_create_under_a_name_of_ours_is_asked_for_by_it(build: Build, when: Any) -> None:
    """X3: what was made is closed before the next number, because its address was in the lost answer."""
    house = build(seat=zalopay_seat)
    order = house.place(amount_minor=50_000)
    faults: Any = house.party.faults
    faults.add("orders.create", Fault("timeout", when), times=2)
    assert isinstance(house.click(order), Silent)
    house.clock.move(5.0)
    house.checkout(order)
    assert attempts(house, order) == (["open"] if when == "before" else ["closed", "open"])
    assert len(house.party.truth.payable_attempts()) == 1


def test_a_lost_create_that_cannot_be_closed_is_abandoned(build: Build) -> None:
    """X7: nobody was ever given its address, so nobody can pay it; it stays watched."""
    house = build(seat=zalopay_seat)
    order = house.place(amount_minor=50_000)
    faults: Any = house.party.faults
    faults.add("orders.create", Fault("timeout", "after"), times=1)
    faults.add("orders.cancel", Fault("reset"), times=None)
    house.checkout(order)
    assert attempts(house, order) == ["abandoned", "open"]
    faults.clear()
    house.clock.move(10 * MINUTE)
    house.resolve()
    assert attempts(house, order) == ["closed", "open"]


def test_a_session_that_expired_at_its_provider_makes_way(build: Build) -> None:
    """D4: the provider's own end is its word that nothing can come any more."""
    house = build(seat=zalopay_seat)
    order = house.place(amount_minor=50_000)
    first = house.checkout(order)
    house.clock.move(36 * MINUTE)
    second = house.checkout(order)
    assert first.url != second.url and attempts(house, order) == ["closed", "open"]


def test_a_provider_that_answers_no_more_for_old_payments_is_not_believed(build: Build) -> None:
    """A1: after 48 hours nothing is asked and nothing is taken for an answer; a person is told."""
    house = build(seat=zalopay_seat)
    order = house.place(amount_minor=50_000)
    house.pay(house.checkout(order))
    house.owed_webhooks()
    house.clock.move(2 * DAY + HOUR)
    house.resolve()
    assert (attempts(house, order), findings(house)) == (["open"], ["out_of_reach"])


def test_money_that_comes_after_the_end_is_found_without_a_notice(coins: House) -> None:
    """A11: what ended at such a provider is asked about for a month."""
    order = coins.place()
    checkout = coins.checkout(order, flow="payment")
    coins.clock.move(8 * DAY)
    coins.resolve()
    assert attempts(coins, order) == ["closed"]
    coins.pay(checkout)
    coins.owed_webhooks()
    coins.clock.move(2 * DAY)
    coins.resolve()
    assert coins.see(order).received_minor == 4500


def test_money_that_its_provider_cannot_send_back_is_sent_by_hand_and_booked(coins: House) -> None:
    """X6: a person says that it went by other means; the finding closes, and the provider still holds what it held."""
    order = coins.place()
    coins.pay(coins.checkout(order))
    again: Any = coins.party.payer
    again.pay_again(coins.see(order).attempts[0].provider_ref)
    hear(coins)
    assert findings(coins) == ["second_charge"]
    ask: dict[str, Any] = {"reason": "sent from the wallet", "actor": "ann", "of": "surplus"}
    with pytest.raises(Conflict) as refused:
        coins.run(ask_refund(coins.world, DEFAULT_MERCHANT, order.id, **ask))
    assert refused.value.code == "refund_unsupported"
    [sent] = coins.run(ask_refund(coins.world, DEFAULT_MERCHANT, order.id, by_hand=True, **ask))
    assert (sent.state, sent.amount_minor, findings(coins)) == ("succeeded", 4500, [])
    sums = dict(coins.rows("SELECT account, sum(amount_minor)::bigint FROM postings GROUP BY account"))
    assert sums == {
        "clearing:nowpayments:main": 9000, "orders": -4500, "surplus": 0, "refunding": 0, "by_hand": -4500,
    }  # fmt: skip
    with pytest.raises(Conflict) as refused:
        coins.run(ask_refund(coins.world, DEFAULT_MERCHANT, order.id, by_hand=True, **ask))
    assert refused.value.code == "nothing_to_refund"
