"""A customer pays, the webhook does not come, the customer pays again: at every provider, in every order of the words.

No honest provider lets one customer pay twice here, because the second page exists only when the first one is proven
dead. So the second payment comes by the ways that are left: a session or an order that its provider called closed, and
that takes money all the same; and at NOWPayments, where nothing can be closed, an address that its payer left.
"""

from __future__ import annotations

from typing import Any

import pytest

from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.usecases.answers import AlreadyPaid, Checkout, InProgress, OrderView
from tests.promises.acts import CLOSINGS, MINUTE, findings, heal, spoil
from tests.promises.conftest import Build
from tests.promises.soundness import assert_agrees
from tests.support.house import House
from tests.support.parties import SEATS

PROVIDERS = tuple(SEATS)
CAN_CLOSE = ("stripe", "zalopay")
AMOUNT = 4500
Group = list[Any]


@pytest.fixture(params=PROVIDERS)
def at(request: pytest.FixtureRequest, build: Build) -> House:
    """A house at each of the providers."""
    return build(seat=SEATS[request.param])


def hear(house: House, group: Group) -> None:
    """Deliver a group, and let the worker read what notices only hint at."""
    house.deliver(group)
    for _ in range(3):
        house.clock.move(10)
        house.retry()


def look_around(house: House, minutes: int = 15) -> None:
    """Let the jobs look for what nobody told."""
    for _ in range(minutes // 5):
        house.clock.move(5 * MINUTE + 1)
        house.backfill()
        house.resolve()
    house.recover()


def come_back(house: House, order: OrderView, first: Checkout) -> Checkout:
    """The second attempt, in the way that the provider allows."""
    house.clock.move(31 * MINUTE)
    if house.provider == "nowpayments":
        return house.checkout(order, leave_attempt=1)
    second = house.checkout(order)
    name = first.provider_ref or ""
    if isinstance(house.party, StripeSimulator):
        house.stripe.books.sessions[name].status = "open"
    elif isinstance(house.party, ZaloPaySimulator):
        house.party.books.orders[name].ended = None
    return second


def paid_twice(house: House) -> tuple[OrderView, list[Group]]:
    """An order whose payer paid both attempts, and what the provider says of each payment. Nothing is delivered yet."""
    order = house.place(amount_minor=AMOUNT)
    first = house.checkout(order)
    second = come_back(house, order, first)
    assert second.attempt_id != first.attempt_id
    house.owed_webhooks()
    groups = []
    for checkout in (first, second):
        assert house.pay(checkout) == "succeeded"
        groups.append(house.owed_webhooks())
    came = house.party.truth.captures_by_attempt()
    assert {len(came[checkout.attempt_id]) for checkout in (first, second)} == {1}
    # ZaloPay's query tells of money some seconds after it came.
    house.clock.move(20)
    return order, groups


def ledger(house: House) -> dict[str, int]:
    """What is not zero, by account."""
    rows = house.rows("SELECT account, sum(amount_minor) FROM postings GROUP BY account")
    return {account: int(total) for account, total in rows if total}


def left_there(house: House) -> int:
    """What the provider's own books say that it holds for us."""
    truth = house.party.truth
    came = sum(one.amount_minor for rows in truth.captures_by_attempt().values() for one in rows)
    back = [one for rows in truth.refunds_by_id().values() for one in rows if one.status == "succeeded"]
    return came - sum(one.amount_minor for one in back)


def send_back(house: House) -> None:
    """Let the refund worker run until nothing of it is on its way."""
    for _ in range(4):
        house.send_refunds()
        house.clock.move(10 * MINUTE)


def assert_once(house: House, order: OrderView) -> None:
    """Recorded once and fulfilled once."""
    seen = house.see(order)
    assert (seen.state, seen.counters.recorded) == ("paid", 1)
    assert [effect.kind for effect in seen.effects] == ["invite", "notice"]
    assert house.rows("SELECT count(*) FROM settlements") == [(1,)]


def test_the_first_payment_of_which_nobody_told_is_found_within_a_quarter_of_an_hour(at: House) -> None:
    """C22: the first payment is found; C15: by asking, without any webhook."""
    order = at.place(amount_minor=AMOUNT)
    at.pay(at.checkout(order))
    at.owed_webhooks()
    look_around(at)
    assert_once(at, order)
    assert ledger(at) == {f"clearing:{at.provider}:main": AMOUNT, "orders": -AMOUNT}
    assert_agrees(at)


def test_who_comes_back_after_it_is_told_that_it_is_paid_and_cannot_pay_again(at: House) -> None:
    """C22: the customer comes to pay again and is not charged a second time. C1: only what is unpaid is settled."""
    order = at.place(amount_minor=AMOUNT)
    first = at.checkout(order)
    at.pay(first)
    at.owed_webhooks()
    at.clock.move(31 * MINUTE)
    answer = at.click(order, leave_attempt=1)
    assert isinstance(answer, AlreadyPaid), answer
    assert at.pay(first) == "refused"
    assert_once(at, order)
    assert len(at.party.truth.captures_by_attempt()) == 1


@pytest.mark.parametrize("provider", CAN_CLOSE)
def test_a_payment_in_the_moment_in_which_it_is_closed_wins_and_no_second_page_is_opened(
    provider: str, build: Build
) -> None:
    """C22: the race of the payer with the close of a stale attempt: the provider decides, and we read what it did."""
    house = build(seat=SEATS[provider])
    order = house.place(amount_minor=AMOUNT)
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    for closing in CLOSINGS:
        spoil(house, closing, "payer_first")
    answer = house.click(order)
    heal(house)
    assert isinstance(answer, AlreadyPaid | InProgress), answer
    house.clock.move(MINUTE)
    assert isinstance(house.click(order), AlreadyPaid)
    assert list(house.party.truth.captures_by_attempt()) == [first.attempt_id]
    assert_once(house, order)


# Which webhooks come, in which order.
TELLINGS = {
    "first, second": (0, 1),
    "second, first": (1, 0),
    "only the first": (0,),
    "only the second": (1,),
    "none": (),
}


@pytest.mark.parametrize("places", TELLINGS.values(), ids=TELLINGS.keys())
def test_of_two_payments_one_is_recorded_and_fulfilled_and_the_other_is_surplus(
    at: House, places: tuple[int, ...]
) -> None:
    """C22: whoever is heard first settles, C2: once; C15: and what nobody told of is found by the scan."""
    order, groups = paid_twice(at)
    for place in places:
        hear(at, groups[place])
    look_around(at)
    assert_once(at, order)
    seen = at.see(order)
    assert seen.counters.charged == 2
    assert findings(at) == ["second_charge"]
    assert ledger(at).get("surplus", 0) + ledger(at).get("refunding", 0) == -AMOUNT
    assert ledger(at)[f"clearing:{at.provider}:main"] == 2 * AMOUNT
    assert_agrees(at)


def test_what_was_told_already_changes_nothing_however_often_it_is_told_again(at: House) -> None:
    """C3: each of two payments serves one order, C2: and is processed once."""
    order, groups = paid_twice(at)
    for group in (*groups, *groups, groups[0]):
        hear(at, group)
    assert_once(at, order)
    assert at.see(order).counters.charged == 2
    assert_agrees(at)
    assert at.rows("SELECT count(DISTINCT (attempt_id)), count(*) FROM captures") == [(2, 2)]


@pytest.mark.parametrize("provider", CAN_CLOSE)
@pytest.mark.parametrize("places", [(0, 1), (1, 0)], ids=["first, second", "second, first"])
def test_the_second_payment_goes_back_by_itself_and_the_books_say_what_the_provider_says(
    provider: str, places: tuple[int, ...], build: Build
) -> None:
    """C22: its money goes back, once, and the ledger ends where the provider's own books end."""
    house = build(seat=SEATS[provider])
    order, groups = paid_twice(house)
    for place in places:
        hear(house, groups[place])
    send_back(house)
    send_back(house)
    assert [len(rows) for rows in house.party.truth.refunds_by_id().values()] == [1]
    assert left_there(house) == AMOUNT
    assert ledger(house) == {f"clearing:{provider}:main": AMOUNT, "orders": -AMOUNT}
    assert findings(house) == []
    assert_once(house, order)


def test_where_money_cannot_go_back_it_is_held_as_an_open_finding(build: Build) -> None:
    """C22: NOWPayments sends nothing back; the second payment stays in the books as surplus, and a person is told."""
    house = build(seat=SEATS["nowpayments"])
    order, groups = paid_twice(house)
    for group in groups:
        hear(house, group)
    send_back(house)
    assert_once(house, order)
    assert findings(house) == ["second_charge"]
    assert ledger(house) == {"clearing:nowpayments:main": 2 * AMOUNT, "orders": -AMOUNT, "surplus": -AMOUNT}
    assert left_there(house) == 2 * AMOUNT
