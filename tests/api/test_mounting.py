"""The application below a prefix of another one, behind a proxy, and one beside another in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.routing import Mount

from payonce.api import tracing
from payonce.api.calls import caller_address
from payonce.api.settings import ApiSettings
from payonce.app import traced_handlers
from payonce.base import ids
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Accepted, EffectCall, Handlers
from tests.support.house import House
from tests.support.site import PERSON, Site, order_body


def test_below_a_prefix_every_link_leads_there(house: House) -> None:
    site = Site(house, base_url="http://shop.test/payments")
    host = Starlette(routes=[Mount("/payments", app=site.app)])

    async def story() -> None:
        transport = httpx2.ASGITransport(host)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            headers = {"Authorization": f"Bearer {site.settings.api_key}", "Idempotency-Key": "k"}
            placed = await client.post("/payments/v1/orders", json=order_body(), headers=headers)
            order = placed.json()
            assert order["pay_url"].startswith("http://shop.test/payments/pay/")
            page = await client.get(order["status_url"], headers=PERSON)
            assert 'href="/payments/static/payonce.css"' in page.text
            assert (await client.get("/payments/static/waiting.js")).status_code == 200
            assert (await client.get(order["pay_url"], headers=PERSON)).status_code == 307
            missing = await client.get("/payments/pay/nobody", headers=PERSON)
            assert (missing.status_code, 'href="/payments/static' in missing.text) == (404, True)
            assert (await client.get("/payments/v1/nowhere", headers=PERSON)).json()["code"] == "not_found"
            same = await client.post("/payments/v1/orders", json=order_body(), headers=headers)
            assert same.headers["idempotent-replayed"] == "true"
            assert (await client.get("/payments/static/nothing", headers=PERSON)).status_code == 404

    site.run(story())
    site.close()


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "caller"),
    [
        ("203.0.113.7", "", (), "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", (), "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.9", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "not an address", ("10.0.0.0/8",), "10.0.0.1"),
        ("::1", "[2001:db8::1]", ("::1/128",), "2001:db8::1"),
        ("unix:", "", (), "unix:"),
    ],
)
def test_only_a_trusted_proxy_says_who_calls(peer: str, forwarded: str, trusted: tuple[str, ...], caller: str) -> None:
    settings = ApiSettings(base_url="http://pay.test", api_key="key_of_the_first_caller", trusted_proxies=trusted)
    assert caller_address(peer, forwarded, settings.proxies) == caller


def test_behind_a_proxy_callers_are_counted_one_by_one(house: House) -> None:
    site = Site(house, trusted_proxies=("10.0.0.0/8",))
    order = site.place()
    for caller in ("198.51.100.1", "198.51.100.2"):
        codes = [
            site.ask("GET", order["status_url"], address="10.0.0.1", headers={"X-Forwarded-For": caller}).status_code
            for _ in range(6)
        ]
        assert codes == [200] * 5 + [429]
    site.close()


def test_spans_are_made_where_an_application_wants_them(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    for module in ("ingest", "clicks", "tracing"):
        monkeypatch.setattr(f"payonce.api.{module}.TRACER", provider.get_tracer("payonce"))
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    site = Site(house)
    order = site.place()
    site.open_link(order, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    site.pay(order)
    site.deliver()
    made = {span.name: span for span in spans.get_finished_spans()}
    assert made.keys() >= {"payonce.checkout", "payonce.ingest"}
    context = made["payonce.checkout"].context
    assert context is not None and f"{context.trace_id:032x}" == trace
    assert order["pay_url"].rpartition("/")[2] not in str([span.to_json() for span in spans.get_finished_spans()])
    site.close()


def test_a_delivery_is_a_span_that_names_its_effect_and_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr("payonce.api.tracing.TRACER", provider.get_tracer("payonce"))
    order = house.place()
    house.pay(house.checkout(order))
    house.deliver_owed()

    async def describe(merchant_id: str, order_ids: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
        return {order_id: {"reference": "R"} for order_id in order_ids}

    handlers = Handlers(describe)
    for kind in house.world.kinds:
        handlers.add(kind, Receiver())
    house.run(deliver_effects(house.world, "default", traced_handlers(handlers)))
    told = {str((span.attributes or {})["payonce.effect_kind"]): span.attributes for span in spans.get_finished_spans()}
    assert told.keys() == {"invite", "notice"}
    assert (told["invite"] or {})["payonce.order_id"] == ids.show(ids.ORDER, order.id)
    assert (told["invite"] or {})["payonce.outcome"] == "Accepted"


class Receiver:
    """Takes whatever it is told."""

    async def deliver(self, effect: EffectCall, /) -> Accepted:
        """Take it."""
        return Accepted("taken")


def test_a_stored_trace_is_linked_and_anything_else_is_not() -> None:
    link = tracing.link_to("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7")
    assert link is not None and link.context.span_id == 0x00F067AA0BA902B7
    assert [tracing.link_to(text) for text in ("", "x", "4bf9-00f0")] == [None] * 3


def test_two_applications_live_side_by_side(house: House) -> None:
    first, second = Site(house), Site(house, base_url="http://other.test")
    assert first.place()["pay_url"].startswith("http://pay.test/")
    assert second.api("GET", "/orders").json()["data"][0]["pay_url"].startswith("http://other.test/")
    first.close()
    second.close()
    assert asyncio.iscoroutinefunction(first.edge.close)
