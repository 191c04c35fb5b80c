"""Which events the account's webhook endpoints are subscribed to, for `doctor` to compare with those handled (B12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.providers.contract import Call, NotDone, Subscription, Unknown
from payonce.providers.stripe.answers import refused
from payonce.providers.stripe.wire import Surprise, mapping, word
from payonce.providers.transport import Answer


def understand(call: Call, answer: Answer) -> tuple[Subscription, ...] | NotDone | Unknown:
    """The endpoints of the list, or why there is none. Raises nothing, whatever the bytes."""
    try:
        if not 200 <= answer.status < 300:
            return refused(call, answer)
        data = strict_json.parse_object(answer.body).get("data")
        if not isinstance(data, list):
            return Unknown("no list of endpoints")
        return tuple(_subscription(mapping(endpoint)) for endpoint in data)
    except (Refused, Surprise) as error:
        return Unknown(f"the answer was not understood: {error}"[:200])


def _subscription(endpoint: Mapping[str, Any]) -> Subscription:
    """One endpoint. `*` stands for every event, in Stripe's words and ours."""
    enabled = endpoint.get("enabled_events")
    url = endpoint.get("url")
    if not isinstance(enabled, list) or not isinstance(url, str):
        raise Surprise("an endpoint without address or events")
    return Subscription(
        url=url[:2000],
        events=tuple(word(event) for event in enabled),
        is_enabled=endpoint.get("status") == "enabled",
        api_version=word(endpoint.get("api_version")),
    )
