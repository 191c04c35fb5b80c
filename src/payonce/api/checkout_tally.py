"""How people who wanted to pay were answered, written by the minute off the request's path (D13)."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Final
from uuid import UUID

import structlog

from payonce.usecases.tally_checkouts import Tally
from payonce.usecases.world import World

LOG: Final = structlog.get_logger("payonce.api.checkout_tally")
# A refusal is told within a minute; one statement in five seconds is nothing to the database.
PAUSE_SECONDS: Final = 5.0


class CheckoutTally:
    """`note` never waits and never fails. The writing task starts by itself with the first count."""

    def __init__(self, world: World, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._tally = Tally(world)
        self._pause_seconds = pause_seconds
        self._writer: asyncio.Task[None] | None = None

    def note(self, merchant_id: str, order_id: UUID, outcome: str) -> None:
        """Count one answer, unless this order was answered so in this minute already."""
        self._tally.note(merchant_id, order_id, outcome)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), context=contextvars.Context())

    async def written(self) -> None:
        """Write what was counted so far, now."""
        taken = self._tally.take()
        code = await self._tally.write(taken)
        if code:
            self._tally.give_back(taken)
            LOG.warning("checkouts_not_counted", code=code)

    async def aclose(self) -> None:
        """Write what is left if the database answers, and stop."""
        if self._writer is not None:
            self._writer.cancel()
        await self.written()

    async def _write(self) -> None:
        while not self._tally.is_empty:
            await asyncio.sleep(self._pause_seconds)
            await self.written()
