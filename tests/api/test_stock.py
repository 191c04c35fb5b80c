"""Stock over REST, and orders that take from it."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.usecases.api_keys import create_key
from tests.support.site import Site, order_body

SEAT: dict[str, Any] = {"items": [{"sku": "seat", "quantity": 1}]}


def put(site: Site, on_hand: int, sku: str = "seat", **more: Any) -> Any:
    """Say how many there are."""
    return site.api("PUT", f"/stock/{sku}", {"on_hand": on_hand} | more)


def test_what_there_is_is_said_and_shown(site: Site) -> None:
    answer = put(site, 3, reason="delivered")
    expected = {
        "object": "stock_item", "sku": "seat", "on_hand": 3, "free": 3, "held": 0, "sold": 0,
        "changed_at": "2026-11-20T12:00:00.000Z",
    }  # fmt: skip
    assert (answer.status_code, answer.json()) == (200, expected)
    assert site.api("GET", "/stock/seat").json() == expected
    assert site.house.rows("SELECT actor, source, target, cause FROM audit WHERE subject = 'stock'") == [
        ("api:first", "0", "3", "seat: delivered")
    ]


def test_stock_is_listed_by_sku_and_paged(site: Site) -> None:
    for sku in ("b", "a", "c", "GTIN-4006381333931", "đèn"):
        put(site, 1, sku)
    listed: list[str] = []
    after = ""
    while True:
        page = site.api("GET", f"/stock?limit=2{after}").json()
        listed += [item["sku"] for item in page["data"]]
        if not page["has_more"]:
            break
        after = f"&starting_after={listed[-1]}"
    assert sorted(listed) == sorted(["a", "b", "c", "GTIN-4006381333931", "đèn"])
    assert len(listed) == 5


def test_an_order_takes_from_stock_and_shows_what_it_has(site: Site) -> None:
    """C13: held with the order, and sold once it is paid."""
    put(site, 2)
    order = site.place(**SEAT)
    assert order["items"] == [{"sku": "seat", "quantity": 1, "state": "held"}]
    site.api("POST", f"/orders/{order['id']}/checkout")
    site.pay(order)
    site.deliver()
    assert site.see(order)["items"] == [{"sku": "seat", "quantity": 1, "state": "sold"}]
    seen = site.api("GET", "/stock/seat").json()
    assert (seen["free"], seen["held"], seen["sold"]) == (1, 0, 1)


def test_what_is_sold_out_is_409_where_it_is_placed_and_410_where_it_expired(site: Site) -> None:
    """D2: 409 is for what is not to be had now, 410 for a link to what is gone."""
    put(site, 1)
    old = site.place(**SEAT)
    site.house.clock.move(25 * 3600)
    site.house.close_old()
    site.place("another", **SEAT)
    answer = site.api("POST", "/orders", order_body("third", **SEAT))
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["param"], problem["next_action"], problem["skus"]) == (
        409, "sold_out", "items", "ask_for_less_or_later", ["seat"],
    )  # fmt: skip
    answer = site.api("POST", f"/orders/{old['id']}/checkout")
    assert (answer.status_code, answer.json()["code"]) == (410, "sold_out")
    assert site.open_link(old).status_code == 410
    assert len(site.api("GET", "/orders").json()["data"]) == 2


@pytest.mark.parametrize(
    ("items", "code", "param"),
    [
        ([{"sku": "none", "quantity": 1}], "stock_unknown", "items"),
        ([{"sku": "seat", "quantity": 1}] * 2, "items_invalid", "items"),
        ([{"sku": "a b", "quantity": 1}], "sku_invalid", "items.0.sku"),
        ([{"sku": "seat", "quantity": 0}], "request_invalid", "items.0.quantity"),
        ([{"sku": "seat", "quantity": "1"}], "request_invalid", "items.0.quantity"),
        ([{"sku": "seat", "quantity": 1, "price": 1}], "request_invalid", "items.0.price"),
        ([{"sku": "seat", "quantity": 1}] * 101, "request_invalid", "items"),
    ],
)
def test_items_that_cannot_be_are_refused_and_nothing_is_placed(site: Site, items: Any, code: str, param: str) -> None:
    put(site, 5)
    answer = site.api("POST", "/orders", order_body(items=items))
    assert (answer.status_code, answer.json()["code"], answer.json()["param"]) == (422, code, param)
    assert site.api("GET", "/orders").json()["data"] == []


@pytest.mark.parametrize(
    ("sku", "body", "status", "code"),
    [
        ("seat", {"on_hand": 0}, 409, "stock_in_use"),
        ("seat", {"on_hand": -1}, 422, "request_invalid"),
        ("seat", {"on_hand": 1.0}, 422, "request_invalid"),
        ("seat", {"on_hand": 10**10}, 422, "request_invalid"),
        ("seat", {}, 422, "request_invalid"),
        ("seat", {"on_hand": 1, "free": 1}, 422, "request_invalid"),
        ("a%20b", {"on_hand": 1}, 422, "sku_invalid"),
        ("x" * 101, {"on_hand": 1}, 422, "request_invalid"),
    ],
)
def test_numbers_that_cannot_be_change_nothing(
    site: Site, sku: str, body: dict[str, Any], status: int, code: str
) -> None:
    put(site, 3)
    site.place(**SEAT)
    before = site.api("GET", "/stock").json()
    answer = site.api("PUT", f"/stock/{sku}", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert site.api("GET", "/stock").json() == before


def test_an_item_that_nobody_counts_is_404(site: Site) -> None:
    answer = site.api("GET", "/stock/none")
    assert (answer.status_code, answer.json()["code"]) == (404, "stock_unknown")


def test_with_a_key_a_number_is_said_once_whoever_changed_it_since(site: Site) -> None:
    """B1: a repeated request is answered with the first answer and does nothing again."""
    first = site.api("PUT", "/stock/seat", {"on_hand": 3}, Idempotency_Key="said")
    put(site, 7)
    again = site.api("PUT", "/stock/seat", {"on_hand": 3}, Idempotency_Key="said")
    assert (again.headers["idempotent-replayed"], again.content) == ("true", first.content)
    assert site.api("GET", "/stock/seat").json()["on_hand"] == 7
    other = site.api("PUT", "/stock/seat", {"on_hand": 4}, Idempotency_Key="said")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_goods_come_back_by_a_persons_word_once(site: Site) -> None:
    """C13: money that goes back returns no goods by itself."""
    put(site, 1)
    order = site.place(amount_minor=0, **SEAT)
    body = {"reason": "came by post"}
    missing = site.api("POST", f"/orders/{order['id']}/restock", {})
    assert (missing.status_code, missing.json()["param"]) == (422, "reason")
    for _ in range(2):
        answer = site.api("POST", f"/orders/{order['id']}/restock", body)
        assert (answer.status_code, answer.json()["items"][0]["state"]) == (200, "returned")
        assert site.api("GET", "/stock/seat").json()["free"] == 1
    other = site.api("POST", f"/orders/{order['id']}/restock", body | {"skus": ["meal"]})
    assert (other.status_code, other.json()["code"]) == (409, "nothing_to_restock")


def test_a_shop_may_look_at_stock_and_only_an_operator_says_how_much_there_is(site: Site) -> None:
    """B16: a key does what its scopes say."""
    put(site, 1)
    key = site.run(create_key(site.house.world, "default", "shop", ("orders:write", "orders:read")))
    assert site.api("GET", "/stock/seat", api_key=key).status_code == 200
    answer = site.api("PUT", "/stock/seat", {"on_hand": 9}, api_key=key)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_another_merchants_stock_is_another_one(site: Site) -> None:
    put(site, 5)
    key = site.run(create_key(site.house.world, "other", "theirs", ("orders:write", "orders:read", "operate")))
    assert site.api("GET", "/stock/seat", api_key=key).status_code == 404
    assert site.api("GET", "/stock", api_key=key).json()["data"] == []
    assert site.api("PUT", "/stock/seat", {"on_hand": 1}, api_key=key).json()["on_hand"] == 1
    assert site.api("GET", "/stock/seat").json()["on_hand"] == 5
