"""A provider's export as the table `theirs`: Parquet or CSV, with the columns of the plain file.

Amounts are decimals in the currency's own unit (`amount`), as in the plain file, or whole minor units (`amount_minor`).
`day` is the provider's day of a record; without that column it is worked out from the time. A file is refused as a
whole where one row cannot be read: half a day would look like missing money.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Final

from payonce.base.errors import Refused
from payonce.base.money import EXPONENTS, LARGEST_MINOR
from payonce.batch.compare import SQL
from payonce.batch.duck import DuckEngine
from payonce.domain.reconciliation import NATURES, MoneySource

NEEDED: Final = {
    "record": "VARCHAR", "nature": "VARCHAR", "object_kind": "VARCHAR", "object": "VARCHAR", "currency": "VARCHAR",
    "time": "TIMESTAMPTZ",
}  # fmt: skip
OPTIONAL: Final = {"day": "DATE", "payment_kind": "VARCHAR", "payment": "VARCHAR", "attempt": "VARCHAR"}
# More decimals than any currency has; a cell that needs more of them is not whole below.
_AMOUNTS: Final = {"amount_minor": "BIGINT", "amount": "DECIMAL(38, 6)"}


def read_theirs(engine: DuckEngine, path: Path, source: MoneySource) -> None:
    """Let `theirs` be the rows of the export that are about an object.

    Raises Refused `money_file_invalid` or `batch_file_invalid`, naming what cannot be read.
    """
    file = engine.relation(path)
    found = {name.strip().lower() for name in file.columns}
    amount = next((name for name in _AMOUNTS if name in found), None)
    missing = [name for name in NEEDED if name not in found] + ([] if amount else ["amount"])
    if missing or amount is None:
        raise _refused(f"the columns {', '.join(missing)} are missing")
    is_text = path.suffix == ".csv"
    picked = [_typed(name, kind, is_text) for name, kind in NEEDED.items()]
    picked += [
        _typed(name, kind, is_text) if name in found else f"CAST(NULL AS {kind}) AS {name}"
        for name, kind in OPTIONAL.items()
    ]
    picked.append(_typed(amount, _AMOUNTS[amount], is_text))
    export = file.project(", ".join(picked))
    minor = amount if amount == "amount_minor" else f"amount * {_factor()}"
    with engine.told(str(path)):
        wrong = export.filter(_unreadable(minor)).limit(1).project("record, nature, currency").fetchall()
    if wrong:
        raise _refused("record {!r:.60} of nature {!r:.20} in {!r:.10}".format(*wrong[0]))
    day = f"COALESCE(day, CAST(time + {source.hours_ahead} * INTERVAL '1' HOUR AS DATE)) AS day"
    engine.name(
        "theirs",
        export.filter("nature <> 'other'").project(
            f"nature, object_kind, object AS object_ref, CAST({minor} AS BIGINT) AS minor, currency, {day}, "
            "time AS occurred_at, attempt AS attempt_id, payment_kind AS capture_kind, payment AS capture_ref"
        ),
    )


def days_of(engine: DuckEngine, first: date | None, last: date | None) -> tuple[date, date]:
    """The first and the last day to compare: as they are named, else those that the export has.

    Raises Refused `money_file_invalid` for an export without any day where none is named.
    """
    [(first_there, last_there)] = engine.rows(SQL.days_there.sql)
    begin, end = first or first_there, last or last_there
    if begin is None or end is None:
        raise _refused("it has no record about money, and no day is named")
    return begin, end


def _typed(name: str, kind: str, is_text: bool) -> str:
    """The column with its type. An empty cell of a CSV file is no value."""
    cell = f"NULLIF(TRIM({name}), '')" if is_text else name
    return f"CAST({cell} AS {kind}) AS {name}"


def _unreadable(minor: str) -> str:
    """Which rows are not what they say."""
    about = [
        "object_kind IS NULL", "object IS NULL", "time IS NULL", f"{minor} IS NULL",
        f"currency IS NULL OR currency NOT IN ({_list(EXPONENTS)})", f"abs({minor}) > {LARGEST_MINOR}",
        f"{minor} <> trunc({minor})",
    ]  # fmt: skip
    return f"nature IS NULL OR nature NOT IN ({_list(NATURES)}) OR (nature <> 'other' AND ({' OR '.join(about)}))"


def _factor() -> str:
    """How many minor units the currency's own unit has."""
    by_exponent = {number: [code for code, e in EXPONENTS.items() if e == number] for number in (0, 3)}
    cases = " ".join(f"WHEN currency IN ({_list(codes)}) THEN {10**e}" for e, codes in by_exponent.items())
    return f"CASE {cases} ELSE 100 END"


def _list(words: Collection[str]) -> str:
    return ", ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    return f"'{word}'"


def _refused(why: str) -> Refused:
    names: Iterable[str] = (*NEEDED, "amount or amount_minor", *(f"[{name}]" for name in OPTIONAL))
    return Refused(
        f"the provider's file cannot be read: {why}"[:300], code="money_file_invalid", param="theirs",
        hint=f"The columns are {', '.join(names)}; nothing of the file counts until all of it can be read.",
    )  # fmt: skip
