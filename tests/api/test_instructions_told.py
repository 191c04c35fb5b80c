"""What callers of the API are told of a payment that a payer makes by other means, and how it is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from payonce.api.v1 import described
from payonce.providers.simulator.faults import Fault, Faults
from tests.support.bazaar import Bazaar
from tests.support.house import House

COINS = {"provider": "nowpayments"}


@pytest.fixture
def bazaar(house: House) -> Iterator[Bazaar]:
    """One merchant with Stripe, ZaloPay and NOWPayments."""
    opened = Bazaar(house)
    yield opened
    opened.close()


def begin(bazaar: Bazaar, wish: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order, and the checkout that the wish led to."""
    order = bazaar.place()
    answer = bazaar.api("POST", f"/orders/{order['id']}/checkout", wish)
    assert answer.status_code == 201, answer.text
    return order, answer.json()


def test_a_checkout_tells_how_much_of_which_coin_goes_where(bazaar: Bazaar) -> None:
    order, checkout = begin(bazaar, COINS)
    [payment] = bazaar.coins.books.payments.values()
    assert checkout["instructions"] == {
        "address": payment.address, "amount": f"{payment.amount.normalize():f}", "asset": payment.coin.code,
        "network": payment.coin.network,
    }  # fmt: skip
    assert (checkout["url"], checkout["client_secret"], checkout["can_leave"]) == (None, None, True)
    assert (checkout["number"], checkout["provider"], checkout["account"]) == (1, "nowpayments", "main")
    TypeAdapter(described.Checkout).validate_python(checkout, strict=True)
    [attempt] = bazaar.attempts_of(order)
    assert (attempt["account"], attempt["can_leave"]) == ("main", True)
    assert attempt["expires_at"] == checkout["expires_at"] is not None
    assert payment.address not in str(attempt)


def test_what_can_be_cancelled_is_left_by_itself(bazaar: Bazaar) -> None:
    order, checkout = begin(bazaar, {})
    assert (checkout["provider"], checkout["instructions"], checkout["can_leave"]) == ("stripe", None, False)
    again = bazaar.api("POST", f"/orders/{order['id']}/checkout", COINS).json()
    assert (again["provider"], again["outcome"], again["number"]) == ("nowpayments", "replaced", 2)
    assert [each["state"] for each in bazaar.attempts_of(order)] == ["closed", "open"]
    assert [each["can_leave"] for each in bazaar.attempts_of(order)] == [False, True]


def test_without_consent_nothing_is_left_and_with_it_another_way_is_given(bazaar: Bazaar) -> None:
    order, first = begin(bazaar, COINS)
    kept = bazaar.api("POST", f"/orders/{order['id']}/checkout", {"provider": "stripe"})
    assert (kept.status_code, kept.json()["attempt_id"]) == (200, first["attempt_id"])
    left = bazaar.api("POST", f"/orders/{order['id']}/checkout", {"provider": "stripe", "leave_attempt": 1})
    assert (left.status_code, left.json()["provider"], left.json()["number"]) == (201, "stripe", 2)
    assert [each["state"] for each in bazaar.attempts_of(order)] == ["abandoned", "open"]
    assert bazaar.house.rows("SELECT consent_at = %s FROM attempts WHERE number = 1", bazaar.clock.now()) == [(True,)]


def test_consent_is_about_one_attempt_and_no_other(bazaar: Bazaar) -> None:
    order, first = begin(bazaar, COINS)
    answer = bazaar.api("POST", f"/orders/{order['id']}/checkout", {"provider": "stripe", "leave_attempt": 2})
    assert answer.json()["attempt_id"] == first["attempt_id"]
    assert [each["state"] for each in bazaar.attempts_of(order)] == ["open"]


def test_a_silent_provider_leaves_everything_as_it_is(bazaar: Bazaar) -> None:
    order, _ = begin(bazaar, COINS)
    faults = bazaar.coins.faults
    assert isinstance(faults, Faults)
    faults.add("*", Fault("timeout"), times=None)
    answer = bazaar.api("POST", f"/orders/{order['id']}/checkout", {"provider": "stripe", "leave_attempt": 1})
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_silent")
    assert [each["state"] for each in bazaar.attempts_of(order)] == ["open"]
    assert bazaar.house.stripe.truth.payable_now() == []


@pytest.mark.parametrize(("step_seconds", "status", "why"), [(60.0, 202, "processing"), (0.0, 409, "order_paid")])
def test_who_sent_something_cannot_leave(bazaar: Bazaar, step_seconds: float, status: int, why: str) -> None:
    bazaar.coins.settings.step_seconds = step_seconds
    order, first = begin(bazaar, COINS)
    bazaar.coins.payer.pay(first["provider_ref"])
    answer = bazaar.api("POST", f"/orders/{order['id']}/checkout", {"provider": "stripe", "leave_attempt": 1})
    told = answer.json()
    assert (answer.status_code, told.get("reason") or told["code"]) == (status, why)
    assert bazaar.house.stripe.truth.payable_now() == []


@pytest.mark.parametrize("wrong", [0, -1, "1", 1.0, True, 1_000_001])
def test_what_is_no_number_of_an_attempt_is_refused_and_changes_nothing(bazaar: Bazaar, wrong: object) -> None:
    order, _ = begin(bazaar, COINS)
    answer = bazaar.api("POST", f"/orders/{order['id']}/checkout", {"provider": "stripe", "leave_attempt": wrong})
    assert (answer.status_code, answer.json()["param"]) == (422, "leave_attempt")
    assert [each["state"] for each in bazaar.attempts_of(order)] == ["open"]


def test_the_description_has_an_example_of_instructions(bazaar: Bazaar) -> None:
    schemas = bazaar.ask("GET", "/v1/openapi.json").json()["components"]["schemas"]
    [example] = schemas["Checkout"]["examples"]
    # What is null is left out of an example.
    whole = {"client_secret": None, "url": None} | example
    TypeAdapter(described.Checkout).validate_python(whole, strict=True)
    assert example["instructions"]["address"]
    assert "leave_attempt" in schemas["NewCheckout"]["properties"]
