"""Refunds over REST: asked for once for one key, approved as they were shown, and never more than is left."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from payonce.api.v1 import described
from payonce.usecases.api_keys import create_key
from tests.api.conftest import OpenSite
from tests.promises.acts import DAY, HOUR, spoil
from tests.promises.money_back import go_on, gone, paid, paid_twice, states, surplus_policy
from tests.support.site import Site

REASON = {"reason": "one of three came broken"}


def order_of(site: Site) -> str:
    """A paid order's id."""
    paid(site.house)
    [order] = site.api("GET", "/orders").json()["data"]
    return str(order["id"])


def test_a_part_of_an_order_goes_back_and_the_order_shows_it(site: Site) -> None:
    """X6: a refund of ours is asked for with a reason, and told with its state."""
    order = order_of(site)
    answer = site.api("POST", f"/orders/{order}/refunds", REASON | {"amount_minor": 1500})
    [refund] = answer.json()["data"]
    assert (answer.status_code, refund["state"], refund["of"], refund["amount_minor"]) == (201, "due", "order", 1500)
    assert (refund["id"][:4], refund["order_id"], refund["reason"]) == ("rfd_", order, REASON["reason"])
    assert refund["asked_by"].startswith("api:")
    go_on(site.house, 1)
    shown = site.api("GET", f"/refunds/{refund['id']}").json()
    assert (shown["state"], shown["provider_ref"][:3]) == ("succeeded", "re_")
    seen = site.api("GET", f"/orders/{order}").json()
    assert (seen["refunds"], seen["amounts"]["refunded_minor"]) == ([shown], 1500)
    for model, said in ((described.Refund, shown), (described.RefundList, answer.json()), (described.Order, seen)):
        TypeAdapter(model).validate_python(said, strict=True)
        assert said.keys() == model.model_fields.keys()


def test_the_same_key_is_one_refund_and_no_key_is_none(site: Site) -> None:
    """B5: a money route answers a repeated key with the first answer, and asks for a key."""
    order = order_of(site)
    body = REASON | {"amount_minor": 1500}
    first = site.api("POST", f"/orders/{order}/refunds", body, key="k1")
    again = site.api("POST", f"/orders/{order}/refunds", body, key="k1")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert states(site.house) == ["due"]
    other = site.api("POST", f"/orders/{order}/refunds", body | {"amount_minor": 1}, key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


REFUSED: list[tuple[dict[str, Any], int, str, str | None]] = [
    ({}, 422, "request_invalid", "reason"),
    (REASON | {"amount_minor": 0}, 422, "request_invalid", "amount_minor"),
    (REASON | {"amount_minor": 10.0}, 422, "request_invalid", "amount_minor"),
    (REASON | {"amount_minor": 4501}, 422, "amount_too_large", "amount_minor"),
    (REASON | {"of": "surplus"}, 409, "nothing_to_refund", None),
    (REASON | {"of": "everything"}, 422, "request_invalid", "of"),
    (REASON | {"currency": "USD"}, 422, "request_invalid", "currency"),
]


@pytest.mark.parametrize(("body", "status", "code", "param"), REFUSED)
def test_what_cannot_go_back_is_refused_and_writes_nothing(
    site: Site, body: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    """S9: never more than is left."""
    order = order_of(site)
    answer = site.api("POST", f"/orders/{order}/refunds", body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["param"]) == (status, code, param), problem
    assert (problem["retryable"], states(site.house)) == (False, [])


def test_an_unpaid_order_is_cancelled_and_not_refunded(site: Site) -> None:
    order = site.place()["id"]
    problem = site.api("POST", f"/orders/{order}/refunds", REASON).json()
    assert (problem["code"], problem["next_action"]) == ("order_not_paid", "cancel_the_order")


def test_refunds_are_paged_and_filtered(site: Site) -> None:
    order = order_of(site)
    made = [
        site.api("POST", f"/orders/{order}/refunds", REASON | {"amount_minor": amount}).json()["data"][0]["id"]
        for amount in (100, 200, 300)
    ]
    page = site.api("GET", "/refunds?limit=2").json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (made[:0:-1], True)
    rest = site.api("GET", f"/refunds?limit=2&starting_after={made[1]}").json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (made[:1], False)
    assert site.api("GET", "/refunds?state=sent").json()["data"] == []
    assert site.api("GET", "/refunds?state=odd").status_code == 422
    assert len(site.api("GET", f"/refunds?order_id={order}").json()["data"]) == 3
    assert site.api("GET", "/refunds/rfd_01kah3x9fre80b2tvp4n5c7wq2").json()["code"] == "refund_unknown"


def test_a_plan_is_applied_as_it_was_shown_and_not_otherwise(open_site: OpenSite) -> None:
    """X6: above the limit by a plan that is named by its content."""
    site = open_site({"policy": surplus_policy(refund_at_most_minor={"USD": 100})})
    paid_twice(site.house, purpose="fee:1")
    site.house.send_refunds()
    plan = site.api("GET", "/refunds/plan").json()
    TypeAdapter(described.RefundPlan).validate_python(plan, strict=True)
    assert (plan["object"], plan["totals_minor"], len(plan["refunds"])) == ("refund_plan", {"USD": 4500}, 1)
    paid_twice(site.house, purpose="fee:2")
    site.house.send_refunds()
    changed = site.api("POST", "/refunds/plan/apply", {"plan": plan["id"]})
    assert (changed.status_code, changed.json()["code"]) == (409, "plan_changed")
    assert changed.json()["next_action"] == "read_the_plan_again"
    plan = site.api("GET", "/refunds/plan").json()
    [keep, drop] = [each["id"] for each in plan["refunds"]]
    cancelled = site.api("POST", f"/refunds/{drop}/cancel", {"reason": "agreed otherwise"}).json()
    assert (cancelled["state"], cancelled["why"]) == ("cancelled", "said no: agreed otherwise")
    plan = site.api("GET", "/refunds/plan").json()
    applied = site.api("POST", "/refunds/plan/apply", {"plan": plan["id"]})
    assert [(each["id"], each["state"]) for each in applied.json()["data"]] == [(keep, "due")]
    go_on(site.house, 1)
    assert (states(site.house), len(gone(site.house))) == (["succeeded", "cancelled"], 1)
    late = site.api("POST", f"/refunds/{keep}/cancel", {"reason": "too late"})
    assert (late.status_code, late.json()["code"]) == (409, "refund_not_cancellable")


def test_a_refund_in_doubt_ends_by_a_persons_word(site: Site) -> None:
    """X6: of what the provider shows nothing a person decides, with a reason."""
    paid_twice(site.house)
    spoil(site.house, "refunds.create", "timeout")
    site.house.send_refunds()
    site.clock.move(DAY)
    go_on(site.house, 2, HOUR)
    [refund] = site.api("GET", "/refunds?state=in_doubt").json()["data"]
    odd = site.api("POST", f"/refunds/{refund['id']}/resolve", {"outcome": "perhaps", "reason": "x"})
    assert (odd.status_code, odd.json()["param"]) == (422, "outcome")
    done = site.api("POST", f"/refunds/{refund['id']}/resolve", {"outcome": "done", "reason": "the bank shows it"})
    assert (done.status_code, done.json()["state"]) == (200, "succeeded")
    again = site.api("POST", f"/refunds/{refund['id']}/resolve", {"outcome": "cancelled", "reason": "no"})
    assert (again.status_code, again.json()["code"]) == (409, "refund_not_in_doubt")


SCOPES = [
    ("POST", "/orders/{order}/refunds", "orders:write"), ("GET", "/refunds", "orders:read"),
    ("GET", "/refunds/plan", "orders:read"), ("POST", "/refunds/plan/apply", "operate"),
    ("POST", "/refunds/{refund}/cancel", "operate"), ("POST", "/refunds/{refund}/resolve", "operate"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "scope"), SCOPES)
def test_each_route_asks_for_its_scope(site: Site, method: str, path: str, scope: str) -> None:
    order = order_of(site)
    [refund] = site.api("POST", f"/orders/{order}/refunds", REASON).json()["data"]
    others = {"orders:write", "orders:read", "inspect", "operate"} - {scope}
    secret = site.house.run(create_key(site.house.world, "default", "limited", tuple(sorted(others))))
    where = path.format(order=order, refund=refund["id"])
    answer = site.api(method, where, REASON if method == "POST" else None, api_key=secret)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert states(site.house) == ["due"]
