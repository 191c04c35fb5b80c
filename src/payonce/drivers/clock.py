"""The real clocks: one that waits on asyncio, one that blocks its thread."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's time; waiting lets the event loop go on."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed."""
        await asyncio.sleep(seconds)


class BlockingClock:
    """The machine's time; waiting blocks the thread. For the synchronous driver, which has no event loop."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed."""
        time.sleep(seconds)  # noqa: ASYNC251  (no loop is there to block)
