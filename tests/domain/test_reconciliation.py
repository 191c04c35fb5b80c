"""Naming a difference, as a table; and what a day is at a provider."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest

from payonce.domain.finding import KINDS
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import (
    FINDING_KINDS,
    LINE_CLASSES,
    NATURES,
    Compared,
    LineClass,
    MoneySource,
    Nature,
    classify,
    finding_of,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD, FRESH = NOW - timedelta(hours=5), NOW - timedelta(minutes=59)


def line(theirs: int | None, ours: int | None, at: datetime = OLD, **more: Any) -> Compared:
    """An object of which both sides say these sums."""
    currency = {"ours_currency": None if ours is None else "USD"}
    return Compared("charge", Ref("payment_intent", "pi_1"), at, theirs, ours, "USD", **(currency | more))


# (what both sides say, whether all around our side was read, what it is called)
TABLE: list[tuple[Compared, bool, LineClass]] = [
    (line(None, 5), True, "only_here"),
    (line(None, 5), False, "timing"),
    (line(5, None), True, "only_there"),
    (line(5, None), False, "only_there"),
    (line(5, None, FRESH), True, "timing"),
    (line(5, None, NOW - timedelta(hours=1)), True, "only_there"),
    (line(5, None, is_second=True), True, "duplicate"),
    (line(5, 4), True, "differs"),
    (line(5, 4), False, "timing"),
    (line(5, 4, FRESH), True, "timing"),
    (line(10, 5, records=2), True, "duplicate"),
    (line(4, 5, records=2), True, "differs"),
    (line(10, 5, records=2, ours_currency="EUR"), True, "differs"),
    (line(5, 5, ours_currency="EUR"), True, "differs"),
    (line(-5, 0, ours_status="pending"), True, "timing"),
    (line(-5, 0, ours_status="warning"), True, "timing"),
    (line(-5, 0, ours_status="unknown"), True, "timing"),
    (line(-5, 0, ours_status="failed"), True, "differs"),
]


@pytest.mark.parametrize(("compared", "is_covered", "named"), TABLE)
def test_a_difference_has_one_name(compared: Compared, is_covered: bool, named: LineClass) -> None:
    """B7: matched has no line; everything else is one of five."""
    assert classify(compared, NOW, is_covered=is_covered) == named


def test_every_class_is_in_the_table_and_every_finding_is_a_kind() -> None:
    assert {named for _, _, named in TABLE} == set(LINE_CLASSES) == set(get_args(LineClass))
    named = {finding_of(name, nature) for name in LINE_CLASSES for nature in NATURES}
    assert named == {None, *FINDING_KINDS}
    assert set(FINDING_KINDS) <= KINDS.keys() and set(NATURES) == set(get_args(Nature))


def test_money_that_went_back_unseen_is_no_orphan() -> None:
    assert [finding_of("only_there", nature) for nature in ("charge", "refund", "dispute")] == [
        "reconcile_only_there", "reconcile_differs", "reconcile_differs",
    ]  # fmt: skip


UTC_DAYS, VIETNAM = MoneySource("list"), MoneySource("file", hours_ahead=7)


@pytest.mark.parametrize(
    ("source", "at", "day"),
    [
        (UTC_DAYS, "2026-11-20T23:59:59.999999+00:00", "2026-11-20"),
        (UTC_DAYS, "2026-11-21T00:00:00+00:00", "2026-11-21"),
        (UTC_DAYS, "2026-11-21T06:59:59+07:00", "2026-11-20"),
        (VIETNAM, "2026-11-20T16:59:59+00:00", "2026-11-20"),
        (VIETNAM, "2026-11-20T17:00:00+00:00", "2026-11-21"),
        (VIETNAM, "2026-11-21T00:00:00+07:00", "2026-11-21"),
        # The night on which clocks go back in New York and the one on which they go forward in Berlin.
        (UTC_DAYS, "2026-11-01T01:30:00-04:00", "2026-11-01"),
        (UTC_DAYS, "2026-03-29T03:00:00+02:00", "2026-03-29"),
    ],
)
def test_a_day_is_the_providers_own(source: MoneySource, at: str, day: str) -> None:
    """B7: a day of UTC at one, of Vietnam at another, and nobody's summer time."""
    assert source.day_of(datetime.fromisoformat(at)) == date.fromisoformat(day)


@pytest.mark.parametrize("source", [UTC_DAYS, VIETNAM])
def test_days_follow_each_other_without_a_gap_and_have_24_hours(source: MoneySource) -> None:
    """B7: through the changes of clocks of a whole year."""
    for number in range(366):
        day = date(2026, 1, 1) + timedelta(days=number)
        begin = source.begin_of(day)
        assert source.day_of(begin) == day
        assert source.day_of(begin - timedelta(microseconds=1)) == day - timedelta(days=1)
        assert source.begin_of(day + timedelta(days=1)) - begin == timedelta(hours=24)


def test_the_last_whole_day_is_over() -> None:
    at = datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert (UTC_DAYS.last_whole_day(at), VIETNAM.last_whole_day(at)) == (date(2026, 11, 19), date(2026, 11, 20))
