"""Write what a comparison reads of an account into a Parquet file: in a stream, at one instant, changing nothing.

A replica serves as well as the primary. Rows go to a file beside the output first, so that memory stays flat and the
database is not kept waiting while they are packed; it is gone at the end, and a file that stops halfway never appears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import psycopg

from payonce.base.errors import Unavailable
from payonce.batch.duck import DuckEngine
from payonce.domain.ledger import clearing
from payonce.domain.reconciliation import MoneySource
from payonce.store import queries
from payonce.store.database import Query

SQL: Final = queries.load("extract")
OURS: Final[Mapping[str, str]] = {
    "what": "VARCHAR", "object_kind": "VARCHAR", "object_ref": "VARCHAR", "nature": "VARCHAR", "minor": "BIGINT",
    "currency": "VARCHAR", "status": "VARCHAR", "seen_at": "TIMESTAMPTZ", "moved_at": "TIMESTAMPTZ",
    "order_id": "VARCHAR", "attempt_id": "VARCHAR", "capture_kind": "VARCHAR", "capture_ref": "VARCHAR",
}  # fmt: skip
THEIRS: Final[Mapping[str, str]] = {
    "record": "VARCHAR", "day": "DATE", "nature": "VARCHAR", "object_kind": "VARCHAR", "object": "VARCHAR",
    "amount_minor": "BIGINT", "currency": "VARCHAR", "time": "TIMESTAMPTZ", "payment_kind": "VARCHAR",
    "payment": "VARCHAR", "attempt": "VARCHAR",
}  # fmt: skip


class AccountKey(NamedTuple):
    """An account of a merchant at a provider, and what a day is there."""

    merchant_id: str
    provider: str
    account: str
    source: MoneySource


Watch = Callable[[str, int], object]


def unwatched(what: str, rows: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """How many rows were written of each table."""

    rows: Mapping[str, int]


def extract(
    engine: DuckEngine, dsn: str, key: AccountKey, ours: Path, *, now: datetime, theirs: Path | None = None,
    watch: Watch = unwatched,
) -> Extracted:  # fmt: skip
    """Write our side of an account to `ours`, and the provider's records that are in the database to `theirs`.

    `now` is kept with it: a comparison judges by it what is too fresh to be missing. `watch` is told of the rows so
    far. Raises Unavailable `store_unavailable`.
    """
    given = {"merchant_id": key.merchant_id, "provider": key.provider, "account": key.account}
    moved = given | {"clearing": clearing(key.provider, key.account)}
    tables = ((SQL.captures, moved), (SQL.returns, moved), (SQL.references, given), (SQL.attempts, given))
    counts: dict[str, int] = {}
    with TemporaryDirectory(prefix=".payonce-extract-", dir=ours.absolute().parent) as folder, _reading(dsn) as reader:
        paths = [_spool(reader, query, params, Path(folder), counts, watch) for query, params in tables]
        # What tells a comparison whose file it is, when it was written, and what a day is there.
        stamp = Path(folder, "extract.csv")
        about = f"extract,{key.provider},{key.account},,{key.source.hours_ahead}"
        stamp.write_text(f"{about},,,{now.isoformat()},,,,,\n", "utf-8")
        engine.write(engine.spooled([*paths, stamp], OURS), ours)
        if theirs is not None:
            path = _spool(reader, SQL.money_records, given, Path(folder), counts, watch)
            engine.write(engine.spooled([path], THEIRS), theirs)
    return Extracted(counts)


@contextmanager
def _reading(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees one instant and cannot write."""
    try:
        with psycopg.connect(dsn) as reader:
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            reader.read_only = True
            # Said inside of the transaction, so that a pooler that shares connections by transactions takes it.
            reader.execute("SET LOCAL statement_timeout = 0")
            reader.execute("SET LOCAL TimeZone = 'UTC'")
            yield reader
    except psycopg.OperationalError as error:
        raise Unavailable("the database does not answer", code="store_unavailable") from error


def _spool(
    reader: psycopg.Connection[Any], query: Query, params: Mapping[str, str], folder: Path, counts: dict[str, int],
    watch: Watch,
) -> Path:  # fmt: skip
    """Write what the statement sends into a file, as it comes."""
    name = query.name.rpartition(".")[2]
    path = folder / f"{name}.csv"
    with path.open("wb") as file, reader.cursor() as cursor:
        with cursor.copy(query.sql.encode(), params) as copy:
            for block in copy:
                file.write(block)
        counts[name] = cursor.rowcount
    watch(name, counts[name])
    return path
