"""Deliver effects: claim what is due, call its handlers after the COMMIT, record what they answered.

The claim is written before anything is called, so a crash at any moment leaves a row that says a try was begun; what
follows is declared by the kind. No network inside a transaction, and no lock held during a call. Delivery to another
system is at least once with a stable key; transactional kinds are exactly once, because their writes and their mark
are one transaction. Of handlers that are known to be quick that is the whole of it; else, and where it fails, their
effects are claimed first. Many workers may run this at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Protocol, TypeVar
from uuid import UUID

from payonce.base.errors import PayonceError, Unavailable
from payonce.domain.delivering import Accepted, NotAccepted, Outcome, OutcomeUnknown, Pace
from payonce.domain.effect import Effect
from payonce.usecases.claim_effects import (
    Claim,
    Work,
    call_of,
    claim_due,
    end_leases,
    look_for_work,
    names_to_claim,
    renew_claim,
)
from payonce.usecases.effect_handlers import EffectCall, Handlers, NotDone
from payonce.usecases.record_answers import Answers, Recorded, record_one
from payonce.usecases.world import World
from payonce.usecases.write_effects import quick_kinds, write_effects, write_fresh

# How many calls each lane makes of one claiming transaction. Four webhooks of 10 s at most end within the lease of
# 60 s; a claim whose turn comes later is renewed before its call.
TURNS: Final = 4
# In one round of so many, half of it is left for what is claimed, the longest due first: however much becomes due at
# every moment, nothing waits for ever.
CLAIMING_ROUNDS: Final = 8
T = TypeVar("T")
UNREADABLE: Final = "its order could not be read"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one effect in this round. `unrecorded`: the store failed, or the claim was lost; see its lease."""

    effect_id: UUID
    order_id: UUID
    kind: str
    occasion: str
    outcome: Literal["accepted", "refused", "unknown", "dead", "held", "suppressed", "unrecorded"]
    try_number: int
    reason: str
    waited_seconds: float


class Together(Protocol):
    """How many calls run side by side. The core knows no loop, so whoever has one hands this in."""

    @property
    def lanes(self) -> int: ...
    async def run(self, works: Sequence[Callable[[], Awaitable[T]]], /) -> list[T]: ...


class OneAfterAnother:
    """Calls in order, each when the one before has answered."""

    lanes: int = 1

    async def run(self, works: Sequence[Callable[[], Awaitable[T]]], /) -> list[T]:
        """Run `works` in order."""
        return [await work() for work in works]


async def deliver_effects(
    world: World,
    merchant_id: str,
    handlers: Handlers,
    limit: int = 100,
    *,
    pace: Pace | None = None,
    together: Together | None = None,
) -> list[Delivered]:
    """Deliver up to `limit` effects of the merchant that are due; what became of each. Empty: nothing is due.

    Raises Unavailable when the store does not answer before anything was called; never for what a handler does.
    """
    worker = _Worker(world, merchant_id, handlers, pace or Pace(), together or OneAfterAnother())
    work = await worker.look()
    delivered = await worker.take_over(limit) if work.has_expired else []
    if work.has_due and (written := await worker.write_quick(limit - len(delivered))):
        delivered += written
        work = await worker.look()
    while work.has_due and len(delivered) < limit and not world.is_stopped:
        some = await worker.deliver_some(limit - len(delivered))
        if not some:
            break
        delivered += some
        work = await worker.look()
    return delivered


class _Worker:
    """One call of `deliver_effects`: its parameters, so that they need not be handed from function to function."""

    def __init__(self, world: World, merchant_id: str, handlers: Handlers, pace: Pace, together: Together) -> None:
        self._world = world
        self._merchant_id = merchant_id
        self._handlers = handlers
        self._pace = pace
        self._together = together

    async def look(self) -> Work:
        """Whether there is anything to take over or to deliver."""
        return await look_for_work(self._world, self._merchant_id, self._handlers, self._pace)

    async def take_over(self, limit: int) -> list[Delivered]:
        """Decide about claims whose worker was lost, asking receivers that can be asked."""
        ended = await end_leases(self._world, self._merchant_id, self._handlers, limit, self._pace)
        return [self._moved(effect) for effect in ended.moved] + await self._call(ended.claims)

    async def write_quick(self, limit: int) -> list[Delivered]:
        """Run quick transactional handlers of what was never tried, a part of it in each transaction."""
        if self._world.chance.uniform() * CLAIMING_ROUNDS < 1:
            limit = (limit + 1) // 2
        delivered: list[Delivered] = []
        while (left := limit - len(delivered)) > 0 and not self._world.is_stopped:
            quick, most = quick_kinds(self._handlers, names_to_claim(self._world, self._handlers), left)
            some = await self._write_part(quick, most) if quick else []
            delivered += some
            if len(some) < most or not quick:
                break
        return delivered

    async def _write_part(self, names: Sequence[str], most: int) -> list[Delivered]:
        """All in one transaction; none where it fails."""
        try:
            effects = await write_fresh(self._world, self._merchant_id, self._handlers, names, most, self._pace)
        except Exception:
            # All of it was rolled back. Claimed, each shows whether it is the one that fails, and counts its try; where
            # it is the store that does not answer, claiming says so.
            for name in names:
                self._handlers.paces.pop(name, None)
            return []
        return [self._moved(effect) for effect in effects]

    async def deliver_some(self, limit: int) -> list[Delivered]:
        """Claim as many as the lanes can take, and deliver them."""
        most = min(limit, self._together.lanes * TURNS)
        claimed = await claim_due(self._world, self._merchant_id, self._handlers, most, self._pace)
        delivered = [self._moved(effect) for effect in claimed.moved]
        writing = [claim for claim in claimed.claims if self._is_transactional(claim)]
        calling = [claim for claim in claimed.claims if not self._is_transactional(claim)]
        return delivered + await self._write(writing) + await self._call(calling)

    async def _call(self, claims: Sequence[Claim]) -> list[Delivered]:
        if not claims:
            return []
        orders = await self._describe(claims)
        answers = Answers(self._world, self._merchant_id, self._handlers, self._pace)
        silent = await self._together.run([partial(self._call_one, claim, orders, answers) for claim in claims])
        return [
            nothing or self._recorded(claim, answers.recorded[claim.effect.id])
            for claim, nothing in zip(claims, silent, strict=True)
        ]

    async def _call_one(
        self, claim: Claim, orders: Mapping[UUID, Mapping[str, Any]], answers: Answers
    ) -> Delivered | None:
        """Call, and hand the answer over to be recorded; what became of it where there is none."""
        try:
            if claim.lease_until - self._world.clock.now() < self._pace.lease / 2:
                renewed = await renew_claim(self._world, self._merchant_id, claim, self._pace)
                if renewed is None:
                    return self._delivered(claim.effect, "unrecorded", "its claim was lost before its turn came")
                claim = renewed
            order = orders.get(claim.effect.order_id)
            if order is None and claim.lost:
                # Nobody could be asked; the renewed lease ends, and somebody asks then.
                return self._delivered(claim.effect, "unrecorded", UNREADABLE)
            outcome = NotAccepted(UNREADABLE) if order is None else await self._ask_handler(claim, order)
        except PayonceError as error:
            # The call may have been made. Nothing is known to the store but that it was begun, and the lease decides.
            return self._delivered(claim.effect, "unrecorded", error.code)
        await answers.take(claim, outcome)
        return None

    def _recorded(self, claim: Claim, recorded: Recorded) -> Delivered:
        if isinstance(recorded.effect, Effect):
            return self._moved(recorded.effect, recorded.outcome)
        return self._delivered(claim.effect, "unrecorded", recorded.effect.code)

    async def _ask_handler(self, claim: Claim, order: Mapping[str, Any]) -> Outcome:
        call = call_of(self._merchant_id, claim, order)
        outcome: Outcome = OutcomeUnknown(claim.lost) if claim.lost else await self._deliver(call)
        verifier = self._handlers.verifier(call.kind)
        if isinstance(outcome, OutcomeUnknown) and verifier is not None:
            try:
                if await verifier.verify(call):
                    return Accepted("asking the receiver showed that it was done")
            except Exception as error:
                # Asking proves something only when it says yes; the outcome stays unknown, with why nobody could ask.
                return OutcomeUnknown(f"{outcome.reason}; asking failed: {_text(error)}")
        return outcome

    async def _deliver(self, call: EffectCall) -> Outcome:
        try:
            return await self._handlers.deliverer(call.kind).deliver(call)
        except NotDone as error:
            return error.outcome
        except Exception as error:
            # It may have done its work before it failed, so this says nothing (the safe reading).
            return OutcomeUnknown(_text(error))

    async def _write(self, claims: Sequence[Claim]) -> list[Delivered]:
        """Run transactional handlers: many in one transaction, and each alone where that fails or failed before."""
        fresh = [claim for claim in claims if claim.effect.tries == 1]
        alone = [claim for claim in claims if claim.effect.tries > 1]
        if not claims:
            return []
        orders = await self._describe(claims)
        delivered: list[Delivered] = []
        if len(fresh) > 1:
            try:
                delivered += await self._write_in_one(fresh, orders)
            except Exception:
                # All of it was rolled back; alone, each shows whether it is the one that fails.
                alone = fresh + alone
        else:
            alone = fresh + alone
        for claim in alone:
            delivered.append(await self._write_alone(claim, orders))
        return delivered

    async def _write_alone(self, claim: Claim, orders: Mapping[UUID, Mapping[str, Any]]) -> Delivered:
        try:
            try:
                [delivered] = await self._write_in_one([claim], orders)
                return delivered
            except Unavailable as error:
                return self._delivered(claim.effect, "unrecorded", error.code)
            except NotDone as error:
                outcome: Outcome = error.outcome
            except Exception as error:
                outcome = NotAccepted(_text(error))
            effect = await record_one(self._world, self._merchant_id, self._handlers, claim, outcome, self._pace)
        except PayonceError as error:
            return self._delivered(claim.effect, "unrecorded", error.code)
        return self._moved(effect, outcome)

    async def _write_in_one(self, claims: Sequence[Claim], orders: Mapping[UUID, Mapping[str, Any]]) -> list[Delivered]:
        if any(claim.effect.order_id not in orders for claim in claims):
            raise NotDone(UNREADABLE)
        calls = [(claim, call_of(self._merchant_id, claim, orders[claim.effect.order_id])) for claim in claims]
        effects = await write_effects(self._world, self._merchant_id, self._handlers, calls, self._pace)
        return [self._moved(effect) for effect in effects]

    async def _describe(self, claims: Sequence[Claim]) -> Mapping[UUID, Mapping[str, Any]]:
        order_ids = sorted({claim.effect.order_id for claim in claims})
        try:
            return await self._handlers.describe(self._merchant_id, order_ids)
        except Exception:
            # Nothing was called yet: each claim says so in its own answer and is tried again.
            return {}

    def _is_transactional(self, claim: Claim) -> bool:
        kind = self._handlers.kind(claim.effect.kind)
        return kind is not None and kind.transactional

    def _moved(self, effect: Effect, outcome: Outcome | None = None) -> Delivered:
        """What an effect's state says became of it."""
        if effect.state == "done":
            return self._delivered(effect, "accepted", "")
        if effect.state in ("dead", "held", "suppressed", "unknown"):
            return self._delivered(effect, effect.state, effect.reason or "")  # type: ignore[arg-type]
        if effect.state == "claimed":
            return self._delivered(effect, "unrecorded", "its claim was lost")
        lost = isinstance(outcome, OutcomeUnknown) or (outcome is None and effect.state == "failed")
        return self._delivered(effect, "unknown" if lost else "refused", effect.reason or "")

    def _delivered(
        self,
        effect: Effect,
        outcome: Literal["accepted", "refused", "unknown", "dead", "held", "suppressed", "unrecorded"],
        reason: str,
    ) -> Delivered:
        waited = (self._world.clock.now() - effect.owed_at).total_seconds()
        return Delivered(
            effect.id, effect.order_id, effect.kind, effect.occasion, outcome, effect.tries, reason, waited
        )


def _text(error: Exception) -> str:
    """An error as a reason that people read: its class, and the beginning of what it says."""
    return f"{type(error).__name__}: {error}"[:300]
