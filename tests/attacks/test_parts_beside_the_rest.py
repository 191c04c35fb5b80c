"""A payer pays a part, is led to the rest, and then sends the rest to the first address all the same."""

from __future__ import annotations

from typing import Any

from payonce.usecases.prove import prove_all
from tests.promises.conftest import Build
from tests.support.parties import nowpayments_seat


def test_what_comes_to_the_part_paid_page_later_proves_nothing_against_the_next_one(build: Build) -> None:
    """S7: whether a number ended paid for less is told by what had come when the next one was begun."""
    house = build(seat=nowpayments_seat)
    order = house.place()
    first = house.checkout(order)
    pays: Any = house.party.payer
    pays.pay(first.provider_ref, "less")
    house.deliver_owed()
    house.retry()
    assert house.checkout(order).number == 2
    house.clock.move(60.0)
    pays.pay_again(first.provider_ref)
    house.deliver_owed()
    house.retry()
    seen = house.see(order)
    assert (seen.state, seen.counters.recorded, seen.received_minor) == ("paid", 1, 1800 + 4500)
    assert house.run(prove_all(house.world)) == []
