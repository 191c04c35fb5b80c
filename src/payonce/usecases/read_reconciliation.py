"""Show what was reconciled: days with their sums, and the lines that do not match. Changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from payonce.base.errors import Refused
from payonce.store import queries
from payonce.store.database import Row, Tx
from payonce.usecases.world import World

SHOWN: Final = queries.load("reconcile_shown")
MOST_ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class SumsView:
    """What moved on a day in one currency, by the provider's records; and what we recorded that day, by our clock.

    Money that went back is below zero; `net_minor` is gross less fees, with all that went back and all other movements.
    """

    currency: str
    charges: int
    gross_minor: int
    fees_minor: int
    refunds_minor: int
    disputes_minor: int
    other_minor: int
    net_minor: int
    ours_gross_minor: int
    ours_refunds_minor: int
    ours_disputes_minor: int


@dataclass(frozen=True, slots=True)
class DayView:
    """A day of an account: how far it is, how many records match, and what is open."""

    provider: str
    account: str
    day: date
    state: str
    from_at: datetime
    to_at: datetime
    records: int
    matched: int
    foreign: int
    trouble: str | None
    compared_at: datetime | None
    read_until: datetime | None
    differences: int
    timing: int
    sums: tuple[SumsView, ...] = ()

    @property
    def place(self) -> tuple[str, str, str]:
        """Where the next page begins."""
        return self.day.isoformat(), self.provider, self.account


@dataclass(frozen=True, slots=True)
class OpenDifference:
    """By how much a provider's records and ours differ altogether, in minor units of one currency."""

    provider: str
    currency: str
    diff_minor: int


@dataclass(frozen=True, slots=True)
class LineView:
    """An object of which both sides do not say the same, or did not: then it is resolved."""

    provider: str
    account: str
    day: date
    object_kind: str
    object_ref: str
    nature: str
    line_class: str
    state: str
    theirs_minor: int | None
    ours_minor: int | None
    currency: str
    ours_currency: str | None
    records: int
    order_id: UUID | None
    attempt_id: UUID | None
    occurred_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Where the next page begins."""
        return self.provider, self.account, self.object_kind, self.object_ref


async def list_reconciliations(
    world: World, merchant_id: str, *, limit: int = 100, provider: str | None = None, account: str | None = None,
    first: date | None = None, last: date | None = None, after: tuple[date, str, str] | None = None,
) -> list[DayView]:  # fmt: skip
    """Days with their sums, the newest first, behind `after`."""
    day, *name = after or (None, "", "")

    async def work(tx: Tx) -> list[DayView]:
        asked = {"merchant_id": merchant_id, "provider": provider, "account": account, "first": first, "last": last}
        place = {"after_day": day, "after_provider": name[0], "after_account": name[1]}
        rows = await tx.rows(SHOWN.days, **asked, **place, limit=min(limit, MOST_ROWS + 1))
        if not rows:
            return []
        days = [row.day for row in rows]
        sums = await tx.rows(SHOWN.sums, merchant_id=merchant_id, first=min(days), last=max(days))
        return [_day(row, sums) for row in rows]

    return await world.database.transaction(work, name="list_reconciliations", read_only=True)


async def read_reconciliation(
    world: World, merchant_id: str, day: date, *, provider: str | None = None, account: str | None = None
) -> list[DayView]:
    """That day of every account. Raises Refused `day_unknown` (404) where nobody looked at it."""
    found = await list_reconciliations(
        world, merchant_id, provider=provider, account=account, first=day, last=day, limit=MOST_ROWS
    )  # fmt: skip
    if not found:
        raise Refused(f"{day} was not reconciled", code="day_unknown", status=404, param="day")
    return found


async def list_lines(
    world: World, merchant_id: str, day: date, *, limit: int = 100, provider: str | None = None,
    account: str | None = None, is_open: bool | None = True, after: tuple[str, str, str, str] | None = None,
) -> list[LineView]:  # fmt: skip
    """The lines of the day behind `after`; `is_open` None: resolved ones as well."""
    after_provider, after_account, after_kind, after_ref = after or ("", "", "", "")

    async def work(tx: Tx) -> list[LineView]:
        rows = await tx.rows(
            SHOWN.lines, merchant_id=merchant_id, day=day, provider=provider, account=account, is_open=is_open,
            after_provider=after_provider, after_account=after_account, after_kind=after_kind, after_ref=after_ref,
            limit=min(limit, MOST_ROWS + 1),
        )  # fmt: skip
        return [LineView(*row) for row in rows]

    return await world.database.transaction(work, name="list_lines", read_only=True)


async def every_line(
    world: World, merchant_id: str, days: Sequence[date], *, provider: str | None = None, account: str | None = None
) -> AsyncIterator[LineView]:
    """All open lines of the days, a page at a time, for an export of any length."""
    for day in days:
        after: tuple[str, str, str, str] | None = None
        while True:
            page = await list_lines(
                world, merchant_id, day, limit=MOST_ROWS, provider=provider, account=account, after=after
            )  # fmt: skip
            for line in page:
                yield line
            if len(page) < MOST_ROWS:
                break
            after = page[-1].place


def _day(row: Row, sums: Sequence[Row]) -> DayView:
    key = (row.provider, row.account, row.day)
    mine = tuple(SumsView(*one[3:]) for one in sums if (one.provider, one.account, one.day) == key)
    return replace(DayView(*row), sums=mine)


async def open_differences(world: World, merchant_id: str) -> list[OpenDifference]:
    """What is open between providers' records and ours, for metrics."""

    async def work(tx: Tx) -> list[Row]:
        return await tx.rows(SHOWN.open_differences, merchant_id=merchant_id)

    rows = await world.database.transaction(work, name="open_differences", read_only=True)
    return [OpenDifference(*row) for row in rows]
