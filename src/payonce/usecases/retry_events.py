"""Retry events: apply stored events that could not be applied when they came, one by one, so that one costs no other.

After the last try an event is quarantined with a finding; it is kept, listed, and can be replayed (C14, C16).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from payonce.base.errors import Refused, Unavailable
from payonce.domain.finding import Finding
from payonce.domain.schedule import backoff
from payonce.providers.contract import Verified
from payonce.store import queries
from payonce.store.database import Tx, read_once
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.read_notices import READ_REASONS, read_what_it_tells
from payonce.usecases.show_event import show_event
from payonce.usecases.tape import IdTape
from payonce.usecases.tell import Became, Told, join_all
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")
# A notice that its provider does not confirm for a day is a person's business.
UNCONFIRMED_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Retried:
    """What one run did: events tried, of those applied or ignored, still failing, and given up."""

    tried: int = 0
    applied: int = 0
    failed: int = 0
    quarantined: int = 0


async def retry_events(world: World, merchant_id: str, limit: int = 100) -> Retried:
    """Try up to `limit` events that are due, the longest due first."""
    states = []
    for event_id in await events_due(world, merchant_id, limit):
        if world.is_stopped:
            break
        became = await _try(world, merchant_id, event_id, by_hand=False)
        if became is not None:
            states.append(became.state if became.state != "failed" else became.reason)
    return Retried(
        len(states),
        sum(s in ("applied", "ignored") for s in states),
        states.count("again"),
        states.count("quarantined"),
    )


async def events_due(world: World, merchant_id: str, limit: int) -> list[UUID]:
    """Stored events whose next try has come, the longest due first."""
    given = {"merchant_id": merchant_id, "now": world.clock.now(), "limit": limit}
    [rows] = await read_once(world.database, (EVENTS.due_events, given), name="due_events")
    return [row.event_id for row in rows]


async def replay_event(world: World, merchant_id: str, event_id: UUID) -> Became:
    """Apply a stored event again, whatever became of it before. Raises Refused `event_unknown` (404),
    `event_erased`.
    """
    if (await show_event(world, merchant_id, event_id)).erased_at is not None:
        raise Refused("its body was erased by age, so that there is nothing left to apply", code="event_erased")
    became = await _try(world, merchant_id, event_id, by_hand=True)
    if became is None:
        raise Refused("there is no such event, or it is being tried at this moment", code="event_unknown", status=404)
    return became


async def _try(world: World, merchant_id: str, event_id: UUID, *, by_hand: bool) -> Became | None:
    """Join one stored event in a transaction of its own; when that fails, note why in another one."""
    tape = IdTape(world.ids)
    read: Verified | Became | None = None

    async def work(tx: Tx) -> Became | None:
        tape.rewind()
        row = await tx.one(EVENTS.lock_event, merchant_id=merchant_id, event_id=event_id)
        if row is None or row.erased_at is not None or not (by_hand or row.state in ("received", "failed")):
            return None
        if isinstance(read, Became):
            return _note(tx, world, merchant_id, row, read, tape)
        told = _told(world, row)
        if read is not None:
            told = replace(told, said=read, source="poll")
        [became] = await join_all(tx, world, merchant_id, [told], tape, "replay" if by_hand else "retry")
        return _note(tx, world, merchant_id, row, became, tape)

    try:
        read = await read_what_it_tells(world, merchant_id, event_id)
        return await world.database.transaction(work, name="retry_event")
    except Unavailable:
        raise
    except Exception as error:
        return await _note_error(world, merchant_id, event_id, error)


def _told(world: World, row: Any) -> Told:
    body, till = bytes(row.body), world.looker(row.provider, row.account)
    said = till.again(body, row.source)
    return Told(
        row.event_id, row.provider, row.account, row.source, said, body, hashlib.sha256(body).digest(),
        row.request_id, row.trace_id,
    )  # fmt: skip


def _note(tx: Tx, world: World, merchant_id: str, row: Any, became: Became, tape: IdTape) -> Became:
    """Write what became of the event at this try, and give it up after the last one."""
    tries, state, reason, next_try = row.tries + 1, became.state, became.reason, None
    about = row.event_id.hex
    if state == "failed" and reason.startswith(READ_REASONS):
        # The provider does not say so yet: asked again for as long as it takes, and never given up by itself.
        next_try = tx.now + backoff(tries, world.chance.uniform())
        if tx.now - row.received_at > UNCONFIRMED_AFTER:
            finding = Finding(tape.next(), "event_unconfirmed", about, row.order_id, 0, None, {"reason": reason})
            write_findings(tx, merchant_id, [finding])
        became = Became("failed", "again", became.order_id, became.attempt_id)
    elif state == "failed" and tries < world.policy_of(merchant_id).event_tries:
        next_try = tx.now + backoff(tries, world.chance.uniform())
        became = Became("failed", "again", became.order_id, became.attempt_id)
    elif state == "failed" and reason == "payment_unknown":
        # Nobody ever told of the payment that it belongs to, so it is somebody else's.
        became = Became("ignored", "not_ours")
        state, reason = became.state, became.reason
    elif state == "failed":
        finding = Finding(tape.next(), "event_quarantined", about, became.order_id, 0, None, {"reason": reason})
        write_findings(tx, merchant_id, [finding])
        became = Became("failed", "quarantined", became.order_id, became.attempt_id)
    else:
        gone = {f"event_quarantined:{about}", f"event_unconfirmed:{about}"}
        resolve_findings(tx, merchant_id, gone, "the event could be applied")
    stored = "quarantined" if became.reason == "quarantined" else state
    if row.state == "applied" and state == "ignored":
        # Replayed by hand: that it is known by now is what it was applied for, and the row goes on to say so.
        stored, reason = row.state, row.reason
    tx.later(
        EVENTS.update_events, merchant_id=merchant_id, event_ids=[row.event_id], states=[stored], reasons=[reason],
        order_ids=[became.order_id], attempt_ids=[became.attempt_id], tries=[tries], next_tries=[next_try],
    )  # fmt: skip
    return became


async def _note_error(world: World, merchant_id: str, event_id: UUID, error: Exception) -> Became | None:
    tape = IdTape(world.ids)

    async def work(tx: Tx) -> Became | None:
        tape.rewind()
        row = await tx.one(EVENTS.lock_event, merchant_id=merchant_id, event_id=event_id)
        if row is None:
            return None
        reason = f"{type(error).__name__}: {error}"[:200]
        return _note(tx, world, merchant_id, row, Became("failed", reason), tape)

    return await world.database.transaction(work, name="retry_event_failed")
