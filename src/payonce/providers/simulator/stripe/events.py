"""The calls on `/v1/events`: the log that a back-fill walks. It reaches back 30 days."""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import StripeError, no_such
from payonce.providers.simulator.stripe.event import Event
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.params import Params

MOST_TYPES: Final = 20


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/events/{id}"""
    params.finish()
    event = books.events.get(object_id)
    if event is None or event.created < _oldest(books):
        raise no_such("event", object_id)
    return event.shown()


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/events. `delivery_success=false` also gives those that are still waiting to be delivered."""
    one, several = params.text("type"), params.texts("types", most=MOST_TYPES)
    delivered = params.boolean("delivery_success")
    if one is not None and several:
        raise StripeError("You may only specify one of these parameters: type, types.", param="type")
    wanted = frozenset(several if one is None else [one])
    # By name, or by a group such as `charge.*`.
    groups = tuple(group[:-1] for group in wanted if group.endswith(".*"))

    def fits(row: Event) -> bool:
        is_wanted = not wanted or row.type in wanted or row.type.startswith(groups)
        return is_wanted and delivered in (None, row.delivered)

    return page(books, params, books.events, "/v1/events", fits, oldest=_oldest(books))


def _oldest(books: Books) -> int:
    return int(books.now() - books.settings.event_life)
