"""What goes in and out of a simulator, free of sockets: a request, and an answer with the manner of its arrival."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal

# whole: as it is; drip: one byte a second; reset: the connection breaks; silence: nothing until the caller gives up.
Manner = Literal["whole", "drip", "reset", "silence"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `query` is without the question mark; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The header of that name (lower case), or None."""
        return self.headers.get(name)

    def text(self) -> str:
        """Everything that a fault rule may look for: path, query, key and body."""
        key = self.headers.get("idempotency-key", "")
        return f"{self.path}?{self.query}\n{key}\n{self.body.decode('utf-8', 'replace')}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. Whoever carries it waits `delay_seconds` first and then delivers it in its `manner`."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_seconds: float = 0.0
    manner: Manner = "whole"

    def header(self, name: str) -> str | None:
        """The first header of that name (any case), or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


def dated(unix_seconds: float) -> tuple[str, str]:
    """The header that says when an answer was made, by the provider's clock."""
    return "Date", formatdate(int(unix_seconds), usegmt=True)


def lower_names(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; of several with one name the first counts."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), value)
    return found


class Refusal(Exception):
    """A request that is refused, on its way to the wire."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


NOTHING = Reply(status=0, manner="silence")
BROKEN = Reply(status=0, manner="reset")
