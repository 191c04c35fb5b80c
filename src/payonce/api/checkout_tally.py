"""How people who wanted to pay were answered, added up by the minute off the request's path (D13).

Within a minute an order counts once for an outcome: five impatient clicks are one person. While the database does not
answer counts are kept, for as many minutes as are useful afterwards.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from payonce.base.errors import PayonceError
from payonce.usecases.count_checkouts import count_checkouts
from payonce.usecases.world import World

LOG: Final = structlog.get_logger("payonce.api.checkout_tally")
# A refusal is told within a minute; one statement in five seconds is nothing to the database.
PAUSE_SECONDS: Final = 5.0
# A day of minutes with a dozen outcomes each: more than the longest window looks at.
MOST_KEPT: Final = 20_000


class CheckoutTally:
    """`note` never waits and never fails. The writing task starts by itself with the first count."""

    def __init__(self, world: World, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._world = world
        self._pause_seconds = pause_seconds
        self._counts: Counter[tuple[str, datetime, str]] = Counter()
        self._minute: datetime | None = None
        self._seen: set[tuple[UUID, str]] = set()
        self._writer: asyncio.Task[None] | None = None

    def note(self, merchant_id: str, order_id: UUID, outcome: str) -> None:
        """Count one answer, unless this order was answered so in this minute already."""
        minute = self._world.clock.now().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute = minute
            self._seen.clear()
        if (order_id, outcome) in self._seen:
            return
        self._seen.add((order_id, outcome))
        if len(self._counts) < MOST_KEPT:
            self._counts[merchant_id, minute, outcome] += 1
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), context=contextvars.Context())

    async def written(self) -> None:
        """Write what was counted so far, now."""
        taken, self._counts = self._counts, Counter()
        try:
            await count_checkouts(self._world, taken)
        except PayonceError as error:
            self._counts.update(taken)
            LOG.warning("checkouts_not_counted", code=error.code, counts=len(taken))

    async def close(self) -> None:
        """Write what is left if the database answers, and stop."""
        if self._writer is not None:
            self._writer.cancel()
        await self.written()

    async def _write(self) -> None:
        while self._counts:
            await asyncio.sleep(self._pause_seconds)
            await self.written()
