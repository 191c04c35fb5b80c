"""How a reconciled day is told to people: a table of sums, a table of what does not match, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from payonce.base import ids, money
from payonce.cli.saying import say_line, say_rows
from payonce.usecases.read_reconciliation import DayView, LineView, SumsView

_STATES = {"closed": "", "provisional": ", read again when the day has been over for two hours"}


def say_days(days: Sequence[DayView]) -> None:
    """A row for each day and currency; one without money has a single row."""
    say_rows(
        [
            "day", "account", "state", "matched", "differ", "timing", "gross", "fees", "refunds", "disputes", "other",
            "net",
        ],
        [
            (
                day.day.isoformat(), f"{day.provider}/{day.account}", day.state, f"{day.matched:,}", day.differences,
                day.timing, *_amounts(sums),
            )
            for day in days
            for sums in (day.sums or (None,))
        ],
        none="no day was reconciled yet",
    )  # fmt: skip


def say_lines(lines: Sequence[LineView], *, more: bool) -> None:
    """What does not match."""
    if not lines:
        return
    say_rows(
        ["class", "account", "what", "object", "provider says", "we say", "at", "order"],
        [
            (
                line.line_class.replace("_", " "), f"{line.provider}/{line.account}", line.nature,
                f"{line.object_kind} {line.object_ref}", _money(line.theirs_minor, line.currency),
                _money(line.ours_minor, line.ours_currency or line.currency), line.occurred_at,
                ids.show(ids.ORDER, line.order_id) if line.order_id is not None else None,
            )
            for line in lines
        ],
    )  # fmt: skip
    if more:
        say_line("there are more; `payonce reconcile export` has all of them")


def sentence(day: DayView) -> str:
    """The day in words."""
    name = f"{day.provider}/{day.account}, {day.day}"
    if day.compared_at is None:
        why = f": {day.trouble}" if day.trouble else ""
        return f"{name}: not compared yet{why}."
    parts = [f"{day.matched:,} of {day.records - day.foreign:,} records match"]
    if day.differences:
        parts.append(f"{day.differences:,} {'differs' if day.differences == 1 else 'differ'}")
    if day.timing:
        parts.append(f"{day.timing:,} {'waits' if day.timing == 1 else 'wait'} for the other side")
    if day.foreign:
        parts.append(f"{day.foreign:,} of the provider's are none of ours")
    sums = "".join(f" {_equation(one)}." for one in day.sums)
    return f"{name}: {'; '.join(parts)}{_STATES.get(day.state, ', not finished yet')}.{sums}"


def _equation(sums: SumsView) -> str:
    """Gross less all that went off, as one line."""
    terms = [
        f"gross {money.show(sums.gross_minor, sums.currency)}",
        f"fees {money.show(-sums.fees_minor, sums.currency)}",
    ]
    for word, minor in (
        ("refunds", sums.refunds_minor),
        ("disputes", sums.disputes_minor),
        ("other", sums.other_minor),
    ):
        if minor:
            terms.append(f"{word} {money.show(minor, sums.currency)}")
    return f"{', '.join(terms)}: net {money.show(sums.net_minor, sums.currency)}"


def _amounts(sums: SumsView | None) -> tuple[str, ...]:
    if sums is None:
        return ("-",) * 6
    minors = (
        sums.gross_minor, sums.fees_minor, sums.refunds_minor, sums.disputes_minor, sums.other_minor, sums.net_minor
    )  # fmt: skip
    return tuple(money.show(minor, sums.currency) for minor in minors)


def _money(minor: int | None, currency: str) -> str:
    return "nothing" if minor is None else money.show(minor, currency)
