"""Outgoing webhooks: what happened to an order, told to an application's endpoint by Standard Webhooks 1.0.

Delivered at least once, with an id that is the same at every try: a receiver that keeps the ids it has seen is told
once. `order.paid` is fulfilment, because the application may deliver goods by it; the others only tell.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.domain.effect import OCCASIONS, PAYOUT_DUE, EffectKind
from payonce.notify.signing import Signer
from payonce.providers.transport import Answer, Request, Transport, Unreachable
from payonce.usecases.effect_handlers import Accepted, EffectCall, NotAccepted, Outcome, OutcomeUnknown

# A receiver that needs longer should answer first and work afterwards, as the standard says.
CALL_SECONDS: Final = 10.0
# What is kept of an answer, for people.
ANSWER_LETTERS: Final = 200
# Longer pauses than this are not asked for in earnest.
LONGEST_RETRY_AFTER_SECONDS: Final = 24 * 3600
USER_AGENT: Final = "payonce-webhooks"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where outgoing webhooks go, and who signs them. `name` begins the names of its kinds.

    `allow_private`: the address is from the operator's own settings, so it may be http and lead anywhere. Any other one
    is https, and its addresses are checked at every connect by the sender. Raises Refused `webhook_url_invalid`.
    """

    url: str
    signer: Signer = field(repr=False)
    name: str = "webhook"
    allow_private: bool = False

    def __post_init__(self) -> None:
        if not self.url.isascii() or any(letter.isspace() for letter in self.url):
            raise _invalid("write it without spaces, and its name in the ASCII form")
        parts = urlsplit(self.url)
        try:
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            port_is_fine = False
        if not parts.hostname or not port_is_fine or parts.scheme not in ("http", "https"):
            raise _invalid("it is no address of a web server")
        if parts.scheme == "http" and not self.allow_private:
            raise _invalid("it must begin with https")
        if "@" in parts.netloc:
            raise _invalid("it must not carry a name or a password; the signature shows who calls")


def webhook_kinds(name: str = "webhook") -> list[EffectKind]:
    """The kinds of an endpoint, one for each occasion: `webhook.order.paid` is owed on `order.paid`, and so on."""
    return [
        EffectKind(
            f"{name}.{occasion}",
            occasion,
            "fulfilment" if occasion in ("order.paid", PAYOUT_DUE) else "notification",
            on_unknown="resend",
        )
        for occasion in OCCASIONS
    ]


class WebhookHandler:
    """Delivers effects to one endpoint. `transport` must be one that checks addresses (`HttpSender`)."""

    def __init__(self, endpoint: Endpoint, transport: Transport, clock: Clock) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._clock = clock

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        """Call the endpoint once. 2xx is accepted, 410 ends it, anything else is refused for now."""
        try:
            answer = await self._transport.send(self._request(effect))
        except Unreachable as error:
            return OutcomeUnknown(error.reason) if error.sent else NotAccepted(error.reason)
        return outcome_of(answer)

    def _request(self, effect: EffectCall) -> Request:
        body = json.dumps(
            {
                "type": effect.occasion,
                "timestamp": _iso(effect.owed_at),
                "data": effect.about.get("payout", effect.order),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        headers = (
            ("content-type", "application/json"),
            ("user-agent", USER_AGENT),
            *self._endpoint.signer.headers(effect.id, self._clock.now(), body),
            # Its cause, what that followed from, by which run, and which try it is: support can name them (A20).
            ("payonce-cause", _header(effect.cause)),
            ("payonce-caused-by", _header(effect.caused_by)),
            *((("payonce-run", effect.run_id),) if effect.run_id else ()),
            ("payonce-try", str(effect.try_number)),
        )
        return Request("POST", self._endpoint.url, headers, body.encode(), CALL_SECONDS)


def webhook_effects(endpoint: Endpoint, transport: Transport, clock: Clock) -> list[tuple[EffectKind, WebhookHandler]]:
    """Every kind of the endpoint with its handler, as `Handlers.add` takes them."""
    handler = WebhookHandler(endpoint, transport, clock)
    return [(kind, handler) for kind in webhook_kinds(endpoint.name)]


def operators_endpoint(url: str, secrets: str | Sequence[str]) -> Endpoint:
    """The endpoint of `PAYONCE_WEBHOOK_URL` and `PAYONCE_WEBHOOK_SECRET`; http and private addresses are allowed.

    Raises Refused `webhook_url_invalid`, `secret_missing`, `secret_weak`.
    """
    return Endpoint(url, Signer(secrets), allow_private=True)


def outcome_of(answer: Answer) -> Outcome:
    """What an answer means: 2xx is accepted, 410 a no for ever, anything else a no for now."""
    if 200 <= answer.status < 300:
        return Accepted(str(answer.status))
    text = answer.body[: ANSWER_LETTERS * 4].decode("utf-8", "replace").strip()[:ANSWER_LETTERS]
    reason = f"{answer.status} {text}".strip()
    if 300 <= answer.status < 400:
        return NotAccepted(f"{answer.status}: a redirect is not followed")
    # 410: the receiver says that it will never take it. The kind's finding tells a person.
    return NotAccepted(reason, _retry_after(answer), is_final=answer.status == 410)


def _retry_after(answer: Answer) -> float | None:
    """The seconds that the receiver asks for. A date is not read: it would compare the clocks of two machines."""
    text = (answer.header("retry-after") or "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return float(min(int(text[:9]), LONGEST_RETRY_AFTER_SECONDS))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _header(text: str) -> str:
    """Text as a header's value: printable ASCII, nothing that could end the line."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)[:200]


def _invalid(why: str) -> Refused:
    return Refused(f"the address of the webhook endpoint is refused: {why}", code="webhook_url_invalid", param="url")
