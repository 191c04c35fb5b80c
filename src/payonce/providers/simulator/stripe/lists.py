"""Pages of objects as Stripe gives them: newest first, cursors by object id, `created` windows, and lag on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import StripeError, no_such
from payonce.providers.simulator.stripe.params import Params

DEFAULT_LIMIT: Final = 10
LARGEST_LIMIT: Final = 100


class Record(Protocol):
    """What a list can hold."""

    id: str
    created: int

    def shown(self) -> dict[str, Any]: ...


Row = TypeVar("Row", bound=Record)


@dataclass(frozen=True, slots=True)
class Window:
    """Bounds of `created`, both included; unix seconds."""

    first: int
    last: int


def page(
    books: Books,
    params: Params,
    records: dict[str, Row],
    url: str,
    fits: Callable[[Row], bool],
    *,
    oldest: int = 0,
) -> dict[str, Any]:
    """One page of the records that fit. Reads the parameters that all lists share, and refuses unknown ones.

    Objects made within the last `list_lag` seconds are missing, as if this list were behind the truth.
    """
    limit = params.integer("limit", smallest=1, largest=LARGEST_LIMIT) or DEFAULT_LIMIT
    after, before = params.text("starting_after"), params.text("ending_before")
    window = _window(params, max(oldest, 0), int(books.now() - books.settings.list_lag))
    params.finish()
    if after is not None and before is not None:
        raise StripeError("You may only provide one of starting_after and ending_before.", param="ending_before")
    for cursor, name in ((after, "starting_after"), (before, "ending_before")):
        if cursor is not None and cursor not in records:
            raise no_such(url.rsplit("/", 1)[-1].removesuffix("s"), cursor, param=name, status=400)
    rows = (row for row in _between(records, window, after, before) if fits(row))
    if before is not None:
        # The rows next to the cursor, shown newest first like every page.
        newer = list(rows)
        return _envelope(newer[-limit:], url, len(newer) > limit)
    found: list[Row] = []
    for row in rows:
        if len(found) == limit:
            return _envelope(found, url, True)
        found.append(row)
    return _envelope(found, url, False)


def _between(records: dict[str, Row], window: Window, after: str | None, before: str | None) -> Iterator[Row]:
    """Newest first, beginning below `after` and ending above `before`."""
    passed = after is None
    for object_id, row in reversed(records.items()):
        if object_id == before or row.created < window.first:
            return
        if passed and row.created <= window.last:
            yield row
        passed = passed or object_id == after


def _window(params: Params, first: int, last: int) -> Window:
    bounds = params.section("created") if params.is_branch("created") else None
    if bounds is None:
        exact = params.integer("created")
        return Window(first, last) if exact is None else Window(max(first, exact), min(last, exact))
    for name, step in (("gte", 0), ("gt", 1)):
        value = bounds.integer(name)
        first = first if value is None else max(first, value + step)
    for name, step in (("lte", 0), ("lt", -1)):
        value = bounds.integer(name)
        last = last if value is None else min(last, value + step)
    return Window(first, last)


def _envelope(rows: list[Row], url: str, more: bool) -> dict[str, Any]:
    return {"object": "list", "data": [row.shown() for row in rows], "has_more": more, "url": url}
