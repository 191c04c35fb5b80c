"""Every refusal in one shape; hostile requests change nothing and break nothing."""

from __future__ import annotations

from typing import Any

import httpx2
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payonce.api.cards import is_gtin, luhn, refuse_cards
from payonce.api.problems import problem_of
from payonce.base.errors import Refused, Unavailable
from tests.support.site import KEY, PERSON, Site, order_body

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "param", "retryable", "next_action"}
AUTH = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k"}
JSON = AUTH | {"Content-Type": "application/json"}
MIB = 1024 * 1024

CASES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/nowhere", {}, 404, "not_found"),
    ("GET", "/v1/nowhere", {}, 404, "not_found"),
    ("GET", "/static/nowhere.js", {}, 404, "not_found"),
    ("GET", "/static/../settings.py", {}, 404, "not_found"),
    ("DELETE", "/v1/orders", {"headers": AUTH}, 405, "method_not_allowed"),
    ("PUT", "/pay/x", {}, 405, "method_not_allowed"),
    ("GET", "/webhooks/stripe", {}, 405, "method_not_allowed"),
    ("GET", "/v1/orders", {}, 401, "key_missing"),
    ("GET", "/v1/orders", {"headers": {"Authorization": "Basic eDp5"}}, 401, "key_missing"),
    ("GET", "/v1/orders", {"headers": {"Authorization": "Bearer nobody"}}, 401, "key_unknown"),
    ("GET", "/v1/orders/ord_1", {"headers": AUTH}, 404, "id_invalid"),
    ("GET", "/v1/orders/ord_00000000000000000000000000", {"headers": AUTH}, 404, "order_unknown"),
    ("POST", "/v1/orders", {"headers": AUTH, "content": b"a=1"}, 415, "media_type_unsupported"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b"{"}, 400, "json_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b"\xff\xfe"}, 400, "json_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b'{"a":1,"a":2}'}, 400, "json_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b'{"a":NaN}'}, 400, "json_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b'{"a":"\\u0000"}'}, 400, "json_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b"[" * 100_000}, 400, "json_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b"[]"}, 422, "request_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b"null"}, 422, "request_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b""}, 422, "request_invalid"),
    ("POST", "/v1/orders", {"headers": JSON, "content": b"x" * (MIB + 1)}, 413, "body_too_large"),
    ("POST", "/webhooks/stripe", {"content": b"x" * (MIB + 1)}, 413, "body_too_large"),
    ("POST", "/webhooks/stripe", {"content": b"{}"}, 400, "webhook_forged"),
    ("POST", "/webhooks/nobody", {"content": b"{}"}, 404, "provider_unknown"),
    ("GET", "/problems/nothing_like_this", {}, 404, "not_found"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "more", "status", "code"), CASES)
def test_every_refusal_has_one_shape(
    site: Site, method: str, path: str, more: dict[str, Any], status: int, code: str
) -> None:
    answer = site.ask(method, path, **more)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.keys() >= MEMBERS
    assert (problem["status"], problem["instance"]) == (status, answer.headers["x-request-id"])
    assert problem["type"] == f"http://pay.test/problems/{code}"
    assert status != 405 or answer.headers["allow"]
    assert status != 401 or answer.headers["www-authenticate"].startswith("Bearer")


def test_a_body_that_grows_past_the_limit_is_cut_off_while_it_is_read(site: Site) -> None:
    async def endless() -> Any:
        for _ in range(64):
            sent.append(1)
            yield b"x" * 65536

    sent: list[int] = []
    answer = site.ask("POST", "/webhooks/stripe", content=endless())
    assert answer.status_code == 413


def test_what_breaks_inside_is_told_by_its_instance_only(site: Site, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE orders RENAME COLUMN reference TO broken")
    answer = site.api("GET", "/orders/ord_00000000000000000000000000")
    assert (answer.status_code, answer.json()["code"]) == (500, "bug")
    assert "broken; its operator" in answer.text
    assert "column" not in answer.text and "SELECT" not in answer.text
    assert answer.json()["instance"] == answer.headers["x-request-id"]


def test_a_person_gets_a_page_and_a_program_json(site: Site) -> None:
    page = site.ask("GET", "/pay/" + "a" * 26, headers=PERSON)
    assert page.headers["content-type"].startswith("text/html")
    assert "This link leads nowhere" in page.text
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5", ""):
        answer = site.ask("GET", "/pay/" + "a" * 26, headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/problem+json", accept
    assert site.ask("GET", "/v1/nowhere", headers=PERSON).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("trace-42", True), ("x" * 128, True), ("x" * 129, False), ("two words", False), ("<script>", False), ("", False)],
)
def test_a_request_id_is_taken_over_when_it_is_harmless(site: Site, sent: str, kept: bool) -> None:
    answered = site.ask("GET", "/livez", headers={"X-Request-Id": sent}).headers["x-request-id"]
    assert (answered == sent) is kept
    assert kept or answered.startswith("req_")


def test_every_answer_carries_safe_headers(site: Site) -> None:
    for path in ("/", "/livez", "/v1/openapi.json", "/static/payonce.css", "/pay/" + "a" * 26):
        headers = site.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers


def test_where_payers_come_by_tls_browsers_are_told_to_insist(site: Site) -> None:
    secure = Site(site.house, base_url="https://pay.example")
    assert secure.ask("GET", "/livez").headers["strict-transport-security"] == "max-age=31536000"
    secure.close()


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/metrics", "/v1/openapi.json", "/v1/docs", "/static/icon.svg"]
)
def test_head_works_where_get_does_and_has_no_body(site: Site, path: str) -> None:
    get, head = site.ask("GET", path), site.ask("HEAD", path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_head_of_the_api_works_too(site: Site) -> None:
    head = site.api("HEAD", "/orders")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "card",
    ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", "3782 822463 10005",
     "5555555555554444", "6011111111111117", "30569309025904", "card:4000056655665556;", 4242424242424242],
)  # fmt: skip
@pytest.mark.parametrize("place", ["metadata", "reference", "key", "deep"])
def test_a_card_number_is_refused_wherever_it_stands(site: Site, card: Any, place: str) -> None:
    changes: dict[str, dict[str, Any]] = {
        "metadata": {"metadata": {"note": card}},
        "reference": {"reference": card},
        "key": {"metadata": {str(card): 1}},
        "deep": {"payer": {"reference": "p", "name": [card]}},
    }
    answer = site.api("POST", "/orders", order_body() | changes[place])
    assert (answer.status_code, answer.json()["code"]) == (422, "card_data_refused")
    assert str(card) not in answer.text
    assert site.house.rows("SELECT count(*) FROM orders") == [(0,)]


@pytest.mark.parametrize(
    "text",
    ["4242424242424241", "1763650000000", "+4917612345675", "0193a1b2-4242-7424-8242-424242424242", "4" * 24,
     "order 4242 of 2026-11-20", "R-2026-000123456789", "2026-11-20 12:00:00"],
)  # fmt: skip
def test_numbers_that_are_no_cards_pass(text: str) -> None:
    refuse_cards({"note": text})


def test_the_number_of_a_bar_code_names_an_item_also_where_it_would_pass_for_a_cards() -> None:
    """Every tenth GTIN has the check digit of a card as well; anywhere else it is refused, as is any other number."""
    both = [str(number) for number in range(4006381333900, 4006381334900) if luhn(str(number)) and is_gtin(str(number))]
    assert len(both) > 5
    for number in both:
        refuse_cards({"items": [{"sku": number, "quantity": 1}], "skus": [number]})
        with pytest.raises(Refused):
            refuse_cards({"note": number})
    for card in ("4242424242424242", "36227206271667", "4222222222222"):
        with pytest.raises(Refused):
            refuse_cards({"items": [{"sku": card, "quantity": 1}]})


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_every_visa_number_is_recognised(number: int) -> None:
    digits = f"4{number:014d}"
    card = next(digits + str(last) for last in range(10) if luhn(digits + str(last)))
    with pytest.raises(Refused):
        refuse_cards([{"x": f"pay with {card} please"}])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(
        ["accept", "authorization", "content-type", "idempotency-key", "if-none-match", "traceparent", "tracestate",
         "x-request-id", "x-forwarded-for", "user-agent", "referer", "cookie", "content-length", "sec-purpose"]
    ),
    value=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=300),
    path=st.sampled_from(["/v1/orders", "/pay/" + "a" * 26, "/status/" + "a" * 26, "/webhooks/stripe", "/thanks"]),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
)  # fmt: skip
def test_no_header_breaks_anything(site: Site, name: str, value: str, path: str, method: str) -> None:
    site.clock.move(61)
    raw = [(b"host", b"pay.test"), (name.encode(), value.encode("latin-1"))]
    answer: httpx2.Response = site.ask(method, path, headers=raw)
    assert answer.status_code < 500, answer.text


def test_why_the_database_cannot_be_reached_is_not_told_to_callers() -> None:
    """The driver names hosts, databases and accounts; a caller learns that it may try again."""
    error = Unavailable("later", code="store_unavailable", hint='no entry for host "10.0.0.7", user "payonce"')
    told = problem_of(error, "https://pay.example", "req_1")
    assert "hint" not in told and "10.0.0.7" not in str(told) and told["retryable"]
    assert (
        problem_of(Unavailable("later", code="not_now", hint="soon"), "https://pay.example", "req_1")["hint"] == "soon"
    )
