"""Webhooks of providers: raw bytes in, an answer that means *stored durably* out. Plain routes, because this is the
hot path.

`/webhooks/{provider}` serves where one merchant has that provider; the account is the one whose secret verifies. What
is answered is the provider's own matter: its adapter says it (`acknowledge`). Providers that read no more than the
status get a body for people.
"""

from __future__ import annotations

import json
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from payonce.api.calls import call_of
from payonce.api.edge import Edge, edge_of
from payonce.base import ids
from payonce.base.errors import Refused, Unavailable
from payonce.providers.contract import Acknowledged, Acknowledgement, plain_acknowledgement
from payonce.usecases.acknowledge import acknowledge, acknowledged, acknowledgement_of
from payonce.usecases.answers import Received
from payonce.usecases.receive import Delivery

LOG: Final = structlog.get_logger("payonce.api.webhooks")
# Soon enough that a provider which honours it is not kept waiting, long enough for a database to restart.
STORE_RETRY_SECONDS: Final = 5.0


async def deliver(request: Request) -> Response:
    """One delivered webhook."""
    edge, call = edge_of(request), call_of(request)
    provider, account = request.path_params["provider"], request.path_params.get("account")
    merchant_id = _merchant_of(edge, provider, request.path_params.get("merchant"), account)
    delivery = Delivery(provider, account, call.headers, call.body, call.request_id, call.trace)
    try:
        received = await edge.gatherer.put(merchant_id, delivery)
    except Exception as error:
        answer = _in_own_words(acknowledge(edge.world, merchant_id, provider, account, "retry"), "retry")
        if answer is None:
            raise
        # Whatever is wrong with us, the provider hears in its own words that it may come again.
        LOG.error("webhook_not_taken", provider=provider, exc_info=error)
        return answer
    said = acknowledgement_of(edge.world, merchant_id, received)
    return _in_own_words(said, acknowledged(received)) or _for_people(received, said.status)


class Delivering:
    """`deliver` as an application: Starlette wraps a function twice for errors that the frame catches anyway."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await deliver(Request(scope, receive, send))
        await response(scope, receive, send)


def routes() -> list[Route]:
    """The three forms of a webhook's address."""
    forms = ("{provider}", "{merchant}/{provider}", "{merchant}/{provider}/{account}")
    return [Route(f"/webhooks/{form}", Delivering(), methods=["POST"], name="deliver") for form in forms]


def _merchant_of(edge: Edge, provider: str, merchant_id: str | None, account: str | None) -> str:
    """Whose events come here. Raises Refused `provider_unknown` (404) where no account, or that of several merchants,
    fits."""
    owners = {
        owner
        for (name, named), owner in edge.world.merchants.items()
        if name == provider and account in (None, named) and merchant_id in (None, owner)
    }
    if len(owners) != 1:
        hint = f"Several merchants have it: /webhooks/MERCHANT/{provider} names one." if owners else ""
        said = "there is no such provider account here"
        raise Refused(said, code="provider_unknown", status=404, param="provider", hint=hint)
    return owners.pop()


def _in_own_words(said: Acknowledgement, what: Acknowledged) -> Response | None:
    """The answer as the adapter says it; None where it says no more than a status."""
    if said.body == plain_acknowledgement(what).body:
        return None
    return Response(said.body, said.status, media_type=said.content_type)


def _for_people(received: Received, status: int) -> Response:
    if received.verdict == "forged":
        raise Refused("the signature does not verify", code="webhook_forged", status=status)
    if received.verdict == "retry":
        raise Unavailable(
            "the event could not be stored", code="store_unavailable", retry_after_seconds=STORE_RETRY_SECONDS,
            status=status,
        )  # fmt: skip
    told = {
        "received": True,
        "verdict": received.verdict,
        "event_id": ids.show(ids.EVENT, received.event_id) if received.event_id else None,
    }
    return Response(json.dumps(told), status, media_type="application/json")
