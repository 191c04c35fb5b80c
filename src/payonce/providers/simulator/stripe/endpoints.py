"""The calls on `/v1/webhook_endpoints`: where events are delivered, and which."""

from __future__ import annotations

from typing import Any

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import no_such
from payonce.providers.simulator.stripe.event import WebhookEndpoint
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.params import Params
from payonce.providers.simulator.stripe.payment_intents import present


def create(books: Books, params: Params, _: str) -> dict[str, Any]:
    """POST /v1/webhook_endpoints. The only answer that ever shows the secret."""
    url, events = params.url("url", required=True), params.texts("enabled_events", most=1000)
    if not events:
        raise params.missing("enabled_events")
    version, description = params.text("api_version"), params.text("description")
    metadata = present(params.metadata())
    params.ignore("connect")
    params.finish()
    endpoint = enter(books, url or "", events, f"whsec_{books.ids.make(32)}", version)
    endpoint.description, endpoint.metadata = description, metadata
    return endpoint.shown() | {"secret": endpoint.secrets[0]}


def enter(books: Books, url: str, events: list[str], secret: str, api_version: str | None = None) -> WebhookEndpoint:
    """Put an endpoint into the books; events written from now on are delivered to it."""
    endpoint = WebhookEndpoint(
        id=books.new_id("we"),
        created=books.second(),
        url=url,
        enabled_events=events,
        secrets=(secret,),
        api_version=api_version,
    )
    books.endpoints[endpoint.id] = endpoint
    return endpoint


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/webhook_endpoints/{id}"""
    params.finish()
    return _found(books, object_id).shown()


def update(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/webhook_endpoints/{id}"""
    endpoint = _found(books, object_id)
    url, events, disabled = params.url("url"), params.texts("enabled_events", most=1000), params.boolean("disabled")
    metadata, description = params.metadata(), params.text("description")
    params.finish()
    endpoint.url, endpoint.enabled_events = url or endpoint.url, events or endpoint.enabled_events
    endpoint.metadata = present(endpoint.metadata | metadata)
    endpoint.description = description or endpoint.description
    if disabled is not None:
        endpoint.enabled = not disabled
    return endpoint.shown()


def delete(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """DELETE /v1/webhook_endpoints/{id}"""
    params.finish()
    _found(books, object_id)
    del books.endpoints[object_id]
    return {"id": object_id, "object": "webhook_endpoint", "deleted": True}


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/webhook_endpoints"""
    return page(books, params, books.endpoints, "/v1/webhook_endpoints", lambda row: True)


def _found(books: Books, object_id: str) -> WebhookEndpoint:
    if object_id not in books.endpoints:
        raise no_such("webhook endpoint", object_id, param="webhook_endpoint")
    return books.endpoints[object_id]
