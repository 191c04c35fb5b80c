"""Claim effects: those that are due, and those whose worker was lost. One transaction each; nothing is called here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from payonce.base.ids import EFFECT, RUN, show
from payonce.domain.delivering import (
    Background,
    NotAccepted,
    Outcome,
    OutcomeUnknown,
    Pace,
    Round,
    Try,
    is_wholly_taken_back,
    why_not_claimed,
)
from payonce.domain.effect import OCCASIONS, Effect, EffectKind
from payonce.store import effects as store
from payonce.store.database import Tx, read_once
from payonce.usecases.effect_facts import Facts, facts_of
from payonce.usecases.effect_handlers import EffectCall, Handlers
from payonce.usecases.in_round import in_round
from payonce.usecases.world import World

# What a move of an effect is put down to in the audit, where no person made it.
ACTOR = "effects"


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to one try at an effect until `lease_until`. `lost`: the try was another worker's, and is asked
    about instead of repeated."""

    effect: Effect
    lease_until: datetime
    lost: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tried(self) -> tuple[int, int]:
        """The number of the try, and the fence it is held by."""
        return self.effect.tries, self.effect.fence


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claiming transaction did: what to deliver now, and effects that it moved elsewhere, as they are now."""

    claims: tuple[Claim, ...]
    moved: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """Whether there are effects to claim, and claims whose lease has ended."""

    has_due: bool
    has_expired: bool


async def look_for_work(world: World, merchant_id: str, handlers: Handlers, pace: Pace) -> Work:
    """Whether a claiming transaction would find anything. Locks and changes nothing."""

    now = world.clock.now()
    given = {
        "merchant_id": merchant_id, "claimed": sorted(names_to_claim(world, handlers)),
        "known": sorted(handlers.names()), "orphaned": now - pace.orphaned_after, "now": now,
    }  # fmt: skip
    [[row]] = await read_once(world.database, (store.EFFECTS.look_for_work, given), name="look_for_effects")
    return Work(row.has_due, row.has_expired)


async def claim_due(world: World, merchant_id: str, handlers: Handlers, limit: int, pace: Pace) -> Claimed:
    """Claim up to `limit` due effects; hold fulfilments whose money is gone, suppress notifications that come late."""

    async def decide(tx: Tx, decided: Round) -> Claimed:
        due = await store.lock_due(tx, merchant_id, names_to_claim(world, handlers), limit)
        if not due:
            return Claimed((), ())
        claims = await take(tx, world, merchant_id, handlers, due, decided)
        moved = tuple(effect for effect in decided.changed.values() if effect.state != "claimed")
        return Claimed(claims, moved)

    return await in_round(world, merchant_id, decide, name="claim_effects", actor=ACTOR, pace=pace)


async def end_leases(world: World, merchant_id: str, handlers: Handlers, limit: int, pace: Pace) -> Claimed:
    """Decide what follows for claims whose lease has ended, by their kinds; the claims that are to be asked about."""
    uniform = world.chance.uniform()

    async def decide(tx: Tx, decided: Round) -> Claimed:
        expired = await store.lock_expired(tx, merchant_id, handlers.names(), tx.now - pace.orphaned_after, limit)
        asking = []
        for effect in expired:
            kind = handlers.kind(effect.kind) or _unknown_kind(effect)
            if kind.on_unknown == "verify" and not kind.transactional and handlers.kind(effect.kind):
                decided.renew(effect)
                asking.append(effect)
            else:
                tried = Try(effect.tries, effect.fence, "begun")
                decided.join(effect, kind, tried, _lost(kind), uniform, accepted_before=0)
        facts = await facts_of(tx, merchant_id, handlers, asking)
        claims = tuple(replace(_claim(effect, facts), lost="its worker was lost") for effect in asking)
        return Claimed(claims, tuple(effect for effect in expired if effect not in asking))

    return await in_round(world, merchant_id, decide, name="end_leases", actor=ACTOR, pace=pace)


async def renew_claim(world: World, merchant_id: str, claim: Claim, pace: Pace) -> Claim | None:
    """Prolong a claim before its call, when its turn came late. None: it was lost, and nothing may be called."""
    _, fence = claim.tried

    async def work(tx: Tx) -> Claim | None:
        until = tx.now + pace.lease
        row = await tx.one(
            store.EFFECTS.renew_claim,
            merchant_id=merchant_id, effect_id=claim.effect.id, fence=fence, lease_until=until,
        )  # fmt: skip
        return replace(claim, lease_until=until) if row else None

    return await world.database.transaction(work, name="renew_claim")


def call_of(merchant_id: str, claim: Claim, order: Mapping[str, Any]) -> EffectCall:
    """What the claim's handler is called with."""
    effect = claim.effect
    return EffectCall(
        show(EFFECT, effect.id), effect.key, effect.kind, effect.occasion, effect.cause, merchant_id, effect.order_id,
        effect.tries, effect.owed_at, order, claim.about, effect.caused_by or effect.cause,
        show(RUN, effect.run_id) if effect.run_id else "",
    )  # fmt: skip


async def take(
    tx: Tx, world: World, merchant_id: str, handlers: Handlers, due: Sequence[Effect], decided: Round
) -> tuple[Claim, ...]:
    """Decide about effects that are due and locked; those that are claimed."""
    facts = await facts_of(tx, merchant_id, handlers, due)
    await _decide(tx, merchant_id, due, decided, world.policy_of(merchant_id).notification_horizon, facts)
    return tuple(_claim(effect, facts) for effect in decided.begun)


async def _decide(
    tx: Tx, merchant_id: str, due: Sequence[Effect], decided: Round, horizon: timedelta, facts: Facts
) -> None:
    backgrounds = await store.backgrounds(tx, merchant_id, due)
    doubtful = []
    for effect in due:
        background = backgrounds.get(effect.order_id)
        if background is None:
            continue
        why_not = _why_not(effect, background, tx.now, horizon, facts)
        if why_not is None:
            decided.claim(effect)
        elif why_not[0] != "wait":
            doubtful.append(effect)
    if not doubtful:
        return
    wishes = await store.asked_again(tx, merchant_id, [effect.id for effect in doubtful])
    for effect in doubtful:
        asked, insisted = wishes.get(effect.id, (None, None))
        background = replace(backgrounds[effect.order_id], asked_again_at=asked, insisted_at=insisted)
        why_not = _why_not(effect, background, tx.now, horizon, facts)
        if why_not is None or (effect.is_reversal and insisted is not None):
            decided.claim(effect)
        else:
            decided.set_aside(effect, *why_not)


def _why_not(
    effect: Effect, background: Background, now: datetime, horizon: timedelta, facts: Facts
) -> tuple[str, str] | None:
    """The event and the reason why an effect that is due is not delivered (`wait`: not now), or None when it is."""
    if not effect.is_reversal:
        return why_not_claimed(effect, background, now, horizon)
    event, reason = facts.verdict(effect, is_wholly_taken_back(background.money))
    return None if event == "send" else (event, reason)


def _claim(effect: Effect, facts: Facts) -> Claim:
    # The row's copy is left behind with its transaction: what happens to the effect later is read anew.
    return Claim(replace(effect), effect.lease_until or effect.owed_at, about=facts.about(effect))


def _lost(kind: EffectKind) -> Outcome:
    if kind.transactional:
        # Its writes and its mark are one transaction, and the mark is not there.
        return NotAccepted("its worker ended before the transaction was committed")
    return OutcomeUnknown("its worker ended before it told the outcome")


def names_to_claim(world: World, handlers: Handlers) -> Collection[str]:
    """The kinds to claim now: without messages to customers that the switch `messages` keeps back. They stay owed."""
    run = world.run
    if run is None:
        return handlers.names()
    return [kind.name for kind in handlers if kind.nature != "notification" or run.may_tell(kind.name)]


def _unknown_kind(effect: Effect) -> EffectKind:
    """What nobody has declared here any more is left to a person; when it was owed plays no part in that."""
    return EffectKind(effect.kind, OCCASIONS[0], effect.nature, "ask")
