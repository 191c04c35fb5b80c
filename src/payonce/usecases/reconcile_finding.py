"""Ending a window: what is still open becomes findings, and what is gone resolves them.

A difference is one finding however many days show it, and it resolves itself when the last of them matches. Days that
were never compared are one finding of their account.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Final

from payonce.domain.finding import Finding
from payonce.domain.reconciliation import FINDING_KINDS, OVERLAP, finding_of
from payonce.store import reconciliation as store
from payonce.store.database import Row, Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.store.reconciliation import LINES, MOST_ROWS, Window
from payonce.usecases.reconcile_step import Stepped, compare_again, in_window
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

GONE: Final = "the provider's records and ours agree"


async def find_and_close(world: World, merchant_id: str, window: Window) -> Stepped | None:
    """Do the next batch of findings; after the last one resolve what is gone, and then close the day."""
    tape, source = IdTape(world.ids), world.looker(window.provider, window.account).money_source

    async def work(tx: Tx, mine: Window) -> Stepped:
        tape.rewind()
        given = store.of_window(merchant_id, mine.key)
        kind, ref = json.loads(mine.cursor) if mine.cursor else ("", "")
        batch = {"comparison": mine.comparison, "most": MOST_ROWS}
        rows = await tx.rows(LINES.open_lines, **given, **batch, after_kind=kind, after_ref=ref)
        if rows:
            mine.cursor = json.dumps([rows[-1].object_kind, rows[-1].object_ref])
            return Stepped(mine, found=_report(tx, merchant_id, mine, rows, tape))
        gone = await tx.rows(LINES.lines_gone, **given, **batch, now=tx.now)
        if gone:
            await _resolve(tx, merchant_id, mine, gone)
            return Stepped(mine)
        if mine.records and not (await tx.rows(LINES.is_summed, **given))[0].is_summed:
            compare_again(mine)
            return Stepped(mine)
        is_whole = mine.read_until is not None and mine.read_until >= mine.to_at + OVERLAP
        mine.state = "closed" if is_whole or source.by == "file" else "provisional"
        mine.cursor, mine.compared_at = None, tx.now
        return Stepped(mine)

    return await in_window(world, merchant_id, window, work, name="reconcile_find", done=Stepped)


def _report(tx: Tx, merchant_id: str, window: Window, rows: Sequence[Row], tape: IdTape) -> int:
    """Write the findings of these lines; a line that became another class resolves what it was before."""
    findings, others = [], set[str]()
    for row in rows:
        about, kind = _about(window, row), finding_of(row.line_class, row.nature)
        if kind is None:
            continue
        money = abs((row.theirs_minor or 0) - (row.ours_minor or 0))
        detail = {
            "day": window.day.isoformat(), "provider": window.provider, "account": window.account,
            "object": f"{row.object_kind} {row.object_ref}", "theirs_minor": _said(row.theirs_minor),
            "ours_minor": _said(row.ours_minor),
        }  # fmt: skip
        findings.append(Finding(tape.next(), kind, about, row.order_id, money, row.currency, detail))
        others |= {f"{other}:{about}" for other in FINDING_KINDS if other != kind}
    write_findings(tx, merchant_id, findings)
    resolve_findings(tx, merchant_id, others, "it is another difference by now")
    return len(findings)


async def _resolve(tx: Tx, merchant_id: str, window: Window, gone: Sequence[Row]) -> None:
    """Resolve the findings of lines that are gone, but for objects that another day still shows."""
    refs = [row.object_ref for row in gone]
    elsewhere = await tx.rows(LINES.still_open, **store.of_window(merchant_id, window.key), refs=refs)
    kept = {(row.object_kind, row.object_ref) for row in elsewhere}
    matched = [row for row in gone if (row.object_kind, row.object_ref) not in kept]
    fingerprints = {f"{kind}:{_about(window, row)}" for row in matched for kind in FINDING_KINDS}
    resolve_findings(tx, merchant_id, fingerprints, GONE)


async def note_holes(world: World, merchant_id: str, provider: str, account: str, missing: Sequence[date]) -> None:
    """Open the finding of days that nobody compared, or resolve it where there is none any more."""
    tape, about = IdTape(world.ids), f"{provider}:{account}"

    async def work(tx: Tx) -> None:
        tape.rewind()
        if not missing:
            resolve_findings(tx, merchant_id, {f"reconcile_hole:{about}"}, "every day was compared")
            return
        detail = {
            "provider": provider, "account": account, "days": str(len(missing)), "first": missing[0].isoformat(),
            "last": missing[-1].isoformat(),
        }  # fmt: skip
        write_findings(tx, merchant_id, [Finding(tape.next(), "reconcile_hole", about, None, 0, None, detail)])

    await world.database.transaction(work, name="reconcile_holes")


def _about(window: Window, row: Row) -> str:
    return f"{window.provider}:{window.account}:{row.object_kind}:{row.object_ref}"


def _said(minor: int | None) -> str:
    return "nothing" if minor is None else str(minor)
