"""A database that is poorer than PostgreSQL: every transaction SERIALIZABLE, and no SKIP LOCKED.

Who finds a row locked waits for it, as on engines that lack it. NOTIFY needs no switch, for nothing of ours uses it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from psycopg import pq

from payonce.drivers.pipeline import Pipeline, Reply
from payonce.drivers.postgres_shared import Lines
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.store.database import Call, Limits

R = TypeVar("R")
# Set by `make poor`: whatever a house does, it does on the poorer database.
IS_POOR: Final = bool(os.environ.get("PAYONCE_TESTS_POOR"))
_SKIPS: Final = re.compile(r"\s+SKIP\s+LOCKED\b")


def without_skipping(call: Call) -> Call:
    """The call as an engine without SKIP LOCKED is asked."""
    query, params = call
    return replace(query, sql=_SKIPS.sub("", query.sql)), params


class PoorLine(Pipeline):
    """A connection that never skips what is locked."""

    def __init__(self, line: Pipeline) -> None:
        self.connection = line.connection
        self.warnings = line.warnings
        self.line = line

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """One round trip."""
        return await self.line.exchange([without_skipping(call) for call in calls], patience_seconds=patience_seconds)

    @property
    def is_lost(self) -> bool:
        return self.line.is_lost

    @property
    def status(self) -> pq.TransactionStatus:
        return self.line.status

    def cut(self) -> None:
        """Drop the connection."""
        self.line.cut()


class PoorLines:
    """`Lines` whose connections are poor."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    async def take(self) -> Pipeline:
        """A free connection."""
        return PoorLine(await self._lines.take())

    async def give_back(self, line: Pipeline) -> None:
        """Take it back."""
        await self._lines.give_back(line.line if isinstance(line, PoorLine) else line)

    async def doubt(self) -> None:
        """One connection was lost."""
        await self._lines.doubt()

    def forget_plans(self) -> None:
        """Prepare anew."""
        self._lines.forget_plans()

    async def undisturbed(self, work: Coroutine[Any, Any, R]) -> R:
        """Run `work` to its end."""
        return await self._lines.undisturbed(work)


def database_of(dsn: str, *, is_poor: bool = IS_POOR, limits: Limits | None = None, **more: Any) -> SyncDatabase:
    """The port for tests that can be run on both."""
    if not is_poor:
        return SyncDatabase(dsn, limits=limits, **more)
    database = SyncDatabase(dsn, limits=replace(limits or Limits(), serializable=True), **more)
    database._lines = PoorLines(database._lines)
    return database
