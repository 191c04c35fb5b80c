"""Compare files: what we hold, as `extract` wrote it, with the provider's export of some days, in plain SQL.

It gives the lines that reconciling the same days in the database gives, and writes nothing anywhere. What it asks of
the engine is a sequence of named tables (compare.sql); each is worked out once, and all but the first two are small.
Each side is read twice: once for the join that finds what is not plainly the same, once for all of what is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import Refused
from payonce.batch.engine import BatchEngine
from payonce.domain.reconciliation import MoneySource
from payonce.store.queries import Queries, parse

_FILE: Final = Path(__file__).with_name("compare.sql")
SQL: Final = Queries("compare", parse(_FILE.read_text("utf-8"), _FILE.name))
# In the order in which each stands on those before.
KEPT: Final = (
    "unlike", "repeated", "looked_at", "their_records", "suspects", "wanted_names", "our_rows", "our_money",
    "their_sums", "their_unlike", "known_names", "known_attempts", "their_lines", "lines",
)  # fmt: skip
Watch = Callable[[str, int, int], object]


def unwatched(step: str, number: int, of: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are compared, first and last included, and the instants between which the export has everything.

    `now`: when our side was read. What lies within an hour of an edge is `timing`.
    """

    first: date
    last: date
    now: datetime
    read_from: datetime
    read_until: datetime


def whole_days(source: MoneySource, first: date, last: date, now: datetime) -> Span:
    """Days of which the export has everything, and nothing beyond. Raises Refused `setting_invalid`."""
    if last < first:
        raise Refused("the last day is before the first", code="setting_invalid", param="to")
    return Span(first, last, now, source.begin_of(first), source.begin_of(last + timedelta(days=1)))


class Line(NamedTuple):
    """An object that does not match. Amounts are signed minor units; money that went back is below zero."""

    day: date
    line_class: str
    nature: str
    object_kind: str
    object_ref: str
    theirs_minor: int | None
    ours_minor: int | None
    currency: str
    ours_currency: str | None
    records: int
    order_id: str | None
    attempt_id: str | None
    occurred_at: datetime


class Risk(NamedTuple):
    """How many objects are of a class in a currency, and the money at risk in minor units."""

    line_class: str
    currency: str
    objects: int
    money_minor: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found. `records` of theirs are about an object and of these days; `matched` of them are of objects of
    which both sides say the same, `not_ours` carry no mark of ours.
    """

    engine: BatchEngine
    records: int
    matched: int
    not_ours: int
    risks: tuple[Risk, ...]

    @property
    def differences(self) -> int:
        """How many objects differ; what only waits is not counted."""
        return sum(risk.objects for risk in self.risks if risk.line_class != "timing")

    def lines(self) -> Iterator[Line]:
        """Every line, by day, class and name."""
        for row in self.engine.rows(SQL.told.sql):
            line = Line(*row)
            yield line._replace(occurred_at=line.occurred_at.replace(tzinfo=UTC))

    def arrow(self) -> Any:
        """The lines as a stream of Arrow; times are of UTC."""
        return self.engine.arrow(SQL.told.sql)


def compare(engine: BatchEngine, source: MoneySource, span: Span, *, watch: Watch = unwatched) -> Comparison:
    """Compare the tables `ours` and `theirs`, which are registered with the engine. `watch` is told of each step."""
    days = [(day, source.begin_of(day), source.begin_of(day + timedelta(days=1))) for day in _days(span)]
    instant = "TIMESTAMP WITH TIME ZONE"
    engine.given("days", {"day": "DATE", "from_at": instant, "to_at": instant}, days)
    columns = {"first_day": "DATE", "last_day": "DATE"}
    columns |= dict.fromkeys(("from_at", "to_at", "read_from", "read_until", "now"), instant)
    edges = (days[0][1], days[-1][2], span.read_from, span.read_until, span.now)
    engine.given("span", columns, [(span.first, span.last, *edges)])
    for name in ("marked", "held"):
        engine.view(name, getattr(SQL, name).sql)
    for number, name in enumerate(KEPT):
        watch(name, number, len(KEPT))
        if name == "our_rows":
            engine.given("named", {"name": "VARCHAR", "attempt_id": "VARCHAR"}, _named(engine))
        if name == "their_unlike":
            _look_at_attempts(engine)
        engine.keep(name, getattr(SQL, name).sql)
    watch("done", len(KEPT), len(KEPT))
    [(records, unmatched, foreign)] = engine.rows(SQL.counted.sql)
    risks = tuple(Risk(*row) for row in engine.rows(SQL.risked.sql))
    return Comparison(engine, records, records - int(unmatched) - int(foreign), int(foreign), risks)


def _named(engine: BatchEngine) -> list[tuple[str, str]]:
    """The ids of the attempts that their records name, as `att_…` or as UUIDs; of what is none, nothing."""
    names = [name for (name,) in engine.rows(SQL.record_attempts.sql)]
    return [(name, str(attempt_id)) for name in names if (attempt_id := _attempt(name)) is not None]


def _look_at_attempts(engine: BatchEngine) -> None:
    """Refuse a file where what differs names an attempt that is none. Raises Refused `money_file_invalid`."""
    for (name,) in engine.rows(SQL.attempt_names.sql):
        if _attempt(name) is None:
            raise Refused(
                f"the provider's file names an attempt that is none: {name!r:.40}",
                code="money_file_invalid",
                param="theirs",
                hint="An attempt is att_… as `payonce orders show` has it, or its UUID; else leave the cell empty.",
            )


def _attempt(name: str) -> UUID | None:
    try:
        return ids.read(ids.ATTEMPT, name) if name.startswith(ids.ATTEMPT) else UUID(name)
    except (ValueError, Refused):
        return None


def _days(span: Span) -> Sequence[date]:
    return [span.first + timedelta(days=number) for number in range((span.last - span.first).days + 1)]
