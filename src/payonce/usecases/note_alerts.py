"""Note what is to be told: changes of findings, and ends of silences, as one alert for each route that wants them.

Nobody is called here. A change that comes again while its finding is locked is noted at the next step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.domain.alert import SILENCE_ENDED, Noted, Route, Silence, plan
from payonce.store.alerts import ALERTS, SILENCES, NewAlert, change_of, silences_in_force, write_alerts
from payonce.store.database import Row, Tx
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

# Rows of one transaction: each change is one for every route.
MOST_ROWS: Final = 1000
# A burst of ten thousand findings is noted in one step, so that it goes out as one message.
MOST_BATCHES: Final = 20


async def note_changes(world: World, merchant_id: str, routes: Mapping[str, Route], limit: int) -> int:
    """Make alerts of findings that changed; how many findings were looked at. `limit`: of one transaction."""
    noted, most = 0, max(1, min(limit, MOST_ROWS // len(routes)))
    for _ in range(MOST_BATCHES):
        taken = await _note_some(world, merchant_id, routes, most)
        noted += taken
        if taken < most:
            break
    return noted


async def _note_some(world: World, merchant_id: str, routes: Mapping[str, Route], limit: int) -> int:
    tape = IdTape(world.ids)

    async def work(tx: Tx) -> int:
        tape.rewind()
        rows = await tx.rows(ALERTS.lock_changes, merchant_id=merchant_id, limit=limit)
        if not rows:
            return 0
        finding_ids = [row.finding_id for row in rows]
        longest = max(route.group for route in routes.values())
        noted, begun = await tx.all(
            (ALERTS.noted_before, {"merchant_id": merchant_id, "finding_ids": finding_ids}),
            (ALERTS.last_begun, {"merchant_id": merchant_id, "since": tx.now - longest}),
        )
        silences = await silences_in_force(tx, merchant_id)
        alerts, dropped = _decide(tx.now, tape, merchant_id, routes, rows, noted, begun, silences)
        if dropped:
            tx.later(ALERTS.drop_waiting, merchant_id=merchant_id, finding_ids=sorted(dropped))
        write_alerts(tx, merchant_id, "finding", alerts)
        tx.later(
            ALERTS.mark_told, merchant_id=merchant_id, finding_ids=finding_ids, changes=[row.change for row in rows]
        )
        return len(rows)

    return await world.database.transaction(work, name="note_alerts")


def _decide(
    now: datetime, tape: IdTape, merchant_id: str, routes: Mapping[str, Route], rows: Sequence[Row],
    noted: Sequence[Row], begun: Sequence[Row], silences: Sequence[Silence],
) -> tuple[list[NewAlert], set[UUID]]:  # fmt: skip
    """The alerts of these changes, and the findings of which nothing that waits is told any more."""
    before = {(row.subject_id, row.route): Noted(row.waiting, row.told_change, row.resolved_change) for row in noted}
    last = {(row.route, row.kind, row.tone): row.begun_at for row in begun}
    alerts: list[NewAlert] = []
    dropped: set[UUID] = set()
    for row in rows:
        if row.state == "ignored":
            continue
        change = change_of(row)
        for route in routes.values():
            if not route.wants(merchant_id, change):
                continue
            decided = plan(change, before.get((change.finding_id, route.name), Noted()), silences)
            if decided.drops_waiting:
                dropped.add(change.finding_id)
            if decided.state is None:
                continue
            due = route.due_at(_urgency(row), now, last.get((route.name, change.kind, change.tone)))
            alerts.append(
                NewAlert(
                    tape.next(), route.name, change.finding_id, change.number, change.changed_as, change.kind,
                    change.tone, None if decided.silence_id else due, decided.silence_id,
                )
            )  # fmt: skip
    return alerts, dropped


def _urgency(row: Row) -> str:
    # That something critical is over is good to know and no reason to hurry.
    return "notice" if row.changed_as == "resolved" else str(row.severity)


async def announce_silences(world: World, merchant_id: str, routes: Mapping[str, Route], limit: int) -> int:
    """Make alerts of silences that have ended, for every route that could carry what they held; how many ended."""
    tape = IdTape(world.ids)

    async def work(tx: Tx) -> int:
        tape.rewind()
        ended = [
            Silence(*row)
            for row in await tx.rows(SILENCES.lock_ended, merchant_id=merchant_id, now=tx.now, limit=limit)
        ]
        alerts = [
            NewAlert(tape.next(), route.name, silence.id, 1, "ended", SILENCE_ENDED, "ended", tx.now)
            for silence in ended
            for route in routes.values()
            if silence.may_concern(route)
        ]
        write_alerts(tx, merchant_id, "silence", alerts)
        if ended:
            tx.later(SILENCES.mark_announced, merchant_id=merchant_id, now=tx.now, silence_ids=[s.id for s in ended])
        return len(ended)

    return await world.database.transaction(work, name="announce_silences")
