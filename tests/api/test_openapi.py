"""The API describes itself, and answers as it says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import TypeAdapter
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from payonce.api.v1 import described
from payonce.drivers.stepping import run_to_end
from payonce.jobs.timetable import find_job
from tests.support.frames import lane
from tests.support.site import KEY, PERSON, Site


def test_the_description_is_openapi_31_with_an_example_and_every_route_says_what_it_refuses(site: Site) -> None:
    document = site.ask("GET", "/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["schemas"]["NewOrder"]["examples"][0]["purpose"] == "fee:27:2026-05"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], path
            assert operation["security"], path
            refused = {status for status in operation["responses"] if status >= "400"}
            assert refused >= {"401", "403", "422", "500", "503"}, (method, path)
            for status in refused:
                [content] = operation["responses"][status]["content"]
                assert content == "application/problem+json", (method, path, status)


def test_the_example_places_an_order(site: Site) -> None:
    [example] = site.ask("GET", "/v1/openapi.json").json()["components"]["schemas"]["NewOrder"]["examples"]
    assert site.api("POST", "/orders", example).status_code == 201


def test_answers_have_the_shape_that_is_described(site: Site) -> None:
    order = site.place()
    run_to_end(lane(site.house, find_job("close")).step())
    checkout = site.api("POST", f"/orders/{order['id']}/checkout").json()
    status = site.api("GET", f"/orders/{order['id']}/status").json()
    site.pay(order)
    site.deliver()
    answers: list[tuple[Any, Any]] = [
        (described.PlacedOrder, order),
        (described.Checkout, checkout),
        (described.OrderStatus, status),
        (described.Order, site.see(order)),
        (described.OrderPage, site.api("GET", "/orders").json()),
        (described.EventPage, site.api("GET", "/events").json()),
        (described.EffectPage, site.api("GET", "/effects").json()),
        (described.FindingPage, site.api("GET", "/findings").json()),
        (described.StockItem, site.api("PUT", "/stock/seat", {"on_hand": 1}).json()),
        (described.StockPage, site.api("GET", "/stock").json()),
        (described.JobList, site.api("GET", "/jobs").json()),
        (described.ShownJob, site.api("PUT", "/jobs/close", {"every_seconds": 60, "reason": "a bad day"}).json()),
        (described.RunPage, site.api("GET", "/jobs/close/runs").json()),
        (described.Run, site.api("GET", "/jobs/close/runs").json()["data"][0]),
        (described.Switch, site.api("PUT", "/switches/close", {"off": True, "reason": "INC-4"}).json()),
        (described.SwitchList, site.api("GET", "/switches").json()),
        (described.Problem, site.api("POST", f"/orders/{order['id']}/checkout").json()),
    ]
    for model, answer in answers:
        TypeAdapter(model).validate_python(answer, strict=True)
        # Nothing is answered that is not described.
        assert answer.keys() - model.model_fields.keys() <= {"order_id", "paid_at", "paid_by", "refunded"}, model


def test_the_reference_is_a_page_without_a_foreign_script(site: Site) -> None:
    page = site.ask("GET", "/v1/docs", headers=PERSON)
    assert page.status_code == 200
    assert "POST /v1/orders" in page.text and "amount_minor" in page.text
    assert "<script" not in page.text and "cdn" not in page.text


@pytest.mark.slow
def test_whatever_is_sent_is_answered_as_described(site: Site) -> None:
    """B17: nothing that is sent breaks anything, and every refusal is a described problem."""
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", site.app)
    schema.config.base_url = "http://pay.test/v1"
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k"}
    checks = [not_a_server_error, content_type_conformance, response_schema_conformance]
    seen: Counter[int] = Counter()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(
            max_examples=25, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            # A limit of its own is not what this test looks for.
            site.clock.move(61)
            case.headers = {**(case.headers or {}), **headers}
            response = case.call(app=site.app)
            case.validate_response(response, checks=checks)
            seen[response.status_code // 100] += 1

        send()
    # It got through to what answers, and was refused as well.
    assert seen[2] > 20 and seen[4] > 20 and seen[5] == 0, seen
