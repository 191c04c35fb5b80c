"""A person who wants to pay is never kept waiting for a minute, whoever reads, asks, dies or guesses meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from payonce.providers.gateway import MOST_PAGES
from payonce.providers.stripe.lists import PAGE_SIZE
from payonce.providers.transport import Answer, Request, Transport
from payonce.usecases.answers import Checkout, Silent
from payonce.usecases.ensure_checkout import ensure_checkout
from payonce.usecases.refresh_order import refresh_order
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.attacks.deaths import Mortal, mortal
from tests.promises.acts import HOUR, MINUTE, attempts, cancel, spoil
from tests.promises.conftest import Build
from tests.promises.words import event, hear, succeeded
from tests.support.house import House
from tests.support.site import PERSON, Site

__all__ = ("mortal",)
FLOWS = pytest.mark.parametrize("flow", ["checkout_session", "payment_intent"])


def test_what_can_be_paid_is_handed_out_while_somebody_who_died_was_only_reading_it(mortal: Mortal) -> None:
    """D5: a younger attempt is given at once; a refresh holds its lease to ask only once, not to keep payers out."""
    house, transport, until_death = mortal
    order = house.place()
    checkout = house.checkout(order)
    transport.dies = "before"
    until_death(refresh_order(house.world, DEFAULT_MERCHANT, order.id))
    house.clock.slept.clear()
    assert house.checkout(order).url == checkout.url
    assert house.clock.slept == []


class SlowTransport:
    """Everything is answered, a moment before the caller gives up."""

    def __init__(self, inner: Transport, wait: Callable[[], None]) -> None:
        self._inner = inner
        self._wait = wait

    async def send(self, request: Request) -> Answer:
        """The answer, after 19 seconds."""
        answer = await self._inner.send(request)
        self._wait()
        return answer


def slow_house(build: Build, flow: str) -> House:
    """A house whose provider takes 19 seconds for everything."""
    made: list[House] = []
    made.append(build(flow=flow, transport=lambda inner: SlowTransport(inner, lambda: made[0].clock.move(19))))
    return made[0]


def seconds_of(house: House, act: Callable[[], object]) -> float:
    """How long it took by the house's clock."""
    began = house.clock.now()
    act()
    return (house.clock.now() - began).total_seconds()


@FLOWS
@pytest.mark.parametrize("age", [0, 1 * MINUTE, 31 * MINUTE, 36 * MINUTE, 25 * HOUR])
def test_while_the_provider_is_silent_everybody_has_an_answer_within_a_minute(
    build: Build, flow: str, age: float
) -> None:
    """X7: no answer means no new session, and that is said in time, whatever the age of what is there."""
    house = build(flow=flow)
    order = house.place()
    house.checkout(order)
    house.clock.move(age)
    spoil(house, "*", "timeout", times=None, when="after")
    assert seconds_of(house, lambda: house.click(order)) <= MINUTE
    assert seconds_of(house, lambda: house.click(order)) <= MINUTE
    assert seconds_of(house, lambda: house.place(amount_minor=5000)) <= MINUTE
    assert seconds_of(house, lambda: cancel(house, order)) <= MINUTE


@FLOWS
def test_while_the_provider_is_slow_everybody_has_an_answer_within_a_minute_and_then_can_pay(
    build: Build, flow: str
) -> None:
    """D4: a stale attempt is replaced, if not by this click then by the next one."""
    house = slow_house(build, flow)
    order = house.place()
    assert seconds_of(house, lambda: house.checkout(order)) <= MINUTE
    house.clock.move(31 * MINUTE)
    assert seconds_of(house, lambda: house.click(order)) <= MINUTE
    assert isinstance(house.click(order), Checkout)


def test_who_waited_for_another_click_has_an_answer_within_a_minute_all_the_same(mortal: Mortal) -> None:
    """D4: waiting for somebody who died and then for a silent provider is one wait."""
    house, transport, until_death = mortal
    order = house.place()
    house.checkout(order)
    house.clock.move(31 * MINUTE)
    transport.dies = "before"
    until_death(ensure_checkout(house.world, DEFAULT_MERCHANT, order.id))
    house.clock.move(15)
    spoil(house, "*", "timeout", times=None)
    assert seconds_of(house, lambda: house.click(order)) <= MINUTE


def test_of_a_sold_again_purpose_the_old_attempt_is_waited_for_and_never_a_broken_promise(house: House) -> None:
    """S6: an order that was released is history, unless something of it can still be paid."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    house.checkout(order)
    hear(house, succeeded(house, first.attempt_id, "pi_late"))
    refund = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    hear(house, event("refund.created", refund | {"payment_intent": "pi_late", "metadata": {}}, house))
    assert attempts(house, order) == [(1, "paid"), (2, "closing")]
    again = house.place(reference="again", again=True)
    spoil(house, "*", "timeout", times=None)
    assert isinstance(house.click(again), Silent)
    house.stripe.clear_faults()
    assert house.checkout(again).order_id == again.id
    assert attempts(house, order) == [(1, "paid"), (2, "closed")]


def test_a_payer_behind_the_address_of_somebody_who_guesses_links_can_pay(house: House) -> None:
    """D1: the payment link leads to the provider's page, also from an office that one of its computers guesses in."""
    site = Site(house)
    order = site.place()
    codes = [site.ask("GET", f"/pay/{number:026}", headers=PERSON).status_code for number in range(40)]
    assert (codes[0], codes[-1]) == (404, 429)
    assert site.open_link(order).status_code == 307
    assert site.ask("GET", order["status_url"]).status_code == 200
    site.close()


def test_in_a_busy_account_an_attempt_in_doubt_is_still_found_or_given_up(database_url: str) -> None:
    """X3: past the key's life we only look, through whatever number of strangers' payments."""
    house = House(database_url, flow="payment_intent")
    order = house.place()
    spoil(house, "*.create", "timeout", times=2)
    assert isinstance(house.click(order), Silent)
    make = ("POST", "/v1/payment_intents", "", [("Authorization", "Bearer sk_test_house_1234567890")])
    for _ in range(MOST_PAGES * PAGE_SIZE + 1):
        house.clock.move(17)
        assert house.stripe.handle(*make, b"amount=100&currency=usd").status == 200
    assert attempts(house, order) == [(1, "in_doubt")]
    assert isinstance(house.click(order), Checkout)
    assert attempts(house, order) == [(1, "abandoned"), (2, "open")]
    house.close()
