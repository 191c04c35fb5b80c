"""Which calls the simulated Stripe understands, by name. Search is left out: it lags, and money must not rest on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from payonce.providers.simulator.stripe import (
    account,
    balance,
    charges,
    checkout_sessions,
    disputes,
    endpoints,
    events,
    payment_intents,
    payment_methods,
    refunds,
)
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import unknown_url
from payonce.providers.simulator.stripe.params import Params

Operation: TypeAlias = Callable[[Books, Params, str], dict[str, Any]]
# Method, path below /v1 with `*` for an id.
Shape: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """One call: its name for logs and fault rules, what does it, and the id in its path."""

    name: str
    act: Operation
    object_id: str = ""


def _usual(noun: str, module: Any, *verbs: str) -> dict[Shape, Route]:
    """The calls that most nouns share, and their verbs."""
    found: dict[Shape, Route] = {}
    for verb in verbs:
        shape = {
            "create": ("POST", noun),
            "list": ("GET", noun),
            "retrieve": ("GET", f"{noun}/*"),
            "update": ("POST", f"{noun}/*"),
            "delete": ("DELETE", f"{noun}/*"),
        }.get(verb, ("POST", f"{noun}/*/{verb}"))
        act = getattr(module, "listed" if verb == "list" else verb)
        found[shape] = Route(f"{noun.replace('/', '.')}.{verb}", act)
    return found


ROUTES: Final[dict[Shape, Route]] = {
    ("GET", "account"): Route("account.retrieve", account.retrieve),
    **_usual(
        "payment_intents", payment_intents, "create", "list", "retrieve", "update", "confirm", "cancel", "capture"
    ),
    **_usual("payment_methods", payment_methods, "create", "retrieve"),
    **_usual("checkout/sessions", checkout_sessions, "create", "list", "retrieve", "update", "expire"),
    ("GET", "checkout/sessions/*/line_items"): Route("checkout.sessions.line_items", checkout_sessions.line_items),
    **_usual("charges", charges, "list", "retrieve"),
    **_usual("refunds", refunds, "create", "list", "retrieve", "update"),
    **_usual("disputes", disputes, "list", "retrieve"),
    **_usual("balance_transactions", balance, "list", "retrieve"),
    **_usual("events", events, "list", "retrieve"),
    **_usual("webhook_endpoints", endpoints, "create", "list", "retrieve", "update", "delete"),
}


def find(method: str, path: str) -> Route:
    """The call that a request makes. Raises StripeError 404."""
    parts = path.removeprefix("/v1/").split("/")
    at = 2 if parts[0] == "checkout" else 1
    object_id = unquote(parts[at]) if len(parts) > at else ""
    shape = "/".join([*parts[:at], *(["*"] if object_id else []), *parts[at + 1 :]])
    route = ROUTES.get((method, shape))
    if route is None:
        raise unknown_url(method, path)
    return Route(route.name, route.act, object_id)
