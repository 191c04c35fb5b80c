"""Settling what only the provider has, by the same path as everything: it is read there, and what it says is joined.

A record of a list moves no money here by itself. Only attempts that are known here are asked about; what names another
one stays an open finding, and nothing of it is refunded by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from payonce.base.errors import Bug, Conflict, Refused
from payonce.domain.observation import Observation, Ref
from payonce.providers.contract import Done, NotDone, Outcome, Verified
from payonce.providers.gateway import ProviderLooker
from payonce.store import queries
from payonce.store import reconciliation as store
from payonce.store.database import Row, Tx
from payonce.store.reconciliation import LINES, Window
from payonce.usecases.attend import is_beyond_horizon
from payonce.usecases.note_trouble import note_trouble
from payonce.usecases.reconcile_step import Stepped, compare_again, in_window
from payonce.usecases.tape import IdTape
from payonce.usecases.tell import Became, Told, join_all
from payonce.usecases.world import World

EVENTS: Final = queries.load("events")
# Each is a call of at most 20 seconds, and a batch is done within the lease.
AT_ONCE: Final = 5


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the provider said of one line, as an event of the inbox; None: nothing, or nothing that is believed."""

    row: Row
    told: Told | None


async def settle_what_is_there(world: World, merchant_id: str, window: Window) -> Stepped | None:
    """Ask about the next lines that only the provider has, and join what it says; one more comparison follows."""

    async def load(tx: Tx) -> list[Row]:
        given = store.of_window(merchant_id, window.key)
        return await tx.rows(LINES.lines_to_settle, **given, comparison=window.comparison, limit=AT_ONCE)

    # A second comparison shows what settling left; asking again would bring the same.
    is_first = window.rounds <= 1
    rows = await world.database.transaction(load, name="reconcile_to_settle", read_only=True) if is_first else []
    heard = [_Heard(row, await _hear(world, window, row)) for row in rows]
    try:
        return await _join(world, merchant_id, window, heard)
    except (Bug, Refused, Conflict):
        # One that cannot be recorded holds nothing up that stands beside it.
        return await _join_each(world, merchant_id, window, heard)


async def _join_each(world: World, merchant_id: str, window: Window, heard: Sequence[_Heard]) -> Stepped | None:
    """Join what was heard one by one; who fails is a finding of its own, and was asked about."""
    step, settled = None, 0
    for one in heard:
        try:
            step = await _join(world, merchant_id, window, [one])
        except (Bug, Refused, Conflict) as error:
            await note_trouble(world, merchant_id, one.row.order_id, "reconcile", error)
            step = await _join(world, merchant_id, window, [replace(one, told=None)])
        if step is None:
            return None
        settled += step.settled
    return None if step is None else replace(step, settled=settled)


async def _join(world: World, merchant_id: str, window: Window, heard: Sequence[_Heard]) -> Stepped | None:
    """Join what was heard in one transaction, and note who was asked about; where nobody is left, go on."""
    tape = IdTape(world.ids)

    async def join(tx: Tx, mine: Window) -> Stepped:
        tape.rewind()
        if not heard:
            _go_on(mine)
            return Stepped(mine)
        tolds = [one.told for one in heard if one.told is not None]
        became = await join_all(tx, world, merchant_id, tolds, tape, "reconcile") if tolds else []
        _keep_evidence(tx, merchant_id, list(zip(tolds, became, strict=True)))
        settled = sum(what.state == "applied" for what in became)
        mine.settled += settled
        refs = [one.row.object_ref for one in heard]
        tx.later(LINES.note_asked, **store.of_window(merchant_id, mine.key), refs=refs, comparison=mine.comparison)
        return Stepped(mine, settled=settled)

    return await in_window(world, merchant_id, window, join, name="reconcile_settle", done=Stepped)


def _go_on(window: Window) -> None:
    """All was asked about: compare once more where that changed anything, else say what is left."""
    if window.settled and window.rounds <= 1:
        compare_again(window)
    else:
        window.state, window.cursor = "finding", None


async def _hear(world: World, window: Window, row: Row) -> Told | None:
    """Read the object at its provider; by the payer's object where it cannot be asked for itself."""
    looker = world.looker(window.provider, window.account)
    if is_beyond_horizon(looker, world.clock.now() - row.created_at):
        return None
    for ref in _ways(row):
        outcome = await _read(looker, ref)
        if isinstance(outcome, Done):
            return _told(world, window, outcome)
        if not (isinstance(outcome, NotDone) and outcome.code in ("not_readable", "not_supported")):
            return None
    return None


def _ways(row: Row) -> list[Ref]:
    """What a line can be asked for by: a refund is told by its payment, a dispute only by itself."""
    own, handle = Ref(row.object_kind, row.object_ref), None
    if row.handle_kind is not None and row.handle_ref is not None:
        handle = Ref(row.handle_kind, row.handle_ref)
    capture = Ref(row.capture_kind, row.capture_ref) if row.capture_ref is not None else None
    first = capture if row.nature == "refund" else own
    return [ref for ref in dict.fromkeys((first, handle)) if ref is not None]


async def _read(looker: ProviderLooker, ref: Ref) -> Outcome:
    try:
        return await looker.read(ref)
    except Bug:
        # A kind that this provider has no read for, as a file of somebody's can name it.
        return NotDone("not_readable", f"a {ref.kind} cannot be asked for")


def _told(world: World, window: Window, outcome: Done) -> Told | None:
    observations: tuple[Observation, ...] = outcome.observations
    if not observations:
        return None
    digest = hashlib.sha256(outcome.body).digest()
    live = observations[0].live_mode
    said = Verified(f"reconcile:{digest.hex()[:32]}", "reconcile", None, live, None, True, observations)
    return Told(world.ids.new(), window.provider, window.account, "poll", said, outcome.body, digest)


def _keep_evidence(tx: Tx, merchant_id: str, joined: list[tuple[Told, Became]]) -> None:
    """Keep the bytes that changed something as events of the inbox, like any other."""
    for told, what in {told.key: (told, what) for told, what in joined if what.state == "applied"}.values():
        common = {
            "merchant_id": merchant_id, "event_ids": [told.event_id], "keys": [told.key],
            "providers": [told.provider], "accounts": [told.account],
        }  # fmt: skip
        tx.later(EVENTS.insert_event_keys, **common, hashes=[told.body_hash])
        tx.later(
            EVENTS.insert_events, **common, now=tx.now, sources=["poll"], types=["reconcile"], states=["applied"],
            reasons=[what.reason], order_ids=[what.order_id], attempt_ids=[what.attempt_id], tries=[1],
            next_tries=[None], occurred=[None], request_ids=[""], trace_ids=[""], bodies=[told.body],
        )  # fmt: skip
