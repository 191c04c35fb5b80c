"""Evidence of who called, written off the request's path (E20): a bounded queue, emptied in batches by one task.

While the database does not answer the newest are kept and the oldest dropped, and counted: evidence is no state, and
must never slow down or fail a payer.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from itertools import groupby
from typing import Final

import structlog

from payonce.base.errors import PayonceError
from payonce.usecases.evidence import Evidence, write_evidence
from payonce.usecases.world import World

LOG: Final = structlog.get_logger("payonce.api.evidence")
# About ten seconds of the fastest status reads; some four megabytes.
MOST_KEPT: Final = 10_000
LARGEST_BATCH: Final = 500
RETRY_SECONDS: Final = 2.0


class EvidenceLog:
    """`note` never waits and never fails. The writing task starts by itself with the first row."""

    def __init__(self, world: World, *, most_kept: int = MOST_KEPT, retry_seconds: float = RETRY_SECONDS) -> None:
        self._world = world
        self._retry_seconds = retry_seconds
        self._rows: deque[tuple[str, Evidence]] = deque(maxlen=most_kept)
        self._writer: asyncio.Task[None] | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._rows)

    def note(self, merchant_id: str, row: Evidence) -> None:
        """Keep the row for the next batch."""
        self.dropped += len(self._rows) == self._rows.maxlen
        self._rows.append((merchant_id, row))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), context=contextvars.Context())

    async def written(self) -> None:
        """Return when everything noted so far is written, or was tried once more in vain."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=self._retry_seconds)

    async def close(self) -> None:
        """Write what is left if the database answers, and stop."""
        await self.written()
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        while self._rows:
            batch = [self._rows.popleft() for _ in range(min(len(self._rows), LARGEST_BATCH))]
            batch.sort(key=lambda pair: pair[0])
            for merchant_id, pairs in groupby(batch, key=lambda pair: pair[0]):
                await self._write_rows(merchant_id, [row for _, row in pairs])

    async def _write_rows(self, merchant_id: str, rows: list[Evidence]) -> None:
        while True:
            try:
                await write_evidence(self._world, merchant_id, rows)
            except PayonceError as error:
                if not error.retryable:
                    # Something is wrong with the rows themselves; the next batch may be fine.
                    LOG.error("evidence_lost", code=error.code, rows=len(rows), exc_info=error)
                    self.dropped += len(rows)
                    return
                await asyncio.sleep(self._retry_seconds)
            else:
                return
