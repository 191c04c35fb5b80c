"""The main job at each provider and in each of its ways to pay: one order, one charge, one record; and the ways in
which single providers are peculiar.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.usecases.answers import AlreadyPaid, Checkout, InProgress, OrderView, Silent
from tests.promises.acts import DAY, HOUR, MINUTE, attempts, expire, findings, heal, spoil
from tests.promises.conftest import Build
from tests.promises.soundness import assert_agrees
from tests.support.house import House
from tests.support.parties import nowpayments_seat, stripe_seat, zalopay_seat

WAYS: dict[str, Any] = {
    "stripe session": stripe_seat,
    "stripe intent": partial(stripe_seat, flow="payment_intent"),
    "zalopay": zalopay_seat,
    "nowpayments invoice": nowpayments_seat,
    "nowpayments payment": partial(nowpayments_seat, flow="payment"),
    "nowpayments without a list": partial(nowpayments_seat, flow="payment", can_list=False),
}
AMOUNT = 4500


@pytest.fixture(params=WAYS)
def house(request: pytest.FixtureRequest, build: Build) -> House:
    """A house at each provider, in each of its ways to pay."""
    return build(seat=WAYS[request.param])


@pytest.fixture
def zalopay(build: Build) -> House:
    """A house at ZaloPay."""
    return build(seat=zalopay_seat)


@pytest.fixture
def nowpayments(build: Build) -> House:
    """A house at NOWPayments, paid by invoices."""
    return build(seat=nowpayments_seat)


def hear(house: House) -> None:
    """Deliver what is owed, and let the worker read what notices only hint at."""
    house.deliver_owed()
    for _ in range(3):
        house.clock.move(10)
        house.retry()


def look(house: House, minutes: int = 15) -> None:
    """Let the worker ask."""
    for _ in range(minutes // 5):
        house.clock.move(5 * MINUTE + 1)
        house.resolve()


def assert_paid_once(house: House, order: OrderView, charged: int = 1) -> None:
    """Charged by so many payments, recorded once, and nobody has to look."""
    seen = house.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("paid", charged, 1)
    assert [effect.kind for effect in seen.effects] == ["invite", "notice"]
    assert_agrees(house)


def test_a_plain_payment_is_recorded_once_at_every_provider(house: House) -> None:
    """C4: one transaction records all of it, whoever tells of the money."""
    order = house.place(amount_minor=AMOUNT)
    checkout = house.checkout(order)
    assert checkout.provider == house.provider
    assert house.pay(checkout) == "succeeded"
    hear(house)
    assert_paid_once(house, order)
    assert isinstance(house.click(order), AlreadyPaid)
    assert house.party.truth.payable_attempts() == set()
    assert findings(house) == []


def test_clicks_lead_to_one_payable_object_at_every_provider(house: House) -> None:
    """B4: the live attempt is handed out again."""
    order = house.place(amount_minor=AMOUNT)
    first, second = house.checkout(order), house.checkout(order)
    assert (second.attempt_id, second.provider_ref, second.url) == (first.attempt_id, first.provider_ref, first.url)
    assert house.party.truth.payable_attempts() == {first.attempt_id}


@pytest.mark.parametrize("way", ["stripe session", "stripe intent", "zalopay"])
def test_who_is_declined_pays_by_the_same_page(way: str, build: Build) -> None:
    """B8: a decline ends nothing: the same object is paid at the next try."""
    house = build(seat=WAYS[way])
    order = house.place(amount_minor=AMOUNT)
    first = house.checkout(order)
    if isinstance(house.party, ZaloPaySimulator):
        assert house.party.payer.decline(first.provider_ref or "") == "declined"
    else:
        assert house.pay(first, "pm_card_visa_chargeDeclined") == "declined"
    hear(house)
    look(house, 5)
    again = house.checkout(order)
    assert (again.attempt_id, house.see(order).state) == (first.attempt_id, "open")
    house.pay(again)
    hear(house)
    look(house, 5)
    assert_paid_once(house, order)


@pytest.mark.parametrize("way", ["zalopay", "nowpayments invoice", "nowpayments payment"])
def test_money_that_takes_its_time_is_waited_for(way: str, build: Build) -> None:
    """X2: while a payment is on its way nothing else is begun."""
    house = build(seat=WAYS[way])
    order = house.place(amount_minor=AMOUNT)
    checkout = house.checkout(order)
    if isinstance(house.party, ZaloPaySimulator):
        assert house.party.payer.pay_slowly(checkout.provider_ref or "") == "processing"
    elif isinstance(house.party, NowPaymentsSimulator):
        house.party.settings.step_seconds = 20 * MINUTE
        assert house.pay(checkout) == "processing"
    hear(house)
    house.clock.move(31 * MINUTE)
    answer = house.click(order)
    assert isinstance(answer, InProgress) and answer.reason == "processing", answer
    if isinstance(house.party, ZaloPaySimulator):
        house.party.payer.settle(checkout.provider_ref or "")
    house.clock.move(HOUR)
    hear(house)
    look(house)
    assert_paid_once(house, order)


def test_a_payment_in_parts_is_completed_by_another_deposit_to_the_same_address(build: Build) -> None:
    """X6: too few coins leave the order open; a repeated deposit, a payment of its own, brings the rest."""
    house = build(seat=WAYS["nowpayments payment"])
    sim = house.party
    assert isinstance(sim, NowPaymentsSimulator)
    order = house.place(amount_minor=AMOUNT)
    checkout = house.checkout(order)
    assert sim.payer.pay(checkout.provider_ref or "", "less") == "partially_paid"
    hear(house)
    part = house.see(order)
    assert (part.state, part.received_minor, part.counters.recorded) == ("open", 1800, 0)
    sim.payer.pay_again(checkout.provider_ref or "", Decimal("27"))
    hear(house)
    assert_paid_once(house, order, charged=2)
    assert (house.see(order).received_minor, findings(house)) == (AMOUNT, [])


def test_money_for_an_order_that_expired_revives_it_after_a_read(nowpayments: House) -> None:
    """X6: late money of a free purpose settles the order that merely expired."""
    order = nowpayments.place(amount_minor=AMOUNT)
    checkout = nowpayments.checkout(order)
    sim = nowpayments.party
    assert isinstance(sim, NowPaymentsSimulator)
    payment = sim.payer.choose(checkout.provider_ref or "", "usdttrc20")
    hear(nowpayments)
    nowpayments.clock.move(8 * DAY)
    look(nowpayments)
    nowpayments.close_old()
    sim.payer.pay(payment)
    hear(nowpayments)
    look(nowpayments)
    assert_paid_once(nowpayments, order)
    assert findings(nowpayments) == []


def test_an_order_that_expired_is_closed_at_zalopay_and_can_no_longer_be_paid_there(zalopay: House) -> None:
    """C10: closed at the provider first, and only then here."""
    order = zalopay.place(amount_minor=AMOUNT)
    checkout = zalopay.checkout(order)
    expire(zalopay, order)
    assert (zalopay.pay(checkout), attempts(zalopay, order)) == ("refused", [(1, "closed")])


def test_of_a_lost_create_at_zalopay_a_new_number_is_made_only_when_the_first_is_closed(zalopay: House) -> None:
    """X3: a create whose answer was lost has made an order whose page nobody can give again (-68): it is closed there,
    and only then is another one made.
    """
    order = zalopay.place(amount_minor=AMOUNT)
    spoil(zalopay, "orders.create", "timeout", when="after")
    answer = zalopay.click(order)
    heal(zalopay)
    second = answer if isinstance(answer, Checkout) else zalopay.checkout(order)
    assert attempts(zalopay, order) == [(1, "closed"), (2, "open")]
    assert zalopay.party.truth.payable_attempts() == {second.attempt_id}
    assert zalopay.pay(second) == "succeeded"
    hear(zalopay)
    assert_paid_once(zalopay, order)


def test_while_zalopay_does_not_say_what_became_of_a_lost_create_no_other_is_made(zalopay: House) -> None:
    """X3: no answer decides nothing."""
    order = zalopay.place(amount_minor=AMOUNT)
    spoil(zalopay, "orders.create", "timeout", when="after")
    spoil(zalopay, "orders.query", "timeout", times=None)
    spoil(zalopay, "orders.cancel", "timeout", times=None)
    for _ in range(3):
        assert isinstance(zalopay.click(order), Silent)
        zalopay.clock.move(MINUTE)
    assert [state for _, state in attempts(zalopay, order)] == ["in_doubt"]
    assert len(zalopay.party.truth.payable_attempts()) == 1
    heal(zalopay)
    zalopay.clock.move(MINUTE)
    assert isinstance(zalopay.click(order), Checkout)
    assert attempts(zalopay, order) == [(1, "closed"), (2, "open")]


def test_who_pays_the_lost_order_of_zalopay_all_the_same_is_not_asked_again(zalopay: House) -> None:
    """X3: the lost order was paid before it could be closed; it is found, and no second one is made."""
    order = zalopay.place(amount_minor=AMOUNT)
    spoil(zalopay, "orders.create", "timeout", when="after")
    spoil(zalopay, "orders.query", "timeout", times=None)
    spoil(zalopay, "orders.cancel", "timeout", times=None)
    assert isinstance(zalopay.click(order), Silent)
    heal(zalopay)
    assert isinstance(zalopay.party, ZaloPaySimulator)
    [lost] = zalopay.party.truth.payable_now()
    zalopay.party.payer.pay(lost.app_trans_id)
    zalopay.owed_webhooks()
    zalopay.clock.move(MINUTE)
    assert isinstance(zalopay.click(order), AlreadyPaid)
    assert_paid_once(zalopay, order)


@pytest.mark.parametrize("way", ["nowpayments payment", "nowpayments without a list"])
def test_a_lost_create_at_nowpayments_is_given_up_and_its_address_is_never_handed_out(way: str, build: Build) -> None:
    """X3: what was made without our hearing of it nobody can close; so nobody is ever led to it."""
    house = build(seat=WAYS[way])
    sim = house.party
    assert isinstance(sim, NowPaymentsSimulator)
    order = house.place(amount_minor=AMOUNT)
    spoil(house, "payments.create", "late", seconds=120)
    shown = [house.click(order)]
    heal(house)
    for _ in range(6):
        house.clock.move(MINUTE)
        house.resolve()
        shown.append(house.click(order))
    handed = {answer.attempt_id: answer.provider_ref for answer in shown if isinstance(answer, Checkout)}
    assert len(handed) == 1, shown
    late = [row for row in sim.truth.payments() if str(row.id) not in handed.values()]
    assert len(late) == 1
    assert attempts(house, order) == [(1, "abandoned"), (2, "open")]
    # Somebody pays the second one; the address of the first stays empty, and nobody is told of it.
    sim.payer.pay(next(iter(handed.values())) or "")
    hear(house)
    look(house, 60)
    assert_paid_once(house, order)
    assert str(late[0].id) not in handed.values() and late[0].status == "waiting"


def test_money_on_an_address_that_was_never_handed_out_is_found_and_is_surplus(build: Build) -> None:
    """X6: whoever pays there all the same is not forgotten: a second payment is an open finding."""
    house = build(seat=WAYS["nowpayments without a list"])
    sim = house.party
    assert isinstance(sim, NowPaymentsSimulator)
    order = house.place(amount_minor=AMOUNT)
    spoil(house, "payments.create", "timeout", when="after")
    shown = house.click(order)
    heal(house)
    second = shown if isinstance(shown, Checkout) else house.checkout(order)
    assert attempts(house, order) == [(1, "abandoned"), (2, "open")]
    house.pay(second)
    hear(house)
    for row in [row for row in sim.truth.payments() if str(row.id) != second.provider_ref]:
        sim.payer.pay(str(row.id))
    hear(house)
    look(house)
    assert_agrees(house)
    seen = house.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("paid", 2, 1)
    assert findings(house) == ["second_charge"]


def test_a_lost_create_that_nowpayments_lists_is_found_and_its_address_is_handed_out(build: Build) -> None:
    """X3: with a list, what was made is known by our own id; nothing is made a second time."""
    house = build(seat=WAYS["nowpayments payment"])
    order = house.place(amount_minor=AMOUNT)
    spoil(house, "payments.create", "timeout", when="after")
    house.click(order)
    heal(house)
    house.clock.move(MINUTE)
    found = house.checkout(order)
    assert attempts(house, order) == [(1, "open")]
    assert house.pay(found) == "succeeded"
    hear(house)
    assert_paid_once(house, order)


@pytest.mark.parametrize("seconds", [4 * HOUR + 59 * MINUTE + 50, 0], ids=["over midnight in Vietnam", "in an hour"])
def test_a_no_to_a_create_that_is_sent_again_says_nothing_of_the_first(zalopay: House, seconds: int) -> None:
    """X3: a repetition is refused when the day in Vietnam is another one, or a quarter of an hour is over, although the
    first sending made the order: that is closed before another one is made.
    """
    zalopay.clock.move(seconds)
    order = zalopay.place(amount_minor=AMOUNT)
    spoil(zalopay, "orders.create", "timeout", when="after")
    if not seconds:
        spoil(zalopay, "orders.*", "timeout", times=None)
    zalopay.click(order)
    zalopay.clock.move(0 if seconds else HOUR)
    heal(zalopay)
    second = zalopay.checkout(order)
    assert zalopay.party.truth.payable_attempts() == {second.attempt_id}
    assert attempts(zalopay, order) == [(1, "closed"), (2, "open")]


def surplus_at(zalopay: House) -> None:
    """Two payments of one order, the second of which is to go back."""
    order = zalopay.place(amount_minor=AMOUNT)
    first = zalopay.checkout(order)
    zalopay.clock.move(31 * MINUTE)
    second = zalopay.checkout(order)
    assert isinstance(zalopay.party, ZaloPaySimulator)
    zalopay.party.books.orders[first.provider_ref or ""].ended = None
    zalopay.pay(first)
    zalopay.pay(second)
    hear(zalopay)


def send_back(house: House) -> None:
    """Let the refund worker run for an hour."""
    for _ in range(6):
        house.send_refunds()
        house.clock.move(10 * MINUTE)


def test_a_refund_that_waited_for_hours_is_sent_as_of_then(zalopay: House) -> None:
    """X6: ZaloPay takes no request that is older than a quarter of an hour, and a worker can be down for longer."""
    surplus_at(zalopay)
    zalopay.clock.move(20 * HOUR)
    send_back(zalopay)
    assert [[one.status for one in rows] for rows in zalopay.party.truth.refunds_by_id().values()] == [["succeeded"]]
    assert (zalopay.rows("SELECT state FROM refunds"), findings(zalopay)) == ([("succeeded",)], [])


def test_a_refund_that_is_sent_again_over_midnight_is_found_and_goes_back_once(zalopay: House) -> None:
    """X6: the repetition is refused, and the first sending had sent the money back."""
    surplus_at(zalopay)
    zalopay.clock.move(5 * HOUR - 32 * MINUTE - 10)
    spoil(zalopay, "refunds.create", "timeout", when="after")
    spoil(zalopay, "refunds.query", "timeout")
    send_back(zalopay)
    assert [[one.status for one in rows] for rows in zalopay.party.truth.refunds_by_id().values()] == [["succeeded"]]
    assert (zalopay.rows("SELECT state FROM refunds"), findings(zalopay)) == ([("succeeded",)], [])
