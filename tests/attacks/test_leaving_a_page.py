"""A payer who says that nothing was sent is believed only where the provider says the same of the whole page."""

from __future__ import annotations

from typing import Any

from payonce.usecases.answers import Silent
from tests.promises.conftest import Build
from tests.support.parties import nowpayments_seat


def test_a_page_is_not_left_because_one_of_its_payments_is_untouched(build: Build) -> None:
    """S7: without a list a page cannot be read, and a coin that was sent by its other payment is not seen."""
    house = build(seat=lambda clock: nowpayments_seat(clock, can_list=False))
    order = house.place()
    page, payer = house.checkout(order).provider_ref, house.party.payer
    pays: Any = payer
    pays.choose(page, "btc")
    house.deliver_owed()
    house.retry()
    pays.pay(pays.choose(page, "eth"))
    told = house.owed_webhooks()
    assert isinstance(house.click(order, flow="payment", leave_attempt=1), Silent)
    assert [attempt.state for attempt in house.see(order).attempts] == ["open"]
    house.deliver(told)
    house.retry()
    assert (house.see(order).state, len(house.see(order).attempts)) == ("paid", 1)
