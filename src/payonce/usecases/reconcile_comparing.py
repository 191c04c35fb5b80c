"""Comparing a window: a slice of their records, or of what we saw, in a batch. Both sides stay in the database; only
what is not plainly the same comes here to be named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from payonce.domain.ledger import clearing
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import EDGE, Compared, LineClass, MoneySource, classify
from payonce.store import reconciliation as store
from payonce.store.database import Row, Tx
from payonce.store.reconciliation import COMPARING, MOST_ROWS, WINDOWS, Window, spans_cover
from payonce.usecases.reconcile_step import MANY, Stepped, in_window
from payonce.usecases.world import World

# Rows of one statement: about a second's work, so that a stop is obeyed soon.
SLICE: Final = 100_000
# Where the other side of a slice is looked for first: most is heard of at once, and what webhooks lost within 15
# minutes (C15). What is farther away is looked up by its name.
NEAR: Final = timedelta(minutes=20)


async def compare_theirs(world: World, merchant_id: str, window: Window) -> Stepped | None:
    """Compare the next slice of the provider's records of the day with what we have of their objects."""
    if window.cursor is None:
        await _learn(world, window)

    async def compare(tx: Tx, mine: Window) -> Stepped:
        given = store.of_window(merchant_id, mine.key)
        at, ref = json.loads(mine.cursor) if mine.cursor else (mine.from_at.isoformat(), "")
        after = _theirs("after", (at, ref))
        end = await tx.one(COMPARING.next_records, **given, **after, limit=SLICE)
        if end is None:
            mine.records = mine.records if mine.cursor else 0
            mine.state, mine.cursor = "comparing_ours", None
            return Stepped(mine)
        upto = (end.occurred_at.isoformat(), end.record_ref)
        near = {"near_from": datetime.fromisoformat(at) - NEAR, "near_to": end.occurred_at + NEAR, "most": MOST_ROWS}
        rows = await tx.rows(COMPARING.not_plain_theirs, **given, **after, **_theirs("upto", upto), **near)
        if len(rows) == MOST_ROWS:
            upto = (rows[-1].occurred_at.isoformat(), rows[-1].record_ref)
        [counted] = await tx.rows(COMPARING.count_records, **given, **after, **_theirs("upto", upto))
        unmatched = await _unmatched(tx, merchant_id, mine, rows)
        names = {(row.object_kind, row.object_ref) for row in unmatched}
        ours = [row for row in unmatched if row.is_ours]
        foreign = names - {(row.object_kind, row.object_ref) for row in ours}
        await _keep(tx, merchant_id, mine, [_of_theirs(row) for row in ours])
        mine.records = counted.records + (mine.records if mine.cursor else 0)
        mine.matched += counted.records - sum((row.object_kind, row.object_ref) in names for row in rows)
        mine.foreign_records += sum((row.object_kind, row.object_ref) in foreign for row in rows)
        mine.cursor = json.dumps(upto)
        return Stepped(mine)

    return await in_window(world, merchant_id, window, compare, name="reconcile_theirs", done=Stepped)


async def compare_ours(world: World, merchant_id: str, window: Window) -> Stepped | None:
    """Look through the next slice of what we saw move on the day for what the provider's records do not have."""
    source = world.looker(window.provider, window.account).money_source

    async def compare(tx: Tx, mine: Window) -> Stepped:
        table, *place = json.loads(mine.cursor) if mine.cursor else _begin("captures", mine)
        look = _captures if table == "captures" else _returns
        upto = await look(tx, merchant_id, mine, source, place)
        if upto is not None:
            mine.cursor = json.dumps([table, *upto])
        elif table == "captures":
            mine.cursor = json.dumps(_begin("returns", mine))
        else:
            mine.state, mine.cursor = "settling", None
        return Stepped(mine)

    return await in_window(world, merchant_id, window, compare, name="reconcile_ours", done=Stepped)


async def _captures(
    tx: Tx, merchant_id: str, window: Window, source: MoneySource, place: Sequence[str]
) -> tuple[str, str, str] | None:
    """Name what came in only here in the next slice; where it ends, or None behind the last one."""
    given, after = store.of_account(merchant_id, window.key), _ours("after", place)
    end = await tx.one(COMPARING.next_captures, **given, **after, to_at=window.to_at, limit=SLICE)
    if end is None:
        return None
    upto = (end.at.isoformat(), end.kind, end.ref)
    began = datetime.fromisoformat(place[0])
    begin, finish = began - NEAR, end.at + NEAR
    days = sorted({source.day_of(at) for at in (begin, began, end.at, finish)})
    near = {"near_from": begin, "near_to": finish, "near_days": days, "most": MOST_ROWS}
    rows = await tx.rows(COMPARING.captures_not_near, **given, **after, **_ours("upto", upto), **near)
    if len(rows) == MOST_ROWS:
        upto = (rows[-1].at.isoformat(), rows[-1].kind, rows[-1].ref)
    if rows:
        names = {"kinds": [row.kind for row in rows], "refs": [row.ref for row in rows]}
        missing = await tx.rows(COMPARING.captures_only_here, **given, **names)
        await _keep(tx, merchant_id, window, [_of_ours(row) for row in missing])
    return upto


async def _returns(
    tx: Tx, merchant_id: str, window: Window, source: MoneySource, place: Sequence[str]
) -> tuple[str, str, str] | None:
    """Name what went back only here in the next batch; where it ends, or None behind the last one."""
    given, after = store.of_account(merchant_id, window.key), _ours("after", place)
    rows = await tx.rows(COMPARING.next_returns, **given, **after, to_at=window.to_at, most=MOST_ROWS)
    if not rows:
        return None
    names = {"kinds": [row.kind for row in rows], "refs": [row.ref for row in rows]}
    missing = await tx.rows(COMPARING.returns_only_here, **given, **names)
    await _keep(tx, merchant_id, window, [_of_ours(row) for row in missing])
    return rows[-1].at.isoformat(), rows[-1].kind, rows[-1].ref


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
        await tx.all((WINDOWS.learn_records, {}), (WINDOWS.learn_captures, {}), (WINDOWS.learn_returns, {}))

    await world.database.transaction(learn, name="reconcile_learn")


def _theirs(prefix: str, place: Sequence[str]) -> dict[str, object]:
    at, ref = place
    return {f"{prefix}_at": datetime.fromisoformat(at), f"{prefix}_ref": ref}


def _begin(table: str, window: Window) -> list[Any]:
    return [table, window.from_at.isoformat(), "", ""]


def _ours(prefix: str, place: Sequence[str]) -> dict[str, object]:
    at, kind, ref = place
    return {f"{prefix}_at": datetime.fromisoformat(at), f"{prefix}_kind": kind, f"{prefix}_ref": ref}


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
