"""Connections that are something else on the way: whoever wraps one says only what is different."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from psycopg import pq

from payonce.drivers.pipeline import Pipeline, Reply
from payonce.drivers.postgres_shared import Lines
from payonce.store.database import Call

R = TypeVar("R")


class WrappedLine(Pipeline):
    """A connection that does all that the other one does."""

    def __init__(self, line: Pipeline) -> None:
        # Not the parent's: there is one transformer and one set of prepared statements, those of `line`.
        self.connection = line.connection
        self.plans = line.plans
        self.warnings = line.warnings
        self.line = line

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        """One round trip."""
        return await self.line.exchange(calls, patience_seconds=patience_seconds)

    @property
    def is_lost(self) -> bool:
        return self.line.is_lost

    @property
    def status(self) -> pq.TransactionStatus:
        return self.line.status

    def cut(self) -> None:
        """Drop the connection."""
        self.line.cut()


class WrappedLines:
    """`Lines` whose connections are wrapped as they are taken."""

    def __init__(self, lines: Lines, wrap: Callable[[Pipeline], WrappedLine]) -> None:
        self._lines = lines
        self._wrap = wrap

    async def take(self) -> Pipeline:
        """A free connection."""
        return self._wrap(await self._lines.take())

    async def give_back(self, line: Pipeline) -> None:
        """Take it back."""
        await self._lines.give_back(line.line if isinstance(line, WrappedLine) else line)

    async def doubt(self) -> None:
        """One connection was lost."""
        await self._lines.doubt()

    def forget_plans(self) -> None:
        """Prepare anew."""
        self._lines.forget_plans()

    async def undisturbed(self, work: Coroutine[Any, Any, R]) -> R:
        """Run `work` to its end."""
        return await self._lines.undisturbed(work)
