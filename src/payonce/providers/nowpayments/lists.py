"""NOWPayments' list of payments, walked by when they were made; it needs e-mail and password.

A payment that is old changes in place, when coins come late, and the list cannot be asked for what changed. So the last
hour is read at every walk, and the last eight days, which are a payment's life and a day, at every scan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from payonce.base.errors import ensure
from payonce.base.strict_json import RawNumber
from payonce.providers.contract import Listing, Unknown
from payonce.providers.listing import Entry, Page
from payonce.providers.nowpayments.signature import canonical
from payonce.providers.nowpayments.wire import Surprise, instant, mapping, whole
from payonce.providers.transport import Answer

HOUR: Final = 3600
# "Expired" after seven days without coins; and they still come a little later.
LIFE_SECONDS: Final = 8 * 24 * HOUR
LISTS: Final = (
    Listing("payments", overlap_seconds=HOUR),
    Listing("payments_of_days", overlap_seconds=LIFE_SECONDS, pause_seconds=14 * 60),
)


def check_name(which: str) -> None:
    """Raise Bug for a list that there is not."""
    ensure(which in {listing.name for listing in LISTS}, f"NOWPayments has no list {which}")


def read_page(answer: Answer) -> Page | Unknown:
    """The page in an answer of success. Raises nothing, whatever the bytes."""
    try:
        found = json.loads(answer.body, parse_float=RawNumber, parse_int=RawNumber)
        return _read(mapping(found))
    except Surprise as error:
        return Unknown(f"the list was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the list was not understood: {type(error).__name__}")


def _read(page: Mapping[str, Any]) -> Page:
    data = page.get("data")
    if not isinstance(data, list):
        raise Surprise("no list")
    number, pages = (
        whole(page.get("page"), "the number of a page"),
        whole(page.get("pagesCount"), "the number of pages"),
    )
    entries = tuple(Entry(_bytes_of(each), instant(mapping(each).get("created_at"))) for each in data)
    return Page(entries, str(number + 1) if number + 1 < pages else None)


def _bytes_of(entry: object) -> bytes:
    return canonical(entry).encode("utf-8", "replace")
