"""Somebody holds nothing but the name that a provider gave a payment, and asks where its money is."""

from __future__ import annotations

import pytest

from payonce.usecases.find_order import find_order
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.conftest import Build
from tests.support.parties import SEATS


@pytest.mark.parametrize("provider", sorted(SEATS))
def test_an_order_is_found_by_every_name_that_its_provider_has_for_it(build: Build, provider: str) -> None:
    """S21: of every payment one can say where its money is, whoever took it."""
    house = build(seat=SEATS[provider])
    order = house.place(amount_minor=50_000)
    house.pay(house.checkout(order))
    house.deliver_owed()
    house.retry()
    names = [ref for (ref,) in house.rows("SELECT ref FROM provider_refs")]
    assert len(names) >= 2
    for name in names:
        assert house.run(find_order(house.world, DEFAULT_MERCHANT, name)) == order.id
