"""Reading a file of money records: the provider's own settlement file where its adapter knows it, else the plain file.

The plain file works for every provider: a spreadsheet or a short script can make it. A file is read row by row and
refused as a whole, with the number of the row, where one row cannot be read: half a day would look like missing money.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import Refused
from payonce.base.money import EXPONENTS, LARGEST_MINOR
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import NATURES, MoneyRecord, MoneySource, Nature
from payonce.providers.money import ReadsMoneyFile

# `nature` is charge, refund, dispute or other; `object_kind` and `object` name it as the provider does (a charge:
# payment_intent and pi_…); `payment_kind` and `payment` the payment that a refund or dispute is of. Amounts are
# decimals in the currency's own unit, those that went back below zero; `time` is ISO 8601 with its zone.
COLUMNS: Final = ("record", "nature", "object_kind", "object", "amount", "fee", "currency", "time")
OPTIONAL: Final = ("payment_kind", "payment", "attempt", "type")
# A cell of a settlement file is a name or a number; more is somebody's mistake.
LONGEST_CELL: Final = 500


def read_file(
    lines: Iterable[str], adapter: object, source: MoneySource, day: date, *, plain: bool
) -> Iterator[MoneyRecord]:
    """The records of the file, which must all be of that day. Raises Refused `money_file_invalid`."""
    own = adapter if isinstance(adapter, ReadsMoneyFile) and not plain else None
    columns = own.money_columns if own is not None else COLUMNS
    read: Callable[[Mapping[str, str]], MoneyRecord | None] = own.money_row if own is not None else read_plain_row
    seen: Counter[str] = Counter()
    number = 1
    try:
        rows = csv.reader(lines, strict=True)
        names = [_name(text) for text in next(rows, [])]
        _check_columns(columns, names)
        for row in rows:
            if not row:
                continue
            number += 1
            record = read(_cells(names, row))
            if record is None:
                continue
            if source.day_of(record.occurred_at) != day:
                raise ValueError(f"it is of {source.day_of(record.occurred_at)}, and the file of {day}")
            # Twice in one file is two movements, which is what reconciliation must see; the same file again is not.
            seen[record.ref] += 1
            yield replace(record, ref=f"{record.ref}#{seen[record.ref]}") if seen[record.ref] > 1 else record
    except (ValueError, csv.Error) as error:
        raise Refused(
            f"row {number} cannot be read: {error}"[:300], code="money_file_invalid", param="file",
            hint=f"The columns are {', '.join(columns)}; nothing of the file counts until all of it can be read.",
        ) from error  # fmt: skip


def read_plain_row(row: Mapping[str, str]) -> MoneyRecord | None:
    """The record of a row of the plain file. Raises ValueError, saying what is wrong."""
    nature = _nature(row["nature"])
    currency = row["currency"].upper()
    if currency not in EXPONENTS:
        raise ValueError(f"{row['currency']!r:.20} is no currency of ISO 4217")
    amount = _minor(row["amount"], currency, "amount")
    record, kind, at = _word(row["record"], "record"), row.get("type") or nature, _instant(row["time"])
    fee = _minor(row["fee"] or "0", currency, "fee")
    if nature == "other":
        return MoneyRecord(record, nature, kind, at, amount, fee, currency)
    about = Ref(_word(row["object_kind"], "object_kind"), _word(row["object"], "object"))
    attempt, payment = row.get("attempt", ""), row.get("payment", "")
    return MoneyRecord(
        record, nature, kind, at, amount, fee, currency, about, amount, currency,
        Ref(row.get("payment_kind") or "payment", payment) if payment else None,
        _attempt(attempt) if attempt else None,
    )  # fmt: skip


def _attempt(text: str) -> UUID:
    found = ids.read_or_none(ids.ATTEMPT, text)
    if found is None:
        raise ValueError(f"attempt is no att_…: {text!r:.40}")
    return found


def _nature(text: str) -> Nature:
    for nature in NATURES:
        if nature == text.lower():
            return nature
    raise ValueError(f"nature is one of {', '.join(NATURES)}, not {text!r:.40}")


def _check_columns(wanted: Iterable[str], found: list[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ValueError(f"the columns {', '.join(missing)} are missing")


def _cells(names: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    if len(row) != len(names):
        raise ValueError("it has another number of cells than the heading")
    cells = [value.strip() for value in row]
    if max(map(len, cells)) > LONGEST_CELL:
        raise ValueError("a cell is longer than any name")
    return dict(zip(names, cells, strict=True))


def _name(heading: str) -> str:
    """`App Trans ID` and `app_trans_id` are the same column; a mark of byte order is none of its letters."""
    return heading.strip().removeprefix("\ufeff").lower().replace(" ", "_")


def _word(text: str, column: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(f"{column} is empty")
    return text


def _minor(text: str, currency: str, column: str) -> int:
    """A decimal in the currency's unit as minor units, exactly."""
    try:
        minor = Decimal(text).scaleb(EXPONENTS[currency])
    except InvalidOperation:
        raise ValueError(f"{column} is no amount: {text!r:.40}") from None
    if not minor.is_finite() or minor != minor.to_integral_value() or abs(minor) > LARGEST_MINOR:
        raise ValueError(f"{column} is no amount of {currency}: {text!r:.40}")
    return int(minor)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time has no zone: {text!r:.40}")
    return at
