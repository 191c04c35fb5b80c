"""Money that a person lets pay an order takes the purpose from nobody who could pay more."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.base.errors import Conflict
from payonce.domain.policy import Policy, SurplusPolicy
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.answers import Checkout
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.conftest import Build
from tests.support.parties import nowpayments_seat

DAY = 86_400.0


def test_a_part_of_an_older_order_is_not_accepted_beside_a_newer_one(build: Build) -> None:
    """L6: the payer is led to the newest order, so accepting a part of an older one would leave nothing to pay."""
    house = build(seat=nowpayments_seat, policy=Policy(surplus=SurplusPolicy(late="hold", late_else="hold")))
    older = house.place()
    left = house.checkout(older)
    house.checkout(older, flow="payment", leave_attempt=1)
    house.clock.move(8 * DAY)
    house.resolve()
    house.close_old()
    newer = house.place(amount_minor=9900)
    pay: Any = house.party.payer
    pay.pay(left.provider_ref, "less")
    house.deliver_owed()
    house.retry()
    with pytest.raises(Conflict) as refused:
        house.run(accept_payment(house.world, DEFAULT_MERCHANT, older.id, by="ann", reason="the payer asked"))
    assert refused.value.code == "part_of_older_order"
    assert (house.see(older).state, house.see(newer).state) == ("closed", "open")
    assert house.rows("SELECT captured_minor > 0, allocated_minor FROM captures") == [(True, 0)]
    assert not isinstance(house.click(newer), Checkout)
