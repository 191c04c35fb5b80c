"""NOWPayments has no list of movements: its payments are listed by when they were made, and pages shift."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from payonce.providers.nowpayments import adapter
from payonce.providers.simulator.nowpayments import NowPaymentsSimulator
from payonce.providers.transport import Answer, Request, Transport
from payonce.usecases.answers import OrderView
from tests.promises.acts import DAY, findings
from tests.promises.conftest import Build
from tests.promises.reconciling import FIRST, lines, run, sums, windows
from tests.support.house import House
from tests.support.parties import nowpayments_seat

COINS = partial(nowpayments_seat, flow="payment")


def sim(house: House) -> NowPaymentsSimulator:
    """The simulated NOWPayments."""
    assert isinstance(house.party, NowPaymentsSimulator)
    return house.party


def paid(house: House, purpose: str = "fee:1", *, heard: bool = True) -> OrderView:
    """An order paid in coins; told of unless the notice was lost."""
    order = house.place(purpose)
    house.pay(house.checkout(order))
    if heard:
        house.deliver_owed()
        house.retry()
        assert house.see(order).state == "paid"
    else:
        house.owed_webhooks()
    return order


def test_coins_are_compared_by_what_they_are_worth(build: Build) -> None:
    """B7: one side of coins, and no fee that the list would tell."""
    house = build(seat=COINS)
    paid(house)
    house.clock.move(DAY)
    run(house)
    assert (lines(house), windows(house)) == ([], [(FIRST, "closed", 1)])
    assert sums(house) == [(FIRST, "USD", 4500, 0, 0, 0, 4500)]


def test_coins_that_nobody_told_of_are_settled(build: Build) -> None:
    """E15: no notice ever arrived, and the payment is found."""
    house = build(seat=COINS)
    order = paid(house, heard=False)
    house.clock.move(DAY)
    assert run(house).settled == 1
    assert (house.see(order).state, lines(house)) == ("paid", [])


def test_a_payment_made_days_before_its_coins_came_is_found_on_its_day(build: Build) -> None:
    """B7: the list is by making, and the money counts by its arrival."""
    house = build(seat=COINS)
    order = house.place()
    checkout = house.checkout(order)
    house.clock.move(3 * DAY)
    house.pay(checkout)
    house.deliver_owed()
    house.retry()
    house.clock.move(DAY)
    run(house)
    assert (lines(house), findings(house)) == ([], [])
    assert [(day, matched) for day, _, matched in windows(house) if matched] == [(FIRST + timedelta(days=3), 1)]


def test_without_a_password_for_the_list_there_is_a_hole_and_no_false_match(build: Build) -> None:
    """B7: an account that may not be asked is told of, and a file can be brought."""
    house = build(seat=partial(nowpayments_seat, flow="payment", can_list=False))
    paid(house)
    house.clock.move(3 * DAY)
    run(house)
    assert (windows(house), findings(house)) == ([], ["reconcile_hole"])


class Shifting:
    """A transport below which a payment made earlier appears in the list while its first page is read."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.pages = 0
        self.hidden: object = None
        self.shelf: dict[int, object] = {}

    async def send(self, request: Request) -> Answer:
        answer = await self.inner.send(request)
        if "sortBy" in request.url:
            self.pages += 1
            if self.pages == 1 and self.hidden is not None:
                self.shelf[getattr(self.hidden, "id")] = self.hidden  # noqa: B009
        return answer


def test_pages_that_shift_while_they_are_read_hide_nothing(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """B7: a list of numbered pages is read until a pass brings nothing new."""
    monkeypatch.setattr(adapter, "PAGE_SIZE", 2)
    shifting: list[Shifting] = []

    def between(inner: Transport) -> Transport:
        shifting.append(Shifting(inner))
        return shifting[0]

    house = build(seat=COINS, transport=between)
    for number in range(5):
        paid(house, f"fee:{number}")
        house.clock.move(60)
    shelf = sim(house).books.payments
    shifting[0].hidden = shelf.pop(next(iter(shelf)))
    shifting[0].shelf = shelf  # type: ignore[assignment]
    house.clock.move(DAY)
    shifting[0].pages = 0
    run(house)
    assert (lines(house), windows(house)) == ([], [(FIRST, "closed", 5)])
    [(passes,)] = house.rows("SELECT passes FROM reconcile_windows")
    assert passes > 1
