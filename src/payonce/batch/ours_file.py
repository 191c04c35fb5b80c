"""What `extract` wrote, as the table `ours`; and whose it is, when it was written, and what a day is there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from payonce.base.errors import Refused
from payonce.batch.compare import SQL
from payonce.batch.duck import DuckEngine
from payonce.batch.extract import OURS
from payonce.domain.reconciliation import MoneySource


class OursFile(NamedTuple):
    """The stamp of an extract."""

    provider: str
    account: str
    source: MoneySource
    now: datetime


def read_ours(engine: DuckEngine, path: Path) -> OursFile:
    """Let `ours` be the rows of an extract. Raises Refused `batch_file_invalid` for any other file."""
    relation = engine.relation(path)
    if not set(OURS) <= set(relation.columns):
        raise _none_of_ours(path)
    engine.name("ours", relation)
    stamps = [*engine.rows(SQL.stamp.sql)]
    if len(stamps) != 1:
        raise _none_of_ours(path)
    provider, account, hours_ahead, now = stamps[0]
    return OursFile(provider, account, MoneySource("list", hours_ahead), now.replace(tzinfo=UTC))


def _none_of_ours(path: Path) -> Refused:
    return Refused(
        f"{path} is no extract", code="batch_file_invalid", param="ours",
        hint="The first file is what `payonce reconcile extract` wrote; the second one is the provider's.",
    )  # fmt: skip
