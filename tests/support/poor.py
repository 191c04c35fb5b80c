"""A database that is poorer than PostgreSQL: every transaction SERIALIZABLE, and no SKIP LOCKED.

Who finds a row locked waits for it, as on engines that lack it. NOTIFY needs no switch, for nothing of ours uses it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from payonce.base.errors import Unavailable
from payonce.drivers.pipeline import Reply
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.wrapped_lines import WrappedLine, WrappedLines
from payonce.store.database import Call, Limits
from tests.support.waiting import DEADLINE_SECONDS

T = TypeVar("T")

# Set by `make poor`: whatever a house does, it does on the poorer database.
IS_POOR: Final = bool(os.environ.get("PAYONCE_TESTS_POOR"))
# What the database says to whom it lets begin again there, and nowhere else.
SERIALIZATION_FAILURE: Final = "40001"
_SKIPS: Final = re.compile(r"\s+SKIP\s+LOCKED\b")


def without_skipping(call: Call) -> Call:
    """The call as an engine without SKIP LOCKED is asked."""
    query, params = call
    return replace(query, sql=_SKIPS.sub("", query.sql)), params


class PoorLine(WrappedLine):
    """A connection that never skips what is locked."""

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """One round trip."""
        return await self.line.exchange([without_skipping(call) for call in calls], patience_seconds=patience_seconds)


def database_of(dsn: str, *, is_poor: bool = IS_POOR, limits: Limits | None = None, **more: Any) -> SyncDatabase:
    """The port for tests that can be run on both."""
    if not is_poor:
        return SyncDatabase(dsn, limits=limits, **more)
    database = SyncDatabase(dsn, limits=replace(limits or Limits(), serializable=True), **more)
    database._lines = WrappedLines(database._lines, PoorLine)
    return database


def answered(act: Callable[[], T]) -> T:
    """What comes of an act. Rivals wait for each other's locks; where everything is SERIALIZABLE they begin again
    instead, and who did so too often is told to come back, with nothing done. There he does, as any caller is to.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return act()
        except Unavailable as error:
            told_to_come_back = error.detail.get("sqlstate") == SERIALIZATION_FAILURE
            if not (IS_POOR and told_to_come_back) or time.monotonic() > deadline:
                raise
