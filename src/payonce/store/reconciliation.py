"""Windows of reconciliation in the database: locking one, writing it back, keeping records and lines.

Whoever works on a window holds its lease and writes only while the fence is still its own: a worker that was away too
long finds that another one goes on, and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from payonce.domain.observation import Ref
from payonce.domain.reconciliation import Compared, LineClass, MoneyRecord, MoneySource
from payonce.store import queries
from payonce.store.database import Tx

WINDOWS: Final = queries.load("reconcile_windows")
COMPARING: Final = queries.load("reconcile")
LINES: Final = queries.load("reconcile_lines")
# Rows of one statement; the house's limit for a batch.
MOST_ROWS: Final = 1000


class WindowKey(NamedTuple):
    """A day of an account at its provider."""

    provider: str
    account: str
    day: date


@dataclass(slots=True)
class Window:
    """A window as it stands; the columns of its row, in their order."""

    provider: str
    account: str
    day: date
    from_at: datetime
    to_at: datetime
    state: str
    cursor: str | None
    fence: int
    lease_until: datetime | None
    reading: int
    read_until_wanted: datetime | None
    read_from: datetime | None
    read_until: datetime | None
    news: int
    passes: int
    comparison: int
    rounds: int
    settled: int
    records: int
    matched: int
    foreign_records: int
    trouble: str | None
    compared_at: datetime | None

    @property
    def key(self) -> WindowKey:
        return WindowKey(self.provider, self.account, self.day)

    @property
    def place(self) -> tuple[object, ...]:
        """How far it is; every batch of reading, comparing and finding moves it."""
        return self.state, self.cursor, self.passes, self.rounds

    @property
    def is_done(self) -> bool:
        return self.state in ("provisional", "closed")


def of_account(merchant_id: str, key: WindowKey) -> dict[str, Any]:
    """What every statement about a window begins with."""
    return {"merchant_id": merchant_id, "provider": key.provider, "account": key.account}


def of_window(merchant_id: str, key: WindowKey) -> dict[str, Any]:
    """The key of a window, as parameters."""
    return of_account(merchant_id, key) | {"day": key.day}


async def lock(tx: Tx, merchant_id: str, key: WindowKey) -> Window | None:
    """The window, locked until COMMIT; None where there is none yet."""
    row = await tx.one(WINDOWS.lock_window, **of_window(merchant_id, key))
    return None if row is None else Window(*row)


def write(tx: Tx, merchant_id: str, window: Window) -> None:
    """Write the window with the COMMIT."""
    tx.later(
        WINDOWS.write_window, **of_window(merchant_id, window.key), state=window.state, cursor=window.cursor,
        fence=window.fence, lease_until=window.lease_until, reading=window.reading,
        read_until_wanted=window.read_until_wanted, read_from=window.read_from, read_until=window.read_until,
        news=window.news, passes=window.passes, comparison=window.comparison, rounds=window.rounds,
        settled=window.settled, records=window.records, matched=window.matched,
        foreign_records=window.foreign_records, trouble=window.trouble, compared_at=window.compared_at,
    )  # fmt: skip


async def stage(
    tx: Tx, merchant_id: str, window: Window, source: MoneySource, records: Sequence[MoneyRecord]
) -> tuple[int, int]:
    """Keep the records with the COMMIT; how many there are, and how many of them are new. At most a batch."""
    unique = list({record.ref: record for record in records}.values())
    if not unique:
        return 0, 0
    given, refs = of_account(merchant_id, window.key), [record.ref for record in unique]
    objects = [(record.object, record.capture) for record in unique]
    of = {"object_kinds": [about.kind if about else None for about, _ in objects]}
    of |= {"object_refs": [about.id if about else None for about, _ in objects]}
    _, [known], others = await tx.all(
        (WINDOWS.lock_account, given), (WINDOWS.known_records, {**given, "refs": refs}),
        (WINDOWS.known_objects, {**given, "refs": refs, **of}),
    )  # fmt: skip
    met = Counter(about for about, _ in objects)
    shared = {Ref(*row) for row in others} | {about for about, times in met.items() if about and times > 1}
    tx.later(
        WINDOWS.stage_records, **given, now=tx.now, reading=window.reading, refs=refs,
        days=[source.day_of(record.occurred_at) for record in unique], natures=[r.nature for r in unique],
        record_kinds=[r.kind for r in unique], **of, firsts=[about not in shared for about, _ in objects],
        object_minors=[r.object_minor for r in unique], object_currencies=[r.object_currency for r in unique],
        capture_kinds=[of.kind if of else None for _, of in objects],
        capture_refs=[of.id if of else None for _, of in objects], attempt_ids=[r.attempt_id for r in unique],
        amounts=[r.amount_minor for r in unique], fees=[r.fee_minor for r in unique],
        currencies=[r.currency for r in unique], times=[r.occurred_at for r in unique],
    )  # fmt: skip
    if shared:
        names = sorted(shared, key=astuple)
        tx.later(
            WINDOWS.not_alone, **given, object_kinds=[about.kind for about in names],
            object_refs=[about.id for about in names],
        )  # fmt: skip
    return len(unique), len(unique) - known.known


def write_lines(tx: Tx, merchant_id: str, window: Window, lines: Sequence[tuple[Compared, LineClass]]) -> None:
    """Keep the lines with the COMMIT, as seen in the window's current comparison."""
    if not lines:
        return
    captures = [line.capture for line, _ in lines]
    tx.later(
        LINES.write_lines, **of_window(merchant_id, window.key), now=tx.now, comparison=window.comparison,
        object_kinds=[line.object.kind for line, _ in lines], object_refs=[line.object.id for line, _ in lines],
        natures=[line.nature for line, _ in lines], classes=[which for _, which in lines],
        theirs=[line.theirs_minor for line, _ in lines], ours=[line.ours_minor for line, _ in lines],
        currencies=[line.currency for line, _ in lines], ours_currencies=[line.ours_currency for line, _ in lines],
        records=[line.records for line, _ in lines], capture_kinds=[of.kind if of else None for of in captures],
        capture_refs=[of.id if of else None for of in captures], order_ids=[line.order_id for line, _ in lines],
        attempt_ids=[line.attempt_id for line, _ in lines], times=[line.at for line, _ in lines],
    )  # fmt: skip


def keep_sums(tx: Tx, merchant_id: str, window: Window, sums: Mapping[str, Mapping[str, int]]) -> None:
    """Keep the sums of the day with the COMMIT, by currency. What is left of theirs is the net."""
    of = [sums[currency] for currency in sorted(sums)]
    tx.later(
        LINES.keep_sums, **of_window(merchant_id, window.key), currencies=sorted(sums),
        charges=[one["charges"] for one in of], gross=[one["gross"] for one in of],
        fees=[one["fees"] for one in of], refunds=[one["refunds"] for one in of],
        disputes=[one["disputes"] for one in of], other=[one["other"] for one in of],
        net=[one["gross"] - one["fees"] + one["refunds"] + one["disputes"] + one["other"] for one in of],
        ours_gross=[one["ours_gross"] for one in of], ours_refunds=[one["ours_refunds"] for one in of],
        ours_disputes=[one["ours_disputes"] for one in of],
    )  # fmt: skip


async def coverage(tx: Tx, merchant_id: str, window: Window) -> list[tuple[datetime, datetime]]:
    """The spans of the account's books that are known from the day before the window on."""
    rows = await tx.rows(WINDOWS.coverage, **of_account(merchant_id, window.key), since=window.from_at)
    return [(row.read_from, row.read_until) for row in rows]


def spans_cover(spans: Sequence[tuple[datetime, datetime]], *moments: datetime) -> bool:
    """Whether each of the moments lies in what was read."""
    return all(any(begin <= moment <= end for begin, end in spans) for moment in moments)
