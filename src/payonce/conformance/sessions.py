"""Sessions on the engine under test: plain connections, one of which may wait for another.

Statements go out as they are written, and none is prepared: what the driver adds is tried by checks of its own. A
setting holds for one transaction only, because a pooler may give the next one to another session.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

from payonce.conformance.check import NotKept
from payonce.drivers.connecting import conninfo
from payonce.store.database import Limits

# Who has no answer after this time waits for somebody. A lock that is free is had in a thousandth of it.
PATIENCE_SECONDS: Final = 0.5
# Longer than any answer here takes, on a slow engine far away too.
DEADLINE_SECONDS: Final = 30.0
Rows = list[tuple[Any, ...]]


class Pending:
    """A statement under way."""

    def __init__(self, session: Session, answer: Future[tuple[int, Rows]]) -> None:
        self._session = session
        self._answer = answer

    def is_waiting(self) -> bool:
        """Whether it waits for somebody: there is no answer within our patience."""
        try:
            self._answer.exception(self._session.patience_seconds)
        except Late:
            return True
        return False

    def touched(self) -> int:
        """How many rows it touched. Raises its error."""
        return self._end()[0]

    def rows(self) -> Rows:
        """Its rows. Raises its error."""
        return self._end()[1]

    def _end(self) -> tuple[int, Rows]:
        try:
            return self._answer.result(self._session.deadline_seconds)
        except Late:
            raise NotKept(f"A statement is not answered within {self._session.deadline_seconds:.0f} s.") from None


class Session:
    """One connection, with a thread that waits in its place."""

    def __init__(
        self, dsn: str, *, patience_seconds: float = PATIENCE_SECONDS, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self.connection = psycopg.connect(conninfo(dsn, Limits()), autocommit=True, prepare_threshold=None)
        self.patience_seconds = patience_seconds
        self.deadline_seconds = deadline_seconds
        self._thread = ThreadPoolExecutor(1)

    def rows(self, text: str, *values: object) -> Rows:
        """The rows that a statement gives."""
        return self.ask(text, *values).rows()

    def touch(self, text: str, *values: object) -> int:
        """How many rows a statement touches."""
        return self.ask(text, *values).touched()

    def do(self, *texts: str) -> None:
        """Carry out statements, one after the other."""
        for text in texts:
            self.touch(text)

    def ask(self, text: str, *values: object) -> Pending:
        """Send a statement, and do not wait for its answer."""
        return Pending(self, self._thread.submit(self._execute, self.spoken(text), values))

    def spoken(self, text: str) -> str:
        """The statement as it is sent."""
        return text

    def close(self) -> None:
        """End it, also while a statement waits; what is open is rolled back."""
        if self.connection.info.transaction_status == TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                self.connection.cancel_safe(timeout=DEADLINE_SECONDS)
        self._thread.shutdown()
        self.connection.close()

    def _execute(self, text: str, values: Sequence[object]) -> tuple[int, Rows]:
        found = self.connection.execute(text.encode(), values or None)
        return found.rowcount, found.fetchall() if found.description else []
