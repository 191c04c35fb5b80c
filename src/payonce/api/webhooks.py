"""Webhooks of providers: raw bytes in, an answer that means *stored durably* out. Plain routes, because this is the
hot path.

`/webhooks/{provider}` serves where one merchant has that provider; the account is the one whose secret verifies. What
is answered is the provider's own matter: its adapter says it (`acknowledge`). Providers that read no more than the
status get a body for people.
"""

from __future__ import annotations

from typing import Final

import structlog
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from payonce.api.calls import SCOPE_KEY, Call
from payonce.api.edge import Edge
from payonce.base import ids
from payonce.base.errors import Refused, Unavailable
from payonce.providers.contract import Acknowledged, Acknowledgement, plain_acknowledgement
from payonce.usecases.acknowledge import acknowledge, acknowledged, acknowledgement_of
from payonce.usecases.answers import Received
from payonce.usecases.receive import Delivery

LOG: Final = structlog.get_logger("payonce.api.webhooks")
# Soon enough that a provider which honours it is not kept waiting, long enough for a database to restart.
STORE_RETRY_SECONDS: Final = 5.0
FORMS: Final = ("{provider}", "{merchant}/{provider}", "{merchant}/{provider}/{account}")
_POST: Final = "POST"


class Delivering:
    """The route as an application of its own, for the frame to call at once: a router and its wrappers cost as much as
    taking a webhook in.
    """

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._routes = [Route(f"/webhooks/{form}", self, methods=[_POST], name="deliver") for form in FORMS]
        # By what the address names, and what is answered by whom it came to: both are settings, and never change.
        self._owners: dict[tuple[str, str | None, str | None], str] = {}
        self._answers: dict[tuple[str, str, str, Acknowledged], tuple[Acknowledgement, bool]] = {}

    def routes(self) -> list[Route]:
        """The three forms of a webhook's address, for a router."""
        return self._routes

    def straight(self, scope: Scope) -> Scope | None:
        """The scope as the router would hand it to the route, where it is a delivery; None: let the router look."""
        call: Call = scope[SCOPE_KEY]
        path: str = scope["path"].removeprefix(call.root)
        if scope["method"] != _POST or not path.startswith("/webhooks/"):
            return None
        for route in self._routes:
            found = route.path_regex.match(path)
            if found is not None:
                return {**scope, "route": route, "path_params": found.groupdict()}
        return None

    def lane_of(self, path: str) -> tuple[str, tuple[int, list[tuple[bytes, bytes]], bytes] | None] | None:
        """Whose deliveries come to this path, and what its provider is told where none can be taken in now: None as
        everybody. None where it leads to no account."""
        found = next((match for route in self._routes if (match := route.path_regex.match(path))), None)
        if found is None:
            return None
        params = found.groupdict()
        provider, account = params["provider"], params.get("account")
        try:
            merchant_id = self._owner(provider, params.get("merchant"), account)
        except Refused:
            return None
        said = acknowledge(self._edge.world, merchant_id, provider, account, "retry")
        return merchant_id, None if _is_plain(said, "retry") else (said.status, _headers(said), said.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One delivered webhook, whose body the frame has read."""
        call: Call = scope[SCOPE_KEY]
        params = scope["path_params"]
        provider, account = params["provider"], params.get("account")
        merchant_id = self._owner(provider, params.get("merchant"), account)
        delivery = Delivery(provider, account, call.headers, call.body, call.request_id, call.trace)
        try:
            received = await self._edge.gatherer.put(merchant_id, delivery)
        except Exception as error:
            said = acknowledge(self._edge.world, merchant_id, provider, account, "retry")
            if _is_plain(said, "retry"):
                raise
            # Whatever is wrong with us, the provider hears in its own words that it may come again. What was only too
            # much is counted, and a line for each would be too much again.
            if not (isinstance(error, Unavailable) and error.code == "overloaded"):
                LOG.error("webhook_not_taken", provider=provider, request_id=call.request_id, exc_info=error)
            await _say(send, said)
            return
        said, is_plain = self._answer(merchant_id, received)
        await _say(send, _for_people(received, said.status) if is_plain else said)

    def _owner(self, provider: str, merchant_id: str | None, account: str | None) -> str:
        asked = (provider, merchant_id, account)
        if asked not in self._owners:
            # Only what is found is kept: there are as many addresses of nobody as somebody likes to try.
            self._owners[asked] = _merchant_of(self._edge, provider, merchant_id, account)
        return self._owners[asked]

    def _answer(self, merchant_id: str, received: Received) -> tuple[Acknowledgement, bool]:
        """What the adapter says to it, and whether that is no more than a status."""
        what = acknowledged(received)
        about = (merchant_id, received.provider, received.account, what)
        if about not in self._answers:
            said = acknowledgement_of(self._edge.world, merchant_id, received)
            self._answers[about] = (said, _is_plain(said, what))
        return self._answers[about]


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


def _is_plain(said: Acknowledgement, what: Acknowledged) -> bool:
    """Whether the adapter says no more than a status."""
    return said.body == plain_acknowledgement(what).body


def _for_people(received: Received, status: int) -> Acknowledgement:
    if received.verdict == "forged":
        raise Refused("the signature does not verify", code="webhook_forged", status=status)
    if received.verdict == "retry":
        raise Unavailable(
            "the event could not be stored", code="store_unavailable", retry_after_seconds=STORE_RETRY_SECONDS,
            status=status,
        )  # fmt: skip
    # Words of ours and letters of an id: nothing that JSON would have to escape.
    event_id = f'"{ids.show(ids.EVENT, received.event_id)}"' if received.event_id else "null"
    told = f'{{"received": true, "verdict": "{received.verdict}", "event_id": {event_id}}}'
    return Acknowledgement(status, told.encode())


async def _say(send: Send, said: Acknowledgement) -> None:
    await send({"type": "http.response.start", "status": said.status, "headers": _headers(said)})
    await send({"type": "http.response.body", "body": said.body})


def _headers(said: Acknowledgement) -> list[tuple[bytes, bytes]]:
    kind = said.content_type
    if kind.startswith("text/") and "charset=" not in kind:
        kind += "; charset=utf-8"
    return [(b"content-length", b"%d" % len(said.body)), (b"content-type", kind.encode("latin-1"))]
