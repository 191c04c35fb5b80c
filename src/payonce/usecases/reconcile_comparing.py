"""Comparing a window: a slice of time of both sides in a batch. Both stay in the database; only what is not plainly the
same comes here to be named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from payonce.domain.ledger import clearing
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import EDGE, Compared, LineClass, MoneySource, classify
from payonce.store import reconciliation as store
from payonce.store.database import Row, Tx
from payonce.store.reconciliation import COMPARING, MOST_ROWS, WINDOWS, Window, spans_cover
from payonce.usecases.reconcile_step import LOOK, MANY, Stepped, in_window
from payonce.usecases.reconcile_sums import Sums
from payonce.usecases.world import World

# Rows of one statement: about a second's work, so that a stop is obeyed soon.
SLICE: Final = 250_000
# What the server may take to join a slice, in kB. It allows a hash twice as much, and one side of a slice takes 35 MB;
# of its own it allows an eighth of this, and what is beyond goes to the disk and is read again.
ROOM: Final = str(32 * 1024)
# Where the other side of a slice is looked for first: most is heard of at once, and what webhooks lost within 15
# minutes (C15). What is farther away is looked up by its name.
NEAR: Final = timedelta(minutes=20)
# The resolution of a moment in the database.
INSTANT: Final = timedelta(microseconds=1)


async def compare(world: World, merchant_id: str, window: Window) -> Stepped | None:
    """Compare the next slice of a day: the provider's records with what we have, and what came in here with theirs;
    after the last slice, what went back here.
    """
    if window.cursor is None:
        await _learn(world, window)
    source = world.looker(window.provider, window.account).money_source

    async def work(tx: Tx, mine: Window) -> Stepped:
        cursor = json.loads(mine.cursor) if mine.cursor else None
        if mine.state == "comparing_ours" and cursor and cursor[0] == "returns":
            went = await _returns(tx, merchant_id, mine, cursor[1:])
            mine.state, mine.cursor = (
                ("settling", None) if went is None else (mine.state, json.dumps(["returns", *went]))
            )
            return Stepped(mine)
        if not isinstance(cursor, dict) or "sums" not in cursor:
            # A new day, or one that an older version had under way.
            mine.state, mine.records, mine.matched, mine.foreign_records = "comparing_theirs", 0, 0, 0
            cursor = {**Place.begin(mine.from_at).written(), **Sums({}).written()}
        sums = Sums.read(cursor)
        upto = await _slice(tx, merchant_id, mine, source, Place.read(cursor), sums)
        if upto is None:
            await sums.keep(tx, merchant_id, mine)
            mine.state, mine.cursor = "comparing_ours", json.dumps(["returns", mine.from_at.isoformat(), "", ""])
        else:
            mine.cursor = json.dumps({**upto.written(), **sums.written()})
        return Stepped(mine)

    return await in_window(world, merchant_id, window, work, name="reconcile_compare", done=Stepped)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a day is compared: up to this record of theirs, and up to this payment of ours."""

    at: datetime
    record_ref: str
    ours_at: datetime
    ours_kind: str = ""
    ours_ref: str = ""

    @classmethod
    def begin(cls, at: datetime) -> Place:
        """Before everything of that moment."""
        return cls(at, "", at)

    @classmethod
    def behind(cls, at: datetime, record_ref: str) -> Place:
        """Behind this record, and behind all that came in here at its moment."""
        return cls(at, record_ref, at + INSTANT)

    @classmethod
    def behind_ours(cls, at: datetime, kind: str, ref: str) -> Place:
        """Behind this payment of ours, and before every record of its moment."""
        return cls(at, "", at, kind, ref)

    @classmethod
    def read(cls, written: dict[str, Any]) -> Place:
        """From a cursor."""
        (at, ref), (ours_at, kind, ours_ref) = written["theirs"], written["ours"]
        return cls(datetime.fromisoformat(at), ref, datetime.fromisoformat(ours_at), kind, ours_ref)

    def written(self) -> dict[str, list[str]]:
        """As a cursor."""
        ours = [self.ours_at.isoformat(), self.ours_kind, self.ours_ref]
        return {"theirs": [self.at.isoformat(), self.record_ref], "ours": ours}


async def _slice(
    tx: Tx, merchant_id: str, window: Window, source: MoneySource, after: Place, sums: Sums
) -> Place | None:
    """Name what is not alike in the next slice, and add it up; where it ends, or None at the end of the day."""
    given = store.of_window(merchant_id, window.key)
    theirs = {"after_at": after.at, "after_ref": after.record_ref}
    ours = {"ours_after_at": after.ours_at, "ours_after_kind": after.ours_kind, "ours_after_ref": after.ours_ref}
    _, ends, lasts = await tx.all(
        (WINDOWS.set_here, {"name": "work_mem", "setting": ROOM}),
        (COMPARING.slice_end, {**given, **theirs, "others": SLICE - 1}),
        (COMPARING.last_record, {**given, **theirs}),
    )
    is_last = not ends
    last = next(iter(ends or lasts), None)
    upto = Place.behind(last.occurred_at, last.record_ref) if last is not None else after
    ours_to = window.to_at if is_last else min(upto.ours_at, window.to_at)
    begin = min(after.at, after.ours_at) - NEAR
    finish = max(upto.at, ours_to) + NEAR
    days = {window.day} | {source.day_of(at) for at in (begin, after.at, upto.at, ours_to, finish)}
    rows = await tx.rows(
        COMPARING.not_plain, **given, **theirs, **ours, upto_at=upto.at, upto_ref=upto.record_ref, ours_to_at=ours_to,
        near_from=begin, near_to=finish, near_days=sorted(days), most=MOST_ROWS,
    )  # fmt: skip
    to_kind, to_ref = "", ""
    if len(rows) == MOST_ROWS:
        is_last, end = False, rows[-1]
        upto = (
            Place.behind(end.moved_at, end.record_ref) if end.is_theirs
            else Place.behind_ours(end.moved_at, end.object_kind, end.object_ref)
        )  # fmt: skip
        ours_to, to_kind, to_ref = upto.ours_at, upto.ours_kind, upto.ours_ref
    added = await tx.rows(
        COMPARING.sum_slice, **given, **theirs, **ours, upto_at=upto.at, upto_ref=upto.record_ref, ours_upto_at=ours_to,
        ours_upto_kind=to_kind, ours_upto_ref=to_ref,
    )  # fmt: skip
    sums.add(added)
    records = sum(row.records for row in added)
    await _name_theirs(tx, merchant_id, window, [row for row in rows if row.is_theirs], records)
    await _name_ours(tx, merchant_id, window, [row for row in rows if not row.is_theirs])
    return None if is_last else upto


async def _name_theirs(tx: Tx, merchant_id: str, window: Window, rows: Sequence[Row], records: int) -> None:
    """Keep which of these records of theirs do not match, and count the slice's `records`."""
    unmatched = await _unmatched(tx, merchant_id, window, rows)
    names = {(row.object_kind, row.object_ref) for row in unmatched}
    ours = [row for row in unmatched if row.is_ours]
    foreign = names - {(row.object_kind, row.object_ref) for row in ours}
    await _keep(tx, merchant_id, window, [_of_theirs(row) for row in ours])
    window.records += records
    window.matched += records - sum((row.object_kind, row.object_ref) in names for row in rows)
    window.foreign_records += sum((row.object_kind, row.object_ref) in foreign for row in rows)


async def _name_ours(tx: Tx, merchant_id: str, window: Window, rows: Sequence[Row]) -> None:
    """Keep which of these payments of ours the provider's records do not have on any day."""
    if not rows:
        return
    missing = await tx.rows(
        COMPARING.captures_only_here, **store.of_account(merchant_id, window.key),
        kinds=[row.object_kind for row in rows], refs=[row.object_ref for row in rows],
    )  # fmt: skip
    await _keep(tx, merchant_id, window, [_of_ours(row) for row in missing])


async def _returns(tx: Tx, merchant_id: str, window: Window, place: Sequence[str]) -> list[str] | None:
    """Name what went back only here in the next batch; where it ends, or None behind the last one."""
    given, (at, kind, ref) = store.of_account(merchant_id, window.key), place
    after = {"after_at": datetime.fromisoformat(at), "after_kind": kind, "after_ref": ref}
    rows = await tx.rows(COMPARING.next_returns, **given, **after, to_at=window.to_at, most=MOST_ROWS)
    if not rows:
        return None
    names = {"kinds": [row.kind for row in rows], "refs": [row.ref for row in rows]}
    missing = await tx.rows(COMPARING.returns_only_here, **given, **names)
    await _keep(tx, merchant_id, window, [_of_ours(row) for row in missing])
    return [rows[-1].at.isoformat(), rows[-1].kind, rows[-1].ref]


async def _unmatched(tx: Tx, merchant_id: str, window: Window, rows: Sequence[Row]) -> list[Row]:
    """Which of the objects of these records do not match."""
    if not rows:
        return []
    objects = sorted({(row.object_kind, row.object_ref) for row in rows})
    return await tx.rows(
        COMPARING.unmatched_theirs, **store.of_account(merchant_id, window.key),
        object_kinds=[kind for kind, _ in objects], object_refs=[ref for _, ref in objects],
        clearing=clearing(window.provider, window.account),
    )  # fmt: skip


async def _learn(world: World, window: Window) -> None:
    """Tell the planner of a big day: joined row by row, as for a handful, it would take hours."""
    if window.records < MANY:
        return

    async def learn(tx: Tx) -> None:
        tables = (WINDOWS.learn_records, WINDOWS.learn_captures, WINDOWS.learn_returns)
        await tx.all(LOOK, *((table, {}) for table in tables))

    await world.database.transaction(learn, name="reconcile_learn")


async def _keep(tx: Tx, merchant_id: str, window: Window, lines: Sequence[Compared]) -> None:
    """Name each difference and keep it."""
    if not lines:
        return
    spans = await store.coverage(tx, merchant_id, window)
    named: list[tuple[Compared, LineClass]] = []
    for line in lines:
        # An hour around all that we recorded must be known, on both sides of midnight.
        moments = [line.ours_moved_at or line.at] if line.ours_minor is not None else []
        around = [moment + shift for moment in moments for shift in (-EDGE, EDGE * 0, EDGE)]
        named.append((line, classify(line, tx.now, is_covered=spans_cover(spans, *around))))
    store.write_lines(tx, merchant_id, window, named)


def _of_theirs(row: Row) -> Compared:
    return Compared(
        row.nature, Ref(row.object_kind, row.object_ref), row.occurred_at, row.theirs_minor, row.ours_minor,
        row.currency, row.ours_currency, row.records, row.ours_moved_at, row.ours_status, row.order_id, row.attempt_id,
        row.is_second, _capture(row),
    )  # fmt: skip


def _of_ours(row: Row) -> Compared:
    return Compared(
        row.nature, Ref(row.object_kind, row.object_ref), row.at, None, row.ours_minor, row.currency, row.currency, 0,
        row.at, row.ours_status, row.order_id, row.attempt_id, False, _capture(row),
    )  # fmt: skip


def _capture(row: Row) -> Ref | None:
    return Ref(row.capture_kind, row.capture_ref) if row.capture_ref is not None else None
