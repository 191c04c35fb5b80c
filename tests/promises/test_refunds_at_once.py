"""Two refund workers at the same moment: each refund is sent by one of them, and a day's limit holds for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from payonce.base import ids
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.send_refunds import send_refunds
from payonce.usecases.world import World
from tests.promises.acts import calls
from tests.promises.money_back import gone, refunds, states, surplus_policy
from tests.promises.soundness import assert_sound
from tests.promises.test_many_at_once import Busy
from tests.support.house import House


@pytest.fixture
def busy(database_url: str) -> Iterator[Busy]:
    """A house for many threads; sound when the test ends."""
    built = Busy(database_url, flow="payment_intent")
    yield built
    assert_sound(built)
    built.many.close()
    built.close()


def paid_twice(house: House, purpose: str) -> None:
    """A paid order, and a second payment of it that somebody took by hand with the marks of the first one."""
    order = house.place(purpose)
    checkout = house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    mark = ids.show(ids.ATTEMPT, checkout.attempt_id)
    body = {"amount": 4500, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    form = urlencode(body | {"metadata[payonce_attempt]": mark}).encode()
    key = ("Authorization", "Bearer sk_test_house_1234567890")
    assert house.stripe.handle("POST", "/v1/payment_intents", "", [key], form).status == 200
    house.deliver_owed()
    assert house.see(order).counters.charged == 2


def test_one_refund_is_sent_by_one_of_many_workers(busy: Busy) -> None:
    """X3: whoever takes the lease sends; the others leave it alone."""
    paid_twice(busy, "fee")
    busy.at_once([lambda world: send_refunds(world.for_refunds(), "default")] * 6)
    assert (refunds(busy), gone(busy)) == ([("succeeded", 4500)], [("succeeded", 4500)])
    assert calls(busy, "refunds.create") == ["refunds.create"]


def test_the_limit_of_a_day_holds_for_many_workers_at_once(busy: Busy) -> None:
    """X6: what may go back by itself on a day is counted atomically."""
    busy.world = replace(busy.world, policy=surplus_policy(refund_a_day_minor={"USD": 10_000}))
    for number in range(4):
        paid_twice(busy, f"fee:{number}")
    busy.at_once([lambda world: send_refunds(world.for_refunds(), "default")] * 4)
    assert sorted(states(busy)) == ["planned", "planned", "succeeded", "succeeded"]
    assert busy.rows("SELECT automatic_minor, limit_minor FROM refund_days") == [(9000, 10_000)]


def test_many_who_ask_for_the_whole_at_once_get_it_once(busy: Busy) -> None:
    """S9: asking counts at once, under the order's lock."""
    order = busy.place()
    busy.pay(busy.checkout(order))
    busy.deliver_owed()

    def ask(world: World) -> object:
        return ask_refund(world, "default", order.id, reason="asked", actor="ada")

    busy.at_once([ask] * 8)
    assert refunds(busy) == [("due", 4500)]
