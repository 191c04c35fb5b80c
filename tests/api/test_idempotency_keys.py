"""Idempotency keys over HTTP: one request, one answer."""

from __future__ import annotations

import hashlib
import json

import pytest

from payonce.usecases.idempotency import LEASE, Keyed, begin_request
from tests.support.line import Fate, Line
from tests.support.site import KEY, Site, order_body


@pytest.mark.parametrize("path", ["/orders", "/orders/ord_00000000000000000000000000/checkout"])
def test_a_request_about_money_needs_a_key(site: Site, path: str) -> None:
    body = order_body() if path == "/orders" else {}
    answer = site.ask("POST", f"/v1{path}", json=body, headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize("key", ["x" * 256, "with blank", "tab\there", ""])
def test_a_key_that_is_none_is_refused(site: Site, key: str) -> None:
    answer = site.api("POST", "/orders", order_body(), key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


def test_a_key_of_the_largest_size_is_taken(site: Site) -> None:
    assert site.api("POST", "/orders", order_body(), key="x" * 255).status_code == 201


def test_the_same_request_gets_the_same_bytes_again(site: Site) -> None:
    first = site.api("POST", "/orders", order_body(), key="k")
    again = site.api("POST", "/orders", order_body(), key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


def test_the_order_of_members_makes_no_other_request(site: Site) -> None:
    body = order_body()
    site.api("POST", "/orders", body, key="k")
    turned = dict(reversed(body.items()))
    assert site.api("POST", "/orders", turned, key="k").headers["idempotent-replayed"] == "true"


def test_the_same_key_with_another_body_or_route_is_refused(site: Site) -> None:
    order = site.api("POST", "/orders", order_body(), key="k").json()
    other_body = site.api("POST", "/orders", order_body(amount_minor=9999), key="k")
    other_route = site.api("POST", f"/orders/{order['id']}/checkout", key="k")
    for answer in (other_body, other_route):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert site.house.rows("SELECT count(*) FROM orders") == [(1,)]
    assert site.attempts() == 0


def test_while_a_request_is_answered_its_key_is_taken(site: Site) -> None:
    body = order_body()
    text = json.dumps(["POST /orders", body], sort_keys=True)
    running = Keyed("default", "k", "POST /orders", hashlib.sha256(text.encode()).digest())
    site.house.run(begin_request(site.house.world, running))
    answer = site.api("POST", "/orders", body, key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "request_running")
    assert (answer.headers["retry-after"], answer.json()["retryable"]) == ("2", True)
    # Its caller died: once the lease is over the next one with the key does the work.
    site.clock.move(LEASE.total_seconds() + 1)
    assert site.api("POST", "/orders", body, key="k").status_code == 201


def test_a_refusal_is_not_kept(site: Site) -> None:
    assert site.api("POST", "/orders", order_body(amount_minor=-1), key="k").status_code == 422
    assert site.api("POST", "/orders", order_body(amount_minor=10), key="k").status_code == 422
    assert site.api("POST", "/orders", order_body(), key="k").status_code == 201


def test_a_conflict_is_computed_again_because_it_can_pass(site: Site) -> None:
    site.place("fee:1")
    clashing = order_body("fee:2", reference="ref-fee:1")
    assert site.api("POST", "/orders", clashing, key="k").status_code == 409
    assert site.api("POST", "/orders", order_body("fee:2"), key="k").status_code == 201


def test_a_checkout_with_the_same_key_never_hands_out_a_session_that_expired(site: Site) -> None:
    order = site.place()
    path = f"/orders/{order['id']}/checkout"
    first = site.api("POST", path, {}, key="k")
    again = site.api("POST", path, {}, key="k")
    site.clock.move(31 * 60)
    later = site.api("POST", path, {}, key="k")
    assert [answer.status_code for answer in (first, again, later)] == [201, 200, 201]
    assert first.json()["url"] == again.json()["url"] != later.json()["url"]
    other = site.api("POST", path, {"flow": "checkout_session"}, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_many_checkouts_with_one_key_at_once_are_one_attempt(site: Site) -> None:
    order = site.place()
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k"}
    answers = site.together(*[("POST", f"/v1/orders/{order['id']}/checkout", {"headers": headers})] * 20)
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert len({answer.json()["attempt_id"] for answer in answers}) == 1


def test_where_it_is_not_about_money_a_key_is_taken_and_not_needed(site: Site) -> None:
    order = site.place()
    without = site.ask("POST", f"/v1/orders/{order['id']}/refresh", headers={"Authorization": f"Bearer {KEY}"})
    assert without.status_code == 200
    first = site.api("POST", f"/orders/{order['id']}/cancel", key="k")
    again = site.api("POST", f"/orders/{order['id']}/cancel", key="k")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


@pytest.mark.parametrize(("told", "then"), [(503, 201), (201, 200)])
def test_what_the_store_did_not_answer_is_repeated_at_once(cut_site: tuple[Site, Line], told: int, then: int) -> None:
    """B6: the key is freed by whoever comes again, also where the work was done and its answer could not be kept."""
    site, line = cut_site
    before = line.commits
    site.place("fee:1")
    # After the key was claimed, or after all but the last, every COMMIT is lost until the store is given up.
    passing: list[Fate] = ["pass"] * (1 if told == 503 else line.commits - before - 1)
    line.fates = [*passing, "cut before", "cut before"]
    first = site.api("POST", "/orders", order_body("fee:2"), key="k")
    assert (first.status_code, line.fates) == (told, [])
    again = site.api("POST", "/orders", order_body("fee:2"), key="k")
    assert (again.status_code, again.json().get("purpose")) == (then, "fee:2")
