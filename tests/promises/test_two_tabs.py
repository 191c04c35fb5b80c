"""Two tabs that pay in the same second: on one page, and on the pages of two providers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest

from payonce.providers.simulator.wire import Refusal
from tests.promises.conftest import Build
from tests.promises.soundness import assert_agrees, assert_sound
from tests.support.bazaar import Bazaar
from tests.support.house import House
from tests.support.parties import SEATS


@pytest.fixture(params=SEATS)
def house(request: pytest.FixtureRequest, build: Build) -> House:
    """A house at each of the providers."""
    return build(seat=SEATS[request.param])


def press(house: House, name: str) -> str:
    """Press Pay in one tab; what its page says."""
    pay: Any = house.party.payer.pay
    try:
        return str(pay(name))
    except Refusal as refusal:
        return f"refused: {refusal.message}"


def test_two_tabs_of_one_page_that_pay_in_the_same_second_are_one_charge(house: House) -> None:
    """E17: several tabs are harmless: they lead to one object, and its provider takes one of the two."""
    order = house.place(amount_minor=4500)
    with ThreadPoolExecutor(2) as tabs:
        names = [house.checkout(order).provider_ref or "" for _ in range(2)]
        told = list(tabs.map(lambda name: press(house, name), names))
    assert names[0] == names[1] and sum(each.startswith("refused") for each in told) == 1, told
    for hook in house.owed_webhooks():
        house.deliver([hook, hook])
    house.retry()
    seen = house.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("paid", 1, 1)
    assert_agrees(house)


@pytest.fixture
def bazaar(build: Build) -> Iterator[Bazaar]:
    """One merchant with Stripe and NOWPayments."""
    opened = Bazaar(build())
    yield opened
    opened.close()


@pytest.mark.parametrize("heard", list(permutations(["stripe", "nowpayments"])), ids=" then ".join)
def test_two_tabs_with_two_providers_that_pay_in_the_same_second_are_one_settlement(
    bazaar: Bazaar, heard: tuple[str, str]
) -> None:
    """X6: coins that were left can come beside a card; one pays the order, the other is held or goes back, ledger zero.

    The coins were left by express word, so their money waits until the card's page is proven dead or paid.
    """
    order = bazaar.place()
    bazaar.press(order, "way=nowpayments%2Fmain")
    coins = bazaar.attempts_of(order)[-1]["provider_ref"]
    bazaar.press(order, "way=stripe%2Fmain&leave=1")
    card = bazaar.attempts_of(order)[-1]["provider_ref"]
    payers: dict[str, Any] = {name: bazaar.parties[name].payer for name in heard}
    assert payers["nowpayments"].pay(coins) != "refused" and payers["stripe"].pay(card) != "refused"
    for name in heard:
        _hear(bazaar, name)
    _work(bazaar)
    seen = bazaar.see(order)
    assert (seen["state"], seen["counters"]["charged"], seen["counters"]["recorded"]) == ("paid", 2, 1)
    # Whichever pays the order: the other payment is surplus, on its way back where its provider can do that.
    held = bazaar.house.rows("SELECT provider, captured_minor - allocated_minor FROM captures ORDER BY provider")
    assert sorted(left for _, left in held) == [0, 4500]
    [surplus] = [provider for provider, left in held if left]
    found = bazaar.house.rows("SELECT kind FROM findings WHERE state <> 'resolved'")
    refunds = bazaar.house.rows("SELECT state FROM refunds")
    assert (found, refunds) == (([("second_charge",)], []) if surplus == "nowpayments" else ([], [("succeeded",)]))
    assert bazaar.house.rows("SELECT sum(amount_minor)::bigint FROM postings") == [(0,)]
    assert bazaar.house.rows("SELECT count(*) FROM effects WHERE kind = 'invite'") == [(1,)]
    assert_sound(bazaar.house)


def _hear(bazaar: Bazaar, provider: str) -> None:
    """Let one provider tell, and let the worker read what must be read."""
    others = {name: party for name, party in bazaar.parties.items() if name != provider}
    bazaar.parties = {provider: bazaar.parties[provider]}
    bazaar.hear()
    bazaar.parties |= others


def _work(bazaar: Bazaar) -> None:
    """Let an hour pass in which every job runs."""
    for _ in range(6):
        bazaar.clock.move(601)
        bazaar.hear()
        bazaar.house.resolve()
        bazaar.house.send_refunds()
