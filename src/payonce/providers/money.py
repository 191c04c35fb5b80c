"""How an adapter tells the provider's money records: from a list that is asked, or from rows of its settlement file.

Both are optional: a provider that can do neither is reconciled by the plain file that every provider's records can be
brought in (`money_file`). Pure, like all of an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from payonce.domain.reconciliation import MoneyRecord, MoneySource
from payonce.providers.contract import Call, NotDone, Unknown
from payonce.providers.transport import Answer


@dataclass(frozen=True, slots=True)
class MoneyPage:
    """One page of a list of money records. `next_page` None: the list was read to its end."""

    records: tuple[MoneyRecord, ...]
    next_page: str | None = None


@runtime_checkable
class TellsMoney(Protocol):
    """An adapter whose provider lists its money records."""

    @property
    def money_source(self) -> MoneySource:
        """How the list is read; `by` file where this account may not ask for it."""
        ...

    def money(self, since: datetime, until: datetime, page: str | None) -> Call:
        """The call that lists what moved from `since` to `until`, one page."""
        ...

    def moved(self, call: Call, answer: Answer) -> MoneyPage | NotDone | Unknown:
        """The records of the answer. Raises nothing, whatever the bytes."""
        ...


@runtime_checkable
class ReadsMoneyFile(Protocol):
    """An adapter that knows the provider's own settlement file. `money_columns` must all be there."""

    @property
    def money_columns(self) -> tuple[str, ...]: ...

    def money_row(self, row: Mapping[str, str]) -> MoneyRecord | None:
        """The record of a row; None for one that moves no money. Raises ValueError, saying what is wrong."""
        ...
