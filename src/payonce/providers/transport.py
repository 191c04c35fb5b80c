"""The one way out to a provider: exact bytes in, exact bytes out. Implementations live in `drivers`.

It never retries: whether a request may be sent again is a decision about money, which the use cases make.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete: `url` absolute, `body` as it goes over the wire, one deadline for everything."""

    method: str
    url: str
    # Out of the printed form, because they carry the API key.
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. Header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """The first header of that name (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def made_at(self) -> datetime | None:
        """When it was made, by the clock of whoever made it, in whole seconds (RFC 9110, Date); None where that is not
        said, or cannot be read."""
        date = self.header("date")
        try:
            said = None if date is None else parsedate_to_datetime(date)
            return said if said is None else said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
        except (ValueError, OverflowError):
            return None


class Unreachable(Exception):
    """No usable answer. `sent` is False only when the request provably never left: the outcome is else unknown."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class Transport(Protocol):
    """Sends one request and returns the answer, or raises Unreachable. Refuses to run inside a transaction (Bug)."""

    async def send(self, request: Request) -> Answer: ...
