"""A payer chooses another way to pay: what can be cancelled is replaced, what cannot is left by express word only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from payonce.providers.simulator.faults import Fault, Faults
from tests.support.bazaar import Bazaar
from tests.support.house import House
from tests.support.site import PERSON, Site, order_body

TO_STRIPE = "way=stripe%2Fmain"
TO_COINS = "way=nowpayments%2Fmain"


@pytest.fixture
def bazaar(house: House) -> Iterator[Bazaar]:
    """One merchant with Stripe, ZaloPay and NOWPayments."""
    opened = Bazaar(house)
    yield opened
    opened.close()


@pytest.fixture
def begun(bazaar: Bazaar) -> dict[str, Any]:
    """An order whose payer was given an address."""
    order = bazaar.place()
    assert bazaar.press(order, TO_COINS).status_code == 303
    return order


def look(bazaar: Site, order: dict[str, Any]) -> str:
    """The status as a person sees it."""
    return bazaar.ask("GET", order["status_url"], headers=PERSON).text


def states(bazaar: Bazaar, order: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["provider"], each["state"]) for each in bazaar.attempts_of(order)]


def test_only_ways_that_take_the_money_are_offered(bazaar: Bazaar) -> None:
    dollars, dong = bazaar.place(), bazaar.place("fee:28", currency="VND", amount_minor=90_000)
    assert 'value="nowpayments/main">NOWPayments (coins)<' in look(bazaar, dollars)
    assert "ZaloPay" not in look(bazaar, dollars).replace("Simulated NOWPayments, Stripe and ZaloPay", "")
    assert 'value="zalopay/main">ZaloPay<' in look(bazaar, dong)
    # The first way is what Pay leads to.
    assert 'value="stripe/main"' not in look(bazaar, dollars)


def test_where_there_is_one_way_nothing_is_offered(site: Site) -> None:
    page = site.ask("GET", site.place()["status_url"], headers=PERSON).text
    assert "Pay another way" not in page and ">Pay<" in page


def test_what_can_be_cancelled_is_replaced_by_choosing(bazaar: Bazaar) -> None:
    order = bazaar.place()
    bazaar.open_link(order)
    assert "I have not sent anything" not in look(bazaar, order)
    led = bazaar.press(order, TO_COINS)
    assert led.status_code == 303
    assert states(bazaar, order) == [("stripe", "closed"), ("nowpayments", "open")]
    assert bazaar.house.stripe.truth.payable_now() == []


def test_without_consent_nothing_is_left(bazaar: Bazaar, begun: dict[str, Any]) -> None:
    assert "I have not sent anything" in look(bazaar, begun)
    refused = bazaar.press(begun, TO_STRIPE)
    assert refused.status_code == 409
    assert "Nothing was changed" in refused.text and "tick that box" in refused.text
    assert f'href="/status/{begun["status_url"].rpartition("/")[2]}"' in refused.text
    program = bazaar.press(begun, TO_STRIPE, Accept="application/json")
    assert (program.json()["code"], program.json()["attempt"]) == ("not_left", 1)
    assert states(bazaar, begun) == [("nowpayments", "open")]
    assert bazaar.house.stripe.truth.payable_now() == []


def test_with_consent_the_payer_is_led_to_the_other_way(bazaar: Bazaar, begun: dict[str, Any]) -> None:
    led = bazaar.press(begun, f"{TO_STRIPE}&leave=1")
    assert led.status_code == 303
    [payable] = bazaar.house.stripe.truth.payable_now()
    assert payable.id in led.headers["location"]
    assert states(bazaar, begun) == [("nowpayments", "abandoned"), ("stripe", "open")]
    # Sent again, by a second click: the same page.
    assert bazaar.press(begun, f"{TO_STRIPE}&leave=1").headers["location"] == led.headers["location"]


def test_a_silent_provider_is_told_as_nothing_changed(bazaar: Bazaar, begun: dict[str, Any]) -> None:
    faults = bazaar.coins.faults
    assert isinstance(faults, Faults)
    faults.add("*", Fault("timeout"), times=None)
    kept = bazaar.press(begun, f"{TO_STRIPE}&leave=1")
    assert kept.status_code == 503 and int(kept.headers["retry-after"]) > 0
    assert "Nothing was changed" in kept.text and "whether something was sent" in kept.text
    assert states(bazaar, begun) == [("nowpayments", "open")]


def test_who_left_and_meets_silence_elsewhere_is_not_told_that_nothing_changed(
    bazaar: Bazaar, begun: dict[str, Any]
) -> None:
    faults = bazaar.house.stripe.faults
    assert isinstance(faults, Faults)
    faults.add("*", Fault("timeout"), times=None)
    answer = bazaar.press(begun, f"{TO_STRIPE}&leave=1")
    assert (answer.status_code, "Nothing was changed" in answer.text) == (503, False)
    assert states(bazaar, begun)[0] == ("nowpayments", "abandoned")


def test_who_sent_something_is_told_that_it_is_on_its_way(bazaar: Bazaar, begun: dict[str, Any]) -> None:
    bazaar.coins.settings.step_seconds = 600.0
    bazaar.coins.payer.pay(bazaar.attempts_of(begun)[-1]["provider_ref"])
    answer = bazaar.press(begun, f"{TO_STRIPE}&leave=1")
    assert answer.status_code == 202
    assert bazaar.house.stripe.truth.payable_now() == []
    assert "Pay another way" not in answer.text


def test_a_choice_is_not_offered_for_what_is_paid_or_closed(bazaar: Bazaar, begun: dict[str, Any]) -> None:
    bazaar.pay_last(begun)
    assert bazaar.see(begun)["state"] == "paid"
    cancelled = bazaar.place("fee:29")
    bazaar.api("POST", f"/orders/{cancelled['id']}/cancel")
    for order in (begun, cancelled):
        bazaar.clock.move(5)
        assert "Pay another way" not in look(bazaar, order)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("way=nobody%2Fmain", "way_unknown"),
        ("way=stripe", "way_unknown"),
        ("way=stripe%2Fother", "way_unknown"),
        ("way=stripe%2Fmain%2Fpayment_intent", "way_unknown"),
        ("leave=1", "way_unknown"),
        (f"{TO_STRIPE}&leave=yes", "leave_invalid"),
        (f"{TO_STRIPE}&leave=0", "leave_invalid"),
        (f"{TO_STRIPE}&leave=-1", "leave_invalid"),
        (f"{TO_STRIPE}&leave=%D9%A1", "leave_invalid"),
        ("&".join(f"f{number}=1" for number in range(30)), "form_invalid"),
    ],
)
def test_what_no_page_offers_is_refused_and_changes_nothing(
    bazaar: Bazaar, begun: dict[str, Any], fields: str, code: str
) -> None:
    answer = bazaar.press(begun, fields, Accept="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert states(bazaar, begun) == [("nowpayments", "open")]


def test_a_consent_to_an_older_attempt_leaves_nothing(bazaar: Bazaar, begun: dict[str, Any]) -> None:
    bazaar.press(begun, f"{TO_STRIPE}&leave=1")
    bazaar.press(begun, TO_COINS)
    assert bazaar.press(begun, f"{TO_STRIPE}&leave=1").status_code == 409
    assert states(bazaar, begun)[-1] == ("nowpayments", "open")


def closed_for_good(bazaar: Bazaar, begun: dict[str, Any]) -> dict[str, Any]:
    """The order, cancelled by its merchant while its payer still has an address."""
    cancelled: dict[str, Any] = bazaar.api("POST", f"/orders/{begun['id']}/cancel").json()
    assert cancelled["state"] == "closed" and states(bazaar, begun) == [("nowpayments", "open")]
    return cancelled


def test_the_payer_of_a_cancelled_order_says_that_nothing_was_sent_and_its_purpose_is_free(
    bazaar: Bazaar, begun: dict[str, Any]
) -> None:
    """L6: what cannot be cancelled holds a purpose no longer than until its payer says so, on a page of ours."""
    closed_for_good(bazaar, begun)
    held = bazaar.api("POST", "/orders", order_body(reference="other", amount_minor=9900))
    assert (held.status_code, held.json()["code"], held.json()["attempt"]) == (409, "purpose_held", 1)
    assert "status page" in held.json()["next_action"] + str(held.json())
    for page in (look(bazaar, begun), bazaar.open_link(begun).text):
        assert "I have not sent anything" in page and "Pay another way" not in page
    noted = bazaar.press(begun, "leave=1")
    assert (noted.status_code, "This is noted" in noted.text) == (200, True)
    assert states(bazaar, begun) == [("nowpayments", "abandoned")]
    gone = bazaar.open_link(begun)
    assert gone.status_code == 410 and "This can no longer be paid" in gone.text
    assert bazaar.api("POST", "/orders", order_body(reference="other", amount_minor=9900)).status_code == 201
    # Said by a second click, it changes nothing and starts nothing of the newer order; the page offers it no more.
    assert "This is noted" in bazaar.press(begun, "leave=1").text
    assert bazaar.attempts() == 1
    bazaar.clock.move(60)
    assert "I have not sent anything" not in look(bazaar, begun)


def test_who_sent_something_for_a_cancelled_order_leaves_nothing_by_saying_otherwise(
    bazaar: Bazaar, begun: dict[str, Any]
) -> None:
    """X7: the provider is asked first; a payment that is on its way stays watched, whatever was said."""
    closed_for_good(bazaar, begun)
    bazaar.coins.settings.step_seconds = 600.0
    bazaar.coins.payer.pay(bazaar.attempts_of(begun)[-1]["provider_ref"])
    bazaar.press(begun, "leave=1")
    assert states(bazaar, begun) == [("nowpayments", "pending")]
    held = bazaar.api("POST", "/orders", order_body(reference="other", amount_minor=9900))
    assert held.json().get("state", held.json().get("code")) in ("waiting", "purpose_held")


def test_a_silent_provider_leaves_a_cancelled_order_as_it_is(bazaar: Bazaar, begun: dict[str, Any]) -> None:
    """X7: without a read nothing is abandoned."""
    closed_for_good(bazaar, begun)
    faults = bazaar.coins.faults
    assert isinstance(faults, Faults)
    faults.add("*", Fault("timeout"), times=None)
    kept = bazaar.press(begun, "leave=1")
    assert kept.status_code == 503 and "Nothing was changed" in kept.text
    assert states(bazaar, begun) == [("nowpayments", "open")]


def test_a_checkout_that_asks_for_another_provider_says_why_it_gets_what_was_begun(
    bazaar: Bazaar, begun: dict[str, Any]
) -> None:
    """X7: the old payment is handed out again, with a word about what to do; asked for as it is, without one."""
    asked = bazaar.api("POST", f"/orders/{begun['id']}/checkout", {"provider": "stripe"}).json()
    assert (asked["provider"], asked["reused"], asked["can_leave"]) == ("nowpayments", True, True)
    assert "leave_attempt: 1" in asked["hint"] and "cannot cancel" in asked["hint"]
    assert bazaar.api("POST", f"/orders/{begun['id']}/checkout", {}).json()["hint"] is None
    led = bazaar.api("POST", f"/orders/{begun['id']}/checkout", {"provider": "stripe", "leave_attempt": 1}).json()
    assert (led["provider"], led["hint"]) == ("stripe", None)
