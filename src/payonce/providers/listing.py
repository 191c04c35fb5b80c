"""Walking a provider's lists: what an adapter adds whose provider has some (`Capabilities.lists` is not empty).

Optional, like sending back or telling subscriptions. Pure like every adapter: one method builds the call for a page,
one understands its answer. Each entry comes as bytes of its own, which `Adapter.again` reads, so that one entry that
nobody can read hides no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from payonce.providers.contract import Call, NotDone, Unknown
from payonce.providers.transport import Answer


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list: its bytes, as they are stored, and when the provider made it, by the provider's clock.

    `written`: the bytes, or what writes them, because most entries are known and never needed again.
    `key`: of an event in a log, the key by which `Adapter.again` names it, where that can be told without reading it;
    an entry whose key is known is not read again. Empty: it must be read.
    """

    written: bytes | Callable[[], bytes] = field(repr=False)
    made_at: datetime | None = None
    key: str = ""

    @property
    def body(self) -> bytes:
        """Its bytes."""
        return self.written if isinstance(self.written, bytes) else self.written()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, the newest entry first, and what the next one is asked for by; None where this is the last.

    `told_at`: when the provider told of it, by the provider's clock; None: it did not say. An adapter leaves it out.
    """

    entries: tuple[Entry, ...]
    next_page: str | None = None
    told_at: datetime | None = None

    @property
    def newest(self) -> datetime | None:
        """When the newest entry was made."""
        return max((entry.made_at for entry in self.entries if entry.made_at is not None), default=None)

    @property
    def spans(self) -> timedelta:
        """How much time lies between its newest entry and its oldest one."""
        times = [entry.made_at for entry in self.entries if entry.made_at is not None]
        return max(times) - min(times) if times else timedelta()


@runtime_checkable
class Lists(Protocol):
    """An adapter whose provider lists what it made."""

    def list_page(self, name: str, since: datetime, until: datetime | None, page: str | None) -> Call:
        """The call for a page of what was made from `since` to `until`, both included; None: to the newest."""
        ...

    def listed(self, call: Call, answer: Answer) -> Page | NotDone | Unknown:
        """The page in the answer. Raises nothing, whatever the bytes. Unknown `is_too_much`: ask for less time."""
        ...
