"""Receive what providers deliver: verify, store durably, and settle in the same transaction where that is possible.

The answer to the provider means *stored durably*, nothing more. One event that cannot be applied never costs another
its
delivery: when the transaction of a group fails for any reason but the store itself, all of its events are stored as
they
are, accepted, and applied one by one from the queue. Forged deliveries leave nothing behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from payonce.base.errors import Refused, Unavailable
from payonce.domain.finding import Finding
from payonce.domain.schedule import backoff
from payonce.providers.contract import Forged, Unreadable, Verified
from payonce.store import queries
from payonce.store.database import Call, Tx
from payonce.store.findings import resolve_findings, write_findings
from payonce.usecases.answers import Received
from payonce.usecases.tape import IdTape
from payonce.usecases.tell import UNREAD, Became, Told, calls_to_resolve, join_all
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")
CHECKS: Final = queries.load("checks")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook as it came: header names in lower case, the body byte for byte. Without account: whose secret
    fits.
    """

    provider: str
    account: str | None
    headers: Mapping[str, str]
    body: bytes
    request_id: str = ""
    trace_id: str = ""


async def receive(world: World, merchant_id: str, deliveries: Sequence[Delivery]) -> list[Received]:
    """Take in a group of deliveries in one transaction; what became of each, in their order.

    Raises Refused `provider_unknown` when an account is named that is not the merchant's; never for the content of a
    delivery. When the store does not answer, all verdicts are `retry`.
    """
    read = [_verify(world, merchant_id, delivery) for delivery in deliveries]
    tolds = [told for told in read if isinstance(told, Told)]
    try:
        became = await _settle(world, merchant_id, tolds, "webhook")
    except Unavailable as error:
        became = _all_again(tolds, error)
    except Exception:
        # Whatever is wrong with the group, each of its events is kept and tried alone, where its own error shows.
        became = await _store_only(world, merchant_id, tolds)
    remaining = iter(became)
    return [item if isinstance(item, Received) else next(remaining) for item in read]


async def take_in(world: World, merchant_id: str, tolds: Sequence[Told], actor: str) -> list[Received]:
    """Store and settle what was found without a webhook, in one transaction, as if it had been delivered.

    What was delivered before under the same key is a duplicate. When the group cannot be settled, all of it is stored
    and tried one by one from the queue. Raises Unavailable where the store does not answer: nothing is stored then.
    """
    try:
        return await _settle(world, merchant_id, tolds, actor)
    except Unavailable:
        raise
    except Exception:
        received = await _store_only(world, merchant_id, tolds)
        if any(one.verdict == "retry" for one in received):
            raise Unavailable("what a list told could not be stored", code="store_unavailable") from None
        return received


def _verify(world: World, merchant_id: str, delivery: Delivery) -> Told | Received:
    accounts = world.accounts_of(merchant_id, delivery.provider)
    if delivery.account is not None:
        accounts = [key for key in accounts if key[1] == delivery.account]
    if not accounts:
        raise Refused(f"there is no such account of {delivery.provider!r}", code="provider_unknown", status=404)
    verdict: Verified | Unreadable | Forged = Forged("no account")
    for provider, account in accounts:
        verdict = world.looker(provider, account).verify(delivery.headers, delivery.body, world.clock.now())
        if not isinstance(verdict, Forged):
            return Told(
                world.ids.new(), provider, account, "webhook", verdict, delivery.body,
                hashlib.sha256(delivery.body).digest(), delivery.request_id, delivery.trace_id,
            )  # fmt: skip
    return Received("forged", delivery.provider, "", "forged", verdict.reason if isinstance(verdict, Forged) else "")


async def _settle(world: World, merchant_id: str, tolds: Sequence[Told], actor: str) -> list[Received]:
    if not tolds:
        return []
    tape, chance = IdTape(world.ids), world.chance.uniform()

    async def work(tx: Tx) -> list[Received]:
        tape.rewind()
        # Whom the events are about is asked in the same round trip as makes them known.
        calls = [*_calls_to_know(merchant_id, tolds), *calls_to_resolve(merchant_id, tolds)]
        _, rows, *answers = await tx.all(*calls)
        known = {row.asked_id: row for row in rows}
        became = await join_all(tx, world, merchant_id, tolds, tape, actor, answers=answers)
        return _record_events(tx, world, merchant_id, tolds, became, known, tape, chance)

    return await world.database.transaction(work, name="receive" if actor == "webhook" else actor)


async def _store_only(world: World, merchant_id: str, tolds: Sequence[Told]) -> list[Received]:
    tape = IdTape(world.ids)

    async def work(tx: Tx) -> list[Received]:
        tape.rewind()
        _, rows = await tx.all(*_calls_to_know(merchant_id, tolds))
        known = {row.asked_id: row for row in rows}
        became = [Became("failed", "group_failed") for _ in tolds]
        return _record_events(tx, world, merchant_id, tolds, became, known, tape, None)

    try:
        return await world.database.transaction(work, name="receive_store_only")
    except Unavailable as error:
        return _all_again(tolds, error)


def _all_again(tolds: Sequence[Told], error: Unavailable) -> list[Received]:
    """Nothing of it is stored: the provider is to send it again."""
    return [Received("retry", told.provider, told.type, "retry", error.code, account=told.account) for told in tolds]


def _calls_to_know(merchant_id: str, tolds: Sequence[Told]) -> list[Call]:
    """What makes every event known, and says of each under which id it is, what became of it, and what else came by its
    name."""
    asked = {
        "merchant_id": merchant_id,
        "providers": [told.provider for told in tolds],
        "accounts": [told.account for told in tolds],
        "keys": [told.key for told in tolds],
        "event_ids": [told.event_id for told in tolds],
        "hashes": [told.body_hash for told in tolds],
    }
    return [(EVENTS.insert_event_keys, asked), (EVENTS.known_events, asked)]


def _record_events(
    tx: Tx, world: World, merchant_id: str, tolds: Sequence[Told], became: Sequence[Became],
    known: Mapping[UUID, Any], tape: IdTape, chance: float | None,
) -> list[Received]:  # fmt: skip
    """Store the new events with what became of them, and mend those that were stored before and could be applied
    now.
    """
    new, again, found, received, mended, repeats = [], [], list[Finding](), [], set[str](), list[tuple[UUID, Any]]()
    firsts = {told.event_id: told for told in tolds}
    for told, what in zip(tolds, became, strict=True):
        row = known[told.event_id]
        is_new = row.event_id == told.event_id
        if not is_new and _says_otherwise(world, told, row, firsts.get(row.event_id)):
            # Other content by the same name: kept beside the first, joined like any other, and looked at by a person.
            is_new, about = True, f"{told.provider}:{told.account}:{told.key}"
            found.append(Finding(tape.next(), "event_changed", about, what.order_id, 0, None, {"event": told.key}))
        if is_new:
            new.append((told, what))
        elif told.source == "webhook":
            repeats.append((row.event_id, what.order_id))
        if not is_new and row.state in ("received", "failed", "quarantined") and what.state != "failed":
            again.append((row.event_id, what))
            mended.add(f"event_quarantined:{row.event_id.hex}")
        lag = (tx.now - told.occurred_at).total_seconds() if told.occurred_at else None
        received.append(
            Received(
                "accepted" if is_new else "duplicate",
                told.provider,
                told.type,
                what.state,
                what.reason,
                told.event_id if is_new else row.event_id,
                what.order_id,
                what.attempt_id,
                lag,
                told.account,
            )
        )
    _insert(tx, merchant_id, new, chance)
    _count_repeats(tx, merchant_id, repeats, tape)
    _update(tx, merchant_id, again)
    write_findings(tx, merchant_id, found)
    resolve_findings(tx, merchant_id, mended, "the event could be applied")
    return received


def _says_otherwise(world: World, told: Told, row: Any, first: Told | None) -> bool:
    """Whether what came by the same name says something else. Envelopes differ between two deliveries of one event
    (they count what is still to be delivered), so what is read of them is compared, not their bytes.
    """
    if first is not None:
        return _said_of(first.said) != _said_of(told.said)
    if row.other_body is None:
        return False
    before = world.looker(told.provider, told.account).again(bytes(row.other_body), "webhook")
    return _said_of(before) != _said_of(told.said)


def _said_of(said: Verified | Unreadable) -> object:
    """All of an event that anything is decided by."""
    if isinstance(said, Unreadable):
        return said.key
    return said.type, said.live_mode, said.account, said.observations


def _insert(tx: Tx, merchant_id: str, rows: Sequence[tuple[Told, Became]], chance: float | None) -> None:
    if not rows:
        return
    # An event that was only stored is due at once; one that was tried waits as after any failed try.
    due = tx.now if chance is None else tx.now + backoff(1, chance)
    tx.later(
        EVENTS.insert_events, merchant_id=merchant_id, now=tx.now,
        event_ids=[t.event_id for t, _ in rows], providers=[t.provider for t, _ in rows],
        accounts=[t.account for t, _ in rows], sources=[t.source for t, _ in rows], keys=[t.key for t, _ in rows],
        types=[t.type for t, _ in rows], states=[b.state for _, b in rows], reasons=[b.reason for _, b in rows],
        order_ids=[b.order_id for _, b in rows], attempt_ids=[b.attempt_id for _, b in rows],
        tries=[int(chance is not None) for _ in rows],
        next_tries=[_due(b, tx.now, due) for _, b in rows], occurred=[t.occurred_at for t, _ in rows],
        request_ids=[t.request_id for t, _ in rows], trace_ids=[t.trace_id for t, _ in rows],
        bodies=[t.body for t, _ in rows],
    )  # fmt: skip


def _count_repeats(tx: Tx, merchant_id: str, repeats: Sequence[tuple[UUID, Any]], tape: IdTape) -> None:
    """Count what was told again (E14)."""
    if repeats:
        event_ids, order_ids = zip(*repeats, strict=True)
        tx.later(
            CHECKS.insert_repeats, merchant_id=merchant_id, now=tx.now, repeat_ids=[tape.next() for _ in repeats],
            event_ids=[*event_ids], order_ids=[*order_ids],
        )  # fmt: skip


def _due(became: Became, now: datetime, after_a_try: datetime) -> datetime | None:
    """When an event is tried next: one that waits for a read was not tried yet."""
    if became.state != "failed":
        return None
    return now if became.reason == UNREAD else after_a_try


def _update(tx: Tx, merchant_id: str, rows: Sequence[tuple[Any, Became]]) -> None:
    if rows:
        tx.later(
            EVENTS.update_events, merchant_id=merchant_id,
            event_ids=[event_id for event_id, _ in rows], states=[b.state for _, b in rows],
            reasons=[b.reason for _, b in rows], order_ids=[b.order_id for _, b in rows],
            attempt_ids=[b.attempt_id for _, b in rows], tries=[1 for _ in rows], next_tries=[None for _ in rows],
        )  # fmt: skip
