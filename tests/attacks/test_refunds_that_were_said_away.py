"""A person says that a refund was not done, another one is under way, and then the first turns out to have arrived."""

from __future__ import annotations

from payonce.base import ids
from payonce.usecases.decide_refund import resolve_refund
from tests.promises.acts import DAY, HOUR, calls, findings, spoil
from tests.promises.money_back import go_on, kept, paid_twice, refund_ids, states
from tests.promises.words import event, hear
from tests.support.house import House

CREATE = "refunds.create"


def test_money_that_went_back_is_booked_while_the_next_refund_of_it_is_in_doubt(house: House) -> None:
    """S9: what the provider says went back is true whatever we thought of it, and nothing more is sent of it."""
    _, name = paid_twice(house)
    spoil(house, CREATE, "timeout", when="before", times=None)
    house.send_refunds()
    house.clock.move(DAY)
    go_on(house, 2, HOUR)
    [first] = refund_ids(house)
    house.run(resolve_refund(house.world, "default", first, "cancelled", "not in the dashboard", "ada"))
    house.clock.move(HOUR)
    house.send_refunds()
    assert states(house) == ["failed", "in_doubt"]
    sent = len(calls(house, CREATE))
    back = {"id": "re_late", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    mark = {"payonce_refund": ids.show(ids.REFUND, first)}
    told = back | {"payment_intent": name, "charge": None, "metadata": mark}
    [heard] = hear(house, event("refund.created", told, house))
    assert (heard.outcome, heard.reason) == ("applied", "refund_succeeded")
    assert states(house) == ["succeeded", "in_doubt"]
    go_on(house, 2, HOUR)
    assert len(calls(house, CREATE)) == sent
    assert kept(house) == {"clearing:stripe:main": 4500, "orders": -4500, "surplus": 4500, "refunding": -4500}
    house.clock.move(DAY)
    go_on(house, 2, HOUR)
    assert (findings(house), len(calls(house, CREATE))) == (["refund_in_doubt"], sent)
    house.run(resolve_refund(house.world, "default", refund_ids(house)[1], "cancelled", "the first one came", "ada"))
    assert (states(house), findings(house)) == (["succeeded", "failed"], [])
    assert kept(house) == {"clearing:stripe:main": 4500, "orders": -4500}
