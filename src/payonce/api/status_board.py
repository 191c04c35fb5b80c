"""The last known state of orders, for a second or two (E6): any number of pages that wait cost one read, and say so."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from payonce.api.shapes import compact, etag_of, status_json
from payonce.base.clock import Clock
from payonce.usecases.answers import OrderView

# Shorter than anybody notices, and long enough that a crowd on one link is one reader.
FRESH_FOR: Final = timedelta(seconds=1.5)
MOST_ORDERS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An order as it was read at an instant, and what a status says of it, also as JSON: made once, told many times."""

    order: OrderView
    as_of: datetime
    shape: Mapping[str, Any]
    text: str
    tag: str


class StatusBoard:
    """Snapshots by merchant and order, the longest unseen forgotten first."""

    def __init__(self, clock: Clock, *, most: int = MOST_ORDERS) -> None:
        self._clock = clock
        self._most = most
        self._seen: OrderedDict[tuple[str, UUID], Snapshot] = OrderedDict()

    def put(self, order: OrderView) -> Snapshot:
        """Remember how the order is now. An older reading that comes late replaces nothing newer."""
        key = (order.merchant_id, order.id)
        known = self._seen.get(key)
        shape = status_json(order)
        text = compact(shape)
        snapshot = Snapshot(order, self._clock.now(), shape, text, etag_of(text))
        if known is not None and known.order.version > order.version:
            return known
        self._seen[key] = snapshot
        self._seen.move_to_end(key)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
        return snapshot

    def fresh(self, merchant_id: str, order_id: UUID) -> Snapshot | None:
        """The order if it was read a moment ago."""
        snapshot = self.last(merchant_id, order_id)
        # Also not after the clock was set back: what was read in its future is of unknown age.
        is_fresh = snapshot is not None and timedelta() <= self._clock.now() - snapshot.as_of < FRESH_FOR
        return snapshot if is_fresh else None

    def last(self, merchant_id: str, order_id: UUID) -> Snapshot | None:
        """The order as it was last read, however long ago."""
        return self._seen.get((merchant_id, order_id))
