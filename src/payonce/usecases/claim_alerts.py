"""Claim messages: group what waits, write it down, and take up those whose next try is due. Nobody is called here.

What follows when a worker ends before it told the outcome is the route's word: a receiver that recognises our ids is
told again, for all others the message is `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.base import ids
from payonce.domain.alert import LEASE, MACHINE, MOST_TRIES, SILENCE_ENDED, Route, Tone
from payonce.domain.alert_text import Ended, Told, text_of
from payonce.store.alerts import ALERTS
from payonce.store.database import Row, Tx
from payonce.usecases.alerting import Message
from payonce.usecases.silences import scope_of
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

# More findings in one message than anybody counts; what is left goes with the next one.
MOST_GROUPED: Final = 1000
# One route's backlog of failures must not hide another's first.
MOST_DUE: Final = 20
# A route that was renamed is served by old processes for a while; afterwards nobody waits for it.
ORPHANED_AFTER: Final = timedelta(hours=1)
LOST: Final = "its worker ended before it told the outcome"


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to one try at a message until `lease_until`."""

    message_id: UUID
    fence: int
    lease_until: datetime
    message: Message


@dataclass(frozen=True, slots=True)
class _Taken:
    """A message that this transaction claims."""

    id: UUID
    route: str
    kind: str
    tone: Tone
    fence: int


async def claim_alerts(world: World, merchant_id: str, routes: Mapping[str, Route], base_url: str) -> list[Claim]:
    """Claim at most one message for each of `routes`: one to be tried again before a new one."""
    tape = IdTape(world.ids)
    earlier: list[list[_Taken]] = []

    async def work(tx: Tx) -> list[Claim]:
        tape.rewind()
        for before in reversed(earlier):
            # The COMMIT of an earlier run arrived and its answer did not: those messages are ours.
            if before and await _are_ours(tx, merchant_id, before):
                return await _read(tx, merchant_id, before, base_url)
        taken = await _take_again(tx, merchant_id, routes)
        left = [name for name in routes if name not in {each.route for each in taken}]
        taken += await _take_new(tx, merchant_id, left, tape)
        earlier.append(taken)
        return await _read(tx, merchant_id, taken, base_url)

    return await world.database.transaction(work, name="claim_alerts") if routes else []


async def end_claims(
    world: World, merchant_id: str, routes: Mapping[str, Route], limit: int
) -> list[tuple[str, str, str]]:
    """Decide about claims whose lease has ended, and what is left of routes that are gone: route, state, reason."""

    async def work(tx: Tx) -> list[tuple[str, str, str]]:
        orphaned = {"routes": sorted(routes), "before": tx.now - ORPHANED_AFTER}
        lost, orphans = await tx.all(
            (ALERTS.lock_ended_claims, {"merchant_id": merchant_id, "now": tx.now, "limit": limit}),
            (ALERTS.lock_orphaned_messages, {"merchant_id": merchant_id, "limit": limit, **orphaned}),
        )
        ends = [(row, _state_of_lost(row, routes.get(row.route)), LOST) for row in lost]
        ends += [(row, "dead", "there is no such route any more") for row in orphans]
        tx.later(ALERTS.drop_orphans, merchant_id=merchant_id, **orphaned)
        for row, state, reason in ends:
            tx.later(
                ALERTS.move_message, merchant_id=merchant_id, message_id=row.message_id, state=state,
                due_at=tx.now if state == "failed" else None, now=tx.now, answer=reason,
            )  # fmt: skip
        return [(row.route, state, reason) for row, state, reason in ends]

    return await world.database.transaction(work, name="end_alert_claims")


def _state_of_lost(row: Row, route: Route | None) -> str:
    """What becomes of a message whose worker never said how it ended."""
    if route is None or not route.resends:
        return MACHINE.target("claimed", "lost") or "unknown"
    event = "gave_up" if row.tries >= MOST_TRIES else "lost_resend"
    return MACHINE.target("claimed", event) or "unknown"


async def _take_again(tx: Tx, merchant_id: str, routes: Mapping[str, Route]) -> list[_Taken]:
    rows = await tx.rows(
        ALERTS.lock_due_messages, merchant_id=merchant_id, now=tx.now, routes=sorted(routes),
        limit=len(routes) * MOST_DUE,
    )  # fmt: skip
    taken: dict[str, _Taken] = {}
    for row in rows:
        if row.route not in taken:
            taken[row.route] = _Taken(row.message_id, row.route, row.kind, row.tone, row.fence + 1)
            tx.later(
                ALERTS.claim_message, merchant_id=merchant_id, message_id=row.message_id, lease_until=tx.now + LEASE
            )
    return list(taken.values())


async def _take_new(tx: Tx, merchant_id: str, routes: Sequence[str], tape: IdTape) -> list[_Taken]:
    if not routes:
        return []
    groups = await tx.rows(ALERTS.due_groups, merchant_id=merchant_id, now=tx.now, routes=sorted(routes))
    taken: dict[str, _Taken] = {}
    counts: list[int] = []
    alert_ids: list[UUID] = []
    message_ids: list[UUID] = []
    # By name, so that two workers lock in the same order.
    for group in sorted({row.route: row for row in reversed(groups)}.values(), key=lambda row: str(row.route)):
        # The end of each silence is a message of its own: it tells what that one held.
        limit = 1 if group.kind == SILENCE_ENDED else MOST_GROUPED
        given = {"route": group.route, "kind": group.kind, "tone": group.tone, "limit": limit}
        alerts = await tx.rows(ALERTS.lock_group, merchant_id=merchant_id, **given)
        if not alerts:
            continue
        message = taken[group.route] = _Taken(tape.next(), group.route, group.kind, group.tone, 1)
        counts.append(len(alerts))
        alert_ids += [row.alert_id for row in alerts]
        message_ids += [message.id] * len(alerts)
    new = list(taken.values())
    if new:
        # Written now and not with the COMMIT: the texts are read from these rows.
        await tx.all(
            (ALERTS.insert_messages, {
                "merchant_id": merchant_id, "now": tx.now, "lease_until": tx.now + LEASE,
                "message_ids": [each.id for each in new], "routes": [each.route for each in new],
                "kinds": [each.kind for each in new], "tones": [each.tone for each in new], "counts": counts,
            }),
            (ALERTS.group_alerts, {
                "merchant_id": merchant_id, "alert_ids": alert_ids, "message_ids": message_ids,
            }),
        )  # fmt: skip
    return new


async def _are_ours(tx: Tx, merchant_id: str, taken: Sequence[_Taken]) -> bool:
    rows = await tx.rows(ALERTS.fences, merchant_id=merchant_id, message_ids=[each.id for each in taken])
    return {(row.message_id, row.fence) for row in rows if row.state == "claimed"} == {
        (each.id, each.fence) for each in taken
    }


async def _read(tx: Tx, merchant_id: str, taken: Sequence[_Taken], base_url: str) -> list[Claim]:
    """The claims with their texts, made of the findings as they are now."""
    if not taken:
        return []
    given = {"merchant_id": merchant_id, "message_ids": [each.id for each in taken]}
    findings, silences = await tx.all((ALERTS.findings_of_messages, given), (ALERTS.silences_of_messages, given))
    claims = []
    for each in taken:
        told = [Told(*row[1:]) for row in findings if row.message_id == each.id]
        ended = next((row for row in silences if row.message_id == each.id), None)
        if each.kind == SILENCE_ENDED and ended is not None:
            told = await _held(tx, merchant_id, each.route, ended.silence_id)
        text = text_of(each.kind, each.tone, told, _ended(ended), base_url, merchant_id)
        message = Message(
            ids.show(ids.ALERT, each.id), each.route, text.severity, each.tone, text.title, text.body, tx.now, text.data
        )
        claims.append(Claim(each.id, each.fence, tx.now + LEASE, message))
    return claims


async def _held(tx: Tx, merchant_id: str, route: str, silence_id: UUID) -> list[Told]:
    rows = await tx.rows(
        ALERTS.held_and_open, merchant_id=merchant_id, silence_id=silence_id, route=route, limit=MOST_GROUPED
    )
    return [Told(*row) for row in rows]


def _ended(row: Row | None) -> Ended | None:
    if row is None:
        return None
    scope = scope_of(row.kind, row.severity, row.provider, row.order_id)
    return Ended(row.silence_id, scope, row.author, row.reason, row.ended_by, row.held)
