"""Who holds one payer's link learns nothing of another payer, also where both wanted the same thing."""

from __future__ import annotations

import pytest

from payonce.base.errors import Conflict
from payonce.usecases.answers import AlreadyPaid, Gone
from tests.promises.acts import cancel, expire
from tests.support.house import House


@pytest.mark.parametrize("end", [cancel, expire])
def test_the_link_of_an_older_order_tells_nothing_of_who_bought_it_afterwards(house: House, end: object) -> None:
    """D2: 409 says when and how it was paid; of another payer's payment it says neither, nor which order that was."""
    mine = house.place(payer_reference="A")
    end(house, mine)  # type: ignore[operator]
    theirs = house.place(payer_reference="B", reference="R-B")
    house.pay(house.checkout(theirs))
    house.deliver_owed()
    assert house.click(mine) == Gone(mine.id, "superseded")


def test_the_link_of_an_older_order_of_the_same_payer_says_that_the_purpose_is_paid(house: House) -> None:
    """D6: paid is told to whom it concerns, with when and how."""
    old = house.place()
    cancel(house, old)
    new = house.place(reference="R-2")
    house.pay(house.checkout(new))
    house.deliver_owed()
    answer = house.click(old)
    assert isinstance(answer, AlreadyPaid) and (answer.order_id, answer.paid_by) == (new.id, "stripe")


def test_placing_what_is_paid_says_when_it_was_paid(house: House) -> None:
    """D2: the body of 409 says when."""
    order = house.place()
    house.pay(house.checkout(order))
    house.deliver_owed()
    with pytest.raises(Conflict) as refused:
        house.place(reference="another")
    assert refused.value.detail["paid_at"] == house.see(order).paid_at is not None
