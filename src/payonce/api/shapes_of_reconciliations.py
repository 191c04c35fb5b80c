"""How reconciled days and their lines look: as JSON, and as rows of a spreadsheet; see `shapes`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from payonce.api.times import when
from payonce.base import ids
from payonce.base.money import EXPONENTS
from payonce.usecases.read_reconciliation import DayView, LineView, SumsView

# What a spreadsheet takes for a formula where it begins a cell, and what hides such a beginning from a reader.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def day_json(day: DayView) -> dict[str, Any]:
    """A day of an account, with its sums by currency."""
    return {
        "id": "/".join(day.place),
        "object": "reconciliation",
        "provider": day.provider,
        "account": day.account,
        "day": day.day.isoformat(),
        "state": day.state,
        "begins_at": when(day.from_at),
        "ends_at": when(day.to_at),
        "records": day.records,
        "matched": day.matched,
        "differences": day.differences,
        "timing": day.timing,
        "not_ours": day.foreign,
        "trouble": day.trouble,
        "compared_at": when(day.compared_at),
        "read_until": when(day.read_until),
        "sums": [_sums_json(sums) for sums in day.sums],
    }


def line_json(line: LineView) -> dict[str, Any]:
    """An object that does not match."""
    return {
        "id": "/".join(line.place),
        "object": "reconciliation_line",
        "provider": line.provider,
        "account": line.account,
        "day": line.day.isoformat(),
        "class": line.line_class,
        "state": line.state,
        "nature": line.nature,
        "object_kind": line.object_kind,
        "object_ref": line.object_ref,
        "theirs_minor": line.theirs_minor,
        "ours_minor": line.ours_minor,
        "currency": line.currency,
        "ours_currency": line.ours_currency,
        "records": line.records,
        "order_id": None if line.order_id is None else ids.show(ids.ORDER, line.order_id),
        "attempt_id": None if line.attempt_id is None else ids.show(ids.ATTEMPT, line.attempt_id),
        "occurred_at": when(line.occurred_at),
        "first_seen_at": when(line.first_seen_at),
        "last_seen_at": when(line.last_seen_at),
        "resolved_at": when(line.resolved_at),
    }


def _sums_json(sums: SumsView) -> dict[str, Any]:
    return {
        "currency": sums.currency,
        "charges": sums.charges,
        "gross_minor": sums.gross_minor,
        "fees_minor": sums.fees_minor,
        "refunds_minor": sums.refunds_minor,
        "disputes_minor": sums.disputes_minor,
        "other_minor": sums.other_minor,
        "net_minor": sums.net_minor,
        "ours_gross_minor": sums.ours_gross_minor,
        "ours_refunds_minor": sums.ours_refunds_minor,
        "ours_disputes_minor": sums.ours_disputes_minor,
    }


DAY_COLUMNS: Final = (
    "day", "provider", "account", "state", "currency", "records", "matched", "differences", "timing", "not_ours",
    "charges", "gross", "fees", "refunds", "disputes", "other", "net", "ours_gross", "ours_refunds", "ours_disputes",
)  # fmt: skip


def day_rows(days: Iterable[DayView]) -> Iterator[list[str]]:
    """A row for each day and currency, amounts as decimals."""
    for day in days:
        for sums in day.sums:
            counts = (day.records, day.matched, day.differences, day.timing, day.foreign, sums.charges)
            amounts = (
                sums.gross_minor, sums.fees_minor, sums.refunds_minor, sums.disputes_minor, sums.other_minor,
                sums.net_minor, sums.ours_gross_minor, sums.ours_refunds_minor, sums.ours_disputes_minor,
            )  # fmt: skip
            words = (day.day.isoformat(), day.provider, day.account, day.state, sums.currency)
            yield [*map(cell, words), *map(str, counts), *(decimal(minor, sums.currency) for minor in amounts)]


LINE_COLUMNS: Final = (
    "day", "provider", "account", "class", "nature", "object_kind", "object_ref", "theirs", "ours", "currency",
    "ours_currency", "records", "order_id", "attempt_id", "occurred_at",
)  # fmt: skip


def line_row(line: LineView) -> list[str]:
    """A line as a row, amounts as decimals."""
    shown = line_json(line)
    words = [shown[name] for name in ("day", "provider", "account", "class", "nature", "object_kind", "object_ref")]
    ours_currency = line.ours_currency or line.currency
    amounts = [decimal(line.theirs_minor, line.currency), decimal(line.ours_minor, ours_currency)]
    rest = [line.currency, line.ours_currency, line.records, shown["order_id"], shown["attempt_id"]]
    return [*map(cell, words), *amounts, *map(cell, rest), cell(shown["occurred_at"])]


def cell(value: object) -> str:
    """A word as a cell that no spreadsheet takes for a formula: a name at a provider is somebody else's text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def decimal(minor: int | None, currency: str) -> str:
    """An amount in the currency's own unit, digits only, so that a spreadsheet adds it up; `-1.35` is a number."""
    if minor is None:
        return ""
    exponent = EXPONENTS.get(currency, 0)
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    shown = f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits
    return f"-{shown}" if minor < 0 else shown


def differences(days: Sequence[DayView]) -> int:
    """How many differences are open on these days; what only waits is none."""
    return sum(day.differences for day in days)
