"""Orders over REST."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payonce.usecases.api_keys import create_key
from tests.api.conftest import OpenSite
from tests.support.site import KEY, Site, order_body

REFUSED_BODIES: list[tuple[dict[str, Any], str]] = [
    ({"amount_minor": True}, "amount_minor"),
    ({"amount_minor": 45.0}, "amount_minor"),
    ({"amount_minor": "4500"}, "amount_minor"),
    ({"amount_minor": None}, "amount_minor"),
    ({"amount_minor": -1}, "amount_minor"),
    ({"amount_minor": 10**16}, "amount_minor"),
    ({"currency": "DOLLARS"}, "currency"),
    ({"currency": "ZZZ"}, "currency"),
    ({"currency": 840}, "currency"),
    ({"payer": "player-27"}, "payer"),
    ({"payer": {}}, "payer.reference"),
    ({"payer": {"reference": "p", "email": "nobody"}}, "payer.email"),
    ({"payer": {"reference": "p", "email": "a@b.example\r\nBcc: x@y.example"}}, "payer.email"),
    ({"success_url": "javascript:alert(1)"}, "success_url"),
    ({"success_url": "/thanks"}, "success_url"),
    ({"cancel_url": "ftp://shop.example/"}, "cancel_url"),
    ({"cancel_url": "https://user:pass@shop.example/"}, "cancel_url"),
    ({"cancel_url": "https://shop.example/a b"}, "cancel_url"),
    ({"reference": ""}, "reference"),
    ({"reference": "x" * 201}, "reference"),
    ({"purpose": "two\nlines"}, "purpose"),
    ({"metadata": {"nested": {"a": 1}}}, "metadata.nested.str"),
    ({"metadata": {"price": 1.5}}, "metadata.price.str"),
    ({"metadata": {str(number): "" for number in range(51)}}, "metadata"),
    ({"amount": 4500}, "amount"),
]


def test_an_order_is_placed_with_all_that_an_application_needs(site: Site) -> None:
    """B17: amounts are integers in minor units with an ISO 4217 currency."""
    answer = site.api("POST", "/orders", order_body(currency="usd", metadata={"team": "U12", "size": 7, "new": True}))
    assert answer.status_code == 201
    order = answer.json()
    token = order["pay_url"].removeprefix("http://pay.test/pay/")
    assert (order["object"], order["state"], order["payment"], order["existing"]) == ("order", "open", "none", False)
    assert (order["amount_minor"], order["currency"]) == (4500, "USD")
    assert order["status_url"] == f"http://pay.test/status/{token}"
    assert order["counters"] == {"charged": 0, "recorded": 0, "fulfilled": 0}
    assert order["metadata"] == {"team": "U12", "size": 7, "new": True}
    assert order["created_at"] == "2026-11-20T12:00:00.000Z"
    assert order["id"].startswith("ord_") and len(token) == 26


def test_the_same_values_again_give_the_existing_order(site: Site) -> None:
    first = site.api("POST", "/orders", order_body())
    again = site.api("POST", "/orders", order_body(reference="another"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["existing"] is True
    assert again.json()["id"] == first.json()["id"]


def test_a_purpose_is_required_and_never_made_up(site: Site) -> None:
    """C12: the purpose is required and never defaulted from the reference."""
    body = order_body()
    del body["purpose"]
    answer = site.api("POST", "/orders", body)
    assert (answer.status_code, answer.json()["param"]) == (422, "purpose")
    assert site.api("GET", "/orders").json()["data"] == []


@pytest.mark.parametrize(("change", "param"), REFUSED_BODIES)
def test_what_is_no_order_is_refused_and_nothing_is_guessed(site: Site, change: dict[str, Any], param: str) -> None:
    """B17: an amount is a whole number and nothing else."""
    answer = site.api("POST", "/orders", order_body() | change)
    assert (answer.status_code, answer.json()["param"]) == (422, param), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert site.house.rows("SELECT count(*) FROM orders") == [(0,)]


@pytest.mark.parametrize("number", ["4.5e3", "1E3", "4500.00"])
def test_a_number_with_a_fraction_or_an_exponent_is_no_amount(site: Site, number: str) -> None:
    """B17: nothing is rounded."""
    text = json.dumps(order_body()).replace("4500", number)
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k", "Content-Type": "application/json"}
    assert site.ask("POST", "/v1/orders", content=text, headers=headers).status_code == 422


def test_less_than_any_provider_takes_is_refused(site: Site) -> None:
    answer = site.api("POST", "/orders", order_body(amount_minor=10))
    assert (answer.status_code, answer.json()["code"]) == (422, "amount_not_payable")
    assert "0.50 USD" in answer.json()["reasons"]["stripe"]


def test_an_amount_of_zero_is_paid_without_anybody_paying(site: Site) -> None:
    """D16: settled without a provider, and never asks anyone to pay."""
    order = site.place(amount_minor=0)
    assert (order["state"], order["counters"]["charged"]) == ("paid", 0)
    assert site.open_link(order).status_code == 409
    assert site.attempts() == 0


def test_a_checkout_is_made_once_and_handed_out_again(site: Site) -> None:
    """B4: one live provider payment per order, handed out again while it can be paid."""
    order = site.place()
    first = site.api("POST", f"/orders/{order['id']}/checkout", {})
    again = site.api("POST", f"/orders/{order['id']}/checkout")
    assert (first.status_code, again.status_code) == (201, 200)
    checkout = first.json()
    assert (checkout["flow"], checkout["reused"], checkout["client_secret"]) == ("checkout_session", False, None)
    assert checkout["expires_at"] == "2026-11-20T12:35:00.000Z"
    assert checkout["attempt_id"].startswith("att_")
    assert again.json() == checkout | {"reused": True, "outcome": "reused"}


def test_a_payment_intent_answers_its_secret(open_site: OpenSite) -> None:
    site = open_site({"flow": "payment_intent"})
    checkout = site.api("POST", f"/orders/{site.place()['id']}/checkout").json()
    assert checkout["url"] is None
    assert checkout["client_secret"].startswith(checkout["provider_ref"] + "_secret_")


def test_a_paid_order_refuses_another_checkout_and_says_when_and_how(site: Site) -> None:
    """D6: 409 with when and how it was paid."""
    order = site.place()
    site.open_link(order)
    site.pay(order)
    site.deliver()
    answer = site.api("POST", f"/orders/{order['id']}/checkout")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["next_action"]) == (409, "order_paid", "show_receipt")
    assert (problem["paid_at"], problem["paid_by"], problem["refunded"]) == (
        "2026-11-20T12:00:00.000Z", "stripe", False,
    )  # fmt: skip
    assert site.api("POST", "/orders", order_body()).json()["code"] == "order_paid"


@pytest.mark.parametrize(("wish", "code"), [({"provider": "nobody"}, "provider_unknown")])
def test_a_checkout_of_what_is_not_configured_is_refused(site: Site, wish: dict[str, str], code: str) -> None:
    answer = site.api("POST", f"/orders/{site.place()['id']}/checkout", wish)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert site.attempts() == 0


def test_an_order_is_cancelled_at_the_provider_first(site: Site) -> None:
    order = site.place()
    site.open_link(order)
    cancelled = site.api("POST", f"/orders/{order['id']}/cancel", {})
    assert (cancelled.status_code, cancelled.json()["state"], cancelled.json()["closed_reason"]) == (
        200, "closed", "cancelled",
    )  # fmt: skip
    assert site.house.stripe.truth.payable_now() == []
    gone = site.api("POST", f"/orders/{order['id']}/checkout")
    assert (gone.status_code, gone.json()["code"], gone.json()["reason"]) == (410, "order_gone", "cancelled")


def test_a_refresh_asks_the_provider_and_gives_the_order(site: Site) -> None:
    order = site.place()
    site.open_link(order)
    site.pay(order)
    site.clock.move(5)
    refreshed = site.api("POST", f"/orders/{order['id']}/refresh")
    assert (refreshed.status_code, refreshed.json()["state"]) == (200, "paid")


def test_more_of_an_order_is_shown_on_request(site: Site) -> None:
    order = site.place()
    site.open_link(order)
    assert "attempts" not in site.see(order)
    [attempt] = site.api("GET", f"/orders/{order['id']}?expand[]=attempts").json()["attempts"]
    assert (attempt["number"], attempt["state"], attempt["provider"]) == (1, "open", "stripe")
    assert "client_secret" not in str(attempt)
    assert site.api("GET", f"/orders/{order['id']}?expand[]=secrets").json()["code"] == "expand_unknown"


def test_orders_are_paged_in_both_directions(site: Site) -> None:
    placed = [site.place(f"fee:{number}")["id"] for number in range(5)][::-1]

    def page(query: str) -> tuple[list[str], bool]:
        answer = site.api("GET", f"/orders?{query}").json()
        return [order["id"] for order in answer["data"]], answer["has_more"]

    assert page("limit=2") == (placed[:2], True)
    assert page(f"limit=2&starting_after={placed[1]}") == (placed[2:4], True)
    assert page(f"limit=2&starting_after={placed[3]}") == (placed[4:], False)
    assert page(f"limit=2&ending_before={placed[4]}") == (placed[2:4], True)
    assert page(f"limit=2&ending_before={placed[2]}") == (placed[:2], False)
    assert page("state=paid") == ([], False)
    assert page("payer=player-27") == (placed, False)
    assert page("payer=somebody") == ([], False)


@pytest.mark.parametrize(
    ("query", "status"),
    [("limit=0", 422), ("limit=101", 422), ("limit=x", 422), ("starting_after=ord_x", 404), ("payer=%00", 422),
     ("state=lost", 422), ("starting_after=a&ending_before=b", 422)],
)  # fmt: skip
def test_a_page_that_cannot_be_is_refused(site: Site, query: str, status: int) -> None:
    answer = site.api("GET", f"/orders?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_merchant_of_another_name_has_links_of_its_own(site: Site) -> None:
    key = site.house.run(create_key(site.house.world, "shop_2", "till", ("orders:write", "orders:read")))
    placed = site.api("POST", "/orders", order_body(), api_key=key).json()
    assert placed["pay_url"].endswith("-shop_2")
    assert site.ask("GET", placed["status_url"]).json()["id"] == placed["id"]
