"""API keys: who may do what, with whose money."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.api.settings import ApiSettings
from payonce.base.errors import Conflict, Refused
from payonce.usecases.api_keys import SCOPES, create_key, list_keys, revoke_keys
from payonce.usecases.note_trouble import note_trouble
from tests.support.site import Site, order_body

# Every route of the API, with what it takes and the scope that it asks for.
ROUTES: list[tuple[str, str, Any, str]] = [
    ("POST", "/orders", order_body("fee:other"), "orders:write"),
    ("GET", "/orders", None, "orders:read"),
    ("GET", "/orders/{order}", None, "orders:read"),
    ("GET", "/orders/{order}/status", None, "orders:read"),
    ("POST", "/orders/{order}/checkout", {}, "orders:write"),
    ("POST", "/orders/{order}/refresh", {}, "orders:write"),
    ("POST", "/orders/{order}/cancel", {}, "orders:write"),
    ("GET", "/events", None, "inspect"),
    ("POST", "/events/{event}/replay", {}, "operate"),
    ("GET", "/effects", None, "inspect"),
    ("POST", "/effects/{effect}/retry", {"reason": "mended"}, "operate"),
    ("POST", "/effects/{effect}/skip", {"reason": "by hand", "done": True}, "operate"),
    ("GET", "/findings", None, "inspect"),
    ("GET", "/finding-kinds", None, "inspect"),
    ("GET", "/findings/{finding}", None, "inspect"),
    ("POST", "/findings/{finding}/acknowledge", {}, "operate"),
    ("POST", "/findings/{finding}/assign", {"owner": "linh"}, "operate"),
    ("POST", "/findings/{finding}/ignore", {"reason": "this week", "more": 5}, "operate"),
    ("POST", "/findings/{finding}/resolve", {"reason": "mended"}, "operate"),
    ("GET", "/alerts", None, "inspect"),
    ("GET", "/alerts/routes", None, "inspect"),
    ("POST", "/alerts/test", None, "operate"),
    ("GET", "/silences", None, "inspect"),
    ("POST", "/silences", {"kind": "webhook_lag", "lasts_seconds": 3600, "reason": "known"}, "operate"),
    ("POST", "/silences/{silence}/end", {"reason": "mended"}, "operate"),
    ("GET", "/reconciliations", None, "inspect"),
    ("GET", "/reconciliations/{day}", None, "inspect"),
    ("POST", "/orders/{order}/accept", {"reason": "the payer asked"}, "operate"),
    ("POST", "/orders/{order}/restock", {"reason": "it came back"}, "operate"),
    ("POST", "/orders/{order}/refunds", {"reason": "broken", "amount_minor": 100}, "orders:write"),
    ("GET", "/refunds", None, "orders:read"),
    ("GET", "/refunds/plan", None, "orders:read"),
    ("POST", "/refunds/plan/apply", {"plan": "pln_00000000000000000000000000"}, "operate"),
    ("GET", "/refunds/{refund}", None, "orders:read"),
    ("POST", "/refunds/{refund}/cancel", {"reason": "not needed"}, "operate"),
    ("POST", "/refunds/{refund}/resolve", {"outcome": "done", "reason": "seen there"}, "operate"),
    ("GET", "/stock", None, "orders:read"),
    ("GET", "/stock/{sku}", None, "orders:read"),
    ("PUT", "/stock/{sku}", {"on_hand": 5}, "operate"),
    ("GET", "/payouts", None, "inspect"),
    ("GET", "/payees/{payee}", None, "inspect"),
    ("GET", "/jobs", None, "jobs"),
    ("GET", "/jobs/{name}", None, "jobs"),
    ("PUT", "/jobs/{name}", {"every_seconds": 300, "reason": "a bad day"}, "jobs"),
    ("GET", "/jobs/{name}/runs", None, "jobs"),
    ("GET", "/runs/{run}", None, "jobs"),
    ("GET", "/switches", None, "jobs"),
    ("PUT", "/switches/{name}", {"off": True, "reason": "INC-4"}, "jobs"),
]


def make_key(site: Site, *scopes: str, merchant: str = "default", name: str = "till") -> str:
    key: str = site.house.run(create_key(site.house.world, merchant, name, scopes))
    return key


def paid_order(site: Site) -> dict[str, str]:
    """Ids of a paid order and of what belongs to it."""
    order = site.place()
    site.open_link(order)
    site.pay(order)
    site.deliver()
    event = site.api("GET", "/events").json()["data"][0]["id"]
    effect = site.api("GET", "/effects").json()["data"][0]["id"]
    site.api("PUT", "/stock/ball", {"on_hand": 3})
    asked = site.api("POST", f"/orders/{order['id']}/refunds", {"reason": "broken", "amount_minor": 100})
    refund = asked.json()["data"][0]["id"]
    trouble = Conflict("somebody was faster", code="test")
    site.house.run(note_trouble(site.house.world, "default", site.house.world.ids.new(), "close", trouble))
    finding = site.api("GET", "/findings").json()["data"][0]["id"]
    quiet = {"kind": "webhook_lag", "lasts_seconds": 3600, "reason": "known"}
    silence = site.api("POST", "/silences", quiet).json()["id"]
    return {
        "order": order["id"], "event": event, "effect": effect, "payee": "coach", "refund": refund, "sku": "ball",
        "name": "close", "run": "run_00000000000000000000000000", "finding": finding, "silence": silence,
        "day": "2026-11-20",
    }  # fmt: skip


def test_the_matrix_names_every_route(site: Site) -> None:
    described = {
        (method.upper(), path.replace("_id}", "}"))
        for path, methods in site.ask("GET", "/v1/openapi.json").json()["paths"].items()
        for method in methods
    }
    assert described == {(method, path) for method, path, _, _ in ROUTES}


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES)
def test_a_route_asks_for_its_scope_and_no_other(site: Site, method: str, path: str, body: Any, scope: str) -> None:
    ids = paid_order(site)
    without = make_key(site, *(each for each in SCOPES if each != scope), name="all but one")
    refused = site.api(method, path.format(**ids), body, api_key=without)
    assert (refused.status_code, refused.json()["code"], refused.json()["scope"]) == (403, "scope_missing", scope)
    allowed = site.api(method, path.format(**ids), body, api_key=make_key(site, scope))
    assert allowed.status_code not in (401, 403, 500), allowed.text
    assert site.ask(method, f"/v1{path.format(**ids)}").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [row for row in ROUTES if "{" in row[1] and row[0] != "PUT" and row[3] != "jobs"],
)
def test_what_belongs_to_another_merchant_does_not_exist(
    site: Site, method: str, path: str, body: Any, scope: str
) -> None:
    ids = paid_order(site)
    before = site.house.rows("SELECT o::text FROM orders AS o")
    stranger = make_key(site, *SCOPES, merchant="shop_2")
    # Also not out of what was remembered of it a moment ago.
    site.api("GET", f"/orders/{ids['order']}/status")
    answer = site.api(method, path.format(**ids), body, api_key=stranger)
    # A merchant without an account of any provider is told that before anything is looked up.
    unknown = (
        "order_unknown", "event_unknown", "effect_unknown", "payee_unknown", "refund_unknown", "stock_unknown",
        "finding_unknown", "silence_unknown", "day_unknown",
    )  # fmt: skip
    refused = *((404, code) for code in unknown), (422, "provider_unknown")
    assert (answer.status_code, answer.json()["code"]) in refused
    assert site.house.rows("SELECT o::text FROM orders AS o") == before


def test_the_stock_of_another_merchant_is_another_stock(site: Site) -> None:
    ids = paid_order(site)
    stranger = make_key(site, *SCOPES, merchant="shop_2")
    assert site.api("PUT", f"/stock/{ids['sku']}", {"on_hand": 7}, api_key=stranger).status_code in (200, 201)
    assert site.api("GET", f"/stock/{ids['sku']}").json()["on_hand"] == 3


@pytest.mark.parametrize(
    "path",
    [
        "/orders",
        "/events",
        "/effects",
        "/findings",
        "/payouts",
        "/refunds",
        "/stock",
        "/alerts",
        "/silences",
        "/reconciliations",
    ],
)
def test_a_list_holds_only_ones_own(site: Site, path: str) -> None:
    paid_order(site)
    stranger = make_key(site, *SCOPES, merchant="shop_2")
    assert site.api("GET", path, api_key=stranger).json()["data"] == []


def test_a_revoked_key_ends_within_seconds_and_its_row_stays(site: Site) -> None:
    key = make_key(site, "orders:read")
    assert site.api("GET", "/orders", api_key=key).status_code == 200
    assert site.house.run(revoke_keys(site.house.world, "default", "till")) == 1
    site.clock.move(5)
    assert site.api("GET", "/orders", api_key=key).json()["code"] == "key_unknown"
    [listed] = site.house.run(list_keys(site.house.world, "default"))
    assert (listed.name, listed.scopes) == ("till", ("orders:read",))
    assert listed.revoked_at is not None


def test_only_the_hash_of_a_key_is_stored(site: Site) -> None:
    key = make_key(site, "orders:read")
    [(stored,)] = site.house.rows("SELECT k::text FROM api_keys AS k")
    assert key not in stored and len(key) > 30


@pytest.mark.parametrize(("name", "scopes"), [("till", ()), ("till", ("everything",)), (" ", ("orders:read",))])
def test_a_key_that_nobody_could_use_or_name_is_not_made(site: Site, name: str, scopes: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        make_key(site, *scopes, name=name)
    assert site.house.rows("SELECT count(*) FROM api_keys") == [(0,)]


@pytest.mark.parametrize("key", ["", "short", "x" * 11])
def test_no_application_is_built_with_a_missing_or_short_first_key(key: str) -> None:
    """B16: an empty or missing secret refuses to start."""
    with pytest.raises(Refused) as refused:
        ApiSettings(base_url="http://pay.test", api_key=key)
    assert refused.value.code == "secret_weak"


@pytest.mark.parametrize("address", ["", "pay.test", "ftp://pay.test", "http://pay.test/", "http://"])
def test_no_application_is_built_with_an_address_that_is_none(address: str) -> None:
    with pytest.raises(Refused):
        ApiSettings(base_url=address, api_key="x" * 12)


def test_acts_of_a_person_need_a_reason_and_stand_in_the_audit(site: Site) -> None:
    ids = paid_order(site)
    assert site.api("POST", f"/effects/{ids['effect']}/retry", {}).json()["param"] == "reason"
    assert site.api("POST", f"/effects/{ids['effect']}/retry", {"reason": " "}).status_code == 422
    conflict = site.api("POST", f"/effects/{ids['effect']}/retry", {"reason": "mended"})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "effect_not_retryable")
