"""Stripe's lists that are walked: the log of events, and the objects that can bring or take money.

The log is two lists, because a call takes twenty types at most. An entry is written anew from the page, so that each
has bytes of its own; what is odd in somebody else's entry is met only when that one is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from payonce.base.errors import ensure
from payonce.providers.contract import Listing, Unknown
from payonce.providers.listing import Entry, Page
from payonce.providers.stripe.asking import seconds
from payonce.providers.stripe.events import ENVELOPES, HANDLED
from payonce.providers.stripe.wire import Surprise, instant, mapping, name
from payonce.providers.transport import Answer

# The largest page that a list takes.
PAGE_SIZE: Final = 100
# "Up to 30 days" (API reference, List all events).
LOG_SECONDS: Final = 30 * 24 * 3600
# A page is paid within its life of 35 minutes, and 3-D Secure takes minutes more; what takes longer is asked about.
OBJECTS_OVERLAP_SECONDS: Final = 3600
# The scan for what the log did not tell comes every quarter of an hour (C15).
OBJECTS_PAUSE_SECONDS: Final = 14 * 60
# A page of a hundred events is some 500 kB; what is much larger is asked for in smaller windows, or is a mistake.
LARGEST_PAGE_BYTES: Final = 2 * 1024 * 1024

_BACK: Final = ("refund.", "charge.refund.", "charge.dispute.")
PAYMENT_EVENTS: Final = tuple(kind for kind in HANDLED if not kind.startswith(_BACK))
RETURN_EVENTS: Final = tuple(kind for kind in HANDLED if kind.startswith(_BACK))

# Row: the list's name, its address, and what is asked of it beside the window.
_ROWS: Final[Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "events_of_payments": ("/v1/events", tuple(("types[]", kind) for kind in PAYMENT_EVENTS)),
    "events_of_returns": ("/v1/events", tuple(("types[]", kind) for kind in RETURN_EVENTS)),
    # The money of a session is its intent's.
    "checkout_sessions": ("/v1/checkout/sessions", (("expand[]", "data.payment_intent"),)),
    "payment_intents": ("/v1/payment_intents", ()),
    "refunds": ("/v1/refunds", ()),
    "disputes": ("/v1/disputes", ()),
}
LISTS: Final = tuple(
    Listing(each, is_log=True, reach_seconds=LOG_SECONDS)
    if path == "/v1/events"
    else Listing(each, overlap_seconds=OBJECTS_OVERLAP_SECONDS, pause_seconds=OBJECTS_PAUSE_SECONDS)
    for each, (path, _) in _ROWS.items()
)


def page_path(which: str, since: datetime, until: datetime | None, page: str | None) -> str:
    """The address of a page. Whole seconds, both ends included."""
    ensure(which in _ROWS, f"Stripe has no list {which}")
    path, more = _ROWS[which]
    query = [("limit", str(PAGE_SIZE)), ("created[gte]", seconds(since)), *more]
    if until is not None:
        query.append(("created[lte]", seconds(until)))
    if page is not None:
        query.append(("starting_after", page))
    return f"{path}?{urlencode(query)}"


def read_page(answer: Answer) -> Page | Unknown:
    """The page in an answer of success. Raises nothing, whatever the bytes."""
    if len(answer.body) > LARGEST_PAGE_BYTES:
        return Unknown("a page is too large", is_too_much=True)
    try:
        return _read(json.loads(answer.body))
    except Surprise as error:
        return Unknown(f"the list was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the list was not understood: {type(error).__name__}")


def _read(page: Any) -> Page:
    found = mapping(page)
    data, more = found.get("data"), found.get("has_more")
    if found.get("object") != "list" or not isinstance(data, list) or not isinstance(more, bool):
        raise Surprise("no list")
    if more and not data:
        raise Surprise("an empty page that is not the last")
    entries = tuple(_entry(each) for each in data)
    return Page(entries, name(mapping(data[-1]).get("id"), "the id of the last entry") if more else None)


def _entry(entry: object) -> Entry:
    key, made_at = _key_of(entry), instant(mapping(entry).get("created"))
    # An event that is known by its key is not read, and its bytes are not needed.
    return Entry(partial(_bytes_of, entry) if key else _bytes_of(entry), made_at, key)


def _key_of(entry: object) -> str:
    """The id of an event, which is what a webhook's key is; objects are known by their bytes."""
    event = mapping(entry)
    found, kind = event.get("id"), event.get("object")
    return found if isinstance(kind, str) and kind in ENVELOPES and isinstance(found, str) else ""


def _bytes_of(entry: object) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode("ascii")
