"""Write effects: run transactional handlers inside the transaction that marks their effects done. Exactly once.

Raises whatever a handler raises, after everything was rolled back; a handler that says no is raised as `NotDone`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any, Final, Protocol, cast

from payonce.base.errors import Bug, ensure
from payonce.domain.delivering import Accepted, NotAccepted, NotNeeded, Outcome, Pace, Round, Try
from payonce.domain.effect import Effect
from payonce.store import effects as store
from payonce.store.database import Tx
from payonce.usecases.claim_effects import ACTOR, Claim, call_of, take
from payonce.usecases.effect_handlers import EffectCall, Handlers, NotDone
from payonce.usecases.in_round import in_round
from payonce.usecases.record_deliveries import asked_for_again
from payonce.usecases.world import World


class ConnectedTx(Protocol):
    """A transaction whose driver can hand out the connection that it runs on; both PostgreSQL drivers can."""

    @property
    def connection(self) -> Any: ...


_NOBODY: Final = object()
# Webhooks about the orders wait for so long, and with them the group that they came in.
HELD_SECONDS: Final = 0.05
# Where handlers take longer than they did the last time, all of it is given up behind the call that goes beyond this.
LONGEST_HELD_SECONDS: Final = 0.2


def quick_kinds(handlers: Handlers, names: Collection[str], limit: int) -> tuple[list[str], int]:
    """The transactional kinds among `names` whose handlers this process saw be quick, and how many of their effects, up
    to `limit`, hold their orders for no longer than HELD_SECONDS together.
    """
    quick = [name for name in names if handlers.paces.get(name, HELD_SECONDS) < HELD_SECONDS]
    slowest = max((handlers.paces[name] for name in quick), default=0.0)
    return quick, min(limit, int(HELD_SECONDS / slowest)) if slowest > 0 else limit


async def write_fresh(
    world: World, merchant_id: str, handlers: Handlers, names: Collection[str], limit: int, pace: Pace
) -> list[Effect]:
    """Take up to `limit` effects of these transactional kinds that are due and were never tried, run their handlers,
    and mark them done, all in one transaction or nothing. Those that were done or set aside, as they are afterwards.

    Their orders are held meanwhile, and nothing remembers a worker that dies of it: only for `quick_kinds`. Whatever
    waits in it for long, a handler for a lock of the application's or the server for a handler, ends it.
    """

    async def decide(tx: Tx, decided: Round) -> list[Effect]:
        due = await store.lock_fresh(tx, merchant_id, names, limit)
        if not due:
            return []
        claims = await take(tx, world, merchant_id, handlers, due, decided)
        orders = await handlers.within(tx, merchant_id, sorted({claim.effect.order_id for claim in claims}))
        paces: dict[str, list[float]] = defaultdict(list)
        began = world.clock.now()
        for effect, claim in zip(tuple(decided.begun), claims, strict=True):
            if effect.order_id not in orders:
                raise NotDone("its order could not be read")
            call, kind = call_of(merchant_id, claim, orders[effect.order_id]), handlers.kind(effect.kind)
            if kind is None:
                raise Bug("an effect of a kind without a handler was taken")
            outcome = await _apply(world, handlers, call, tx, paces)
            if (world.clock.now() - began).total_seconds() > LONGEST_HELD_SECONDS:
                raise NotDone("its orders were held for too long")
            tried = Try(effect.tries, effect.fence, "begun")
            decided.join(effect, kind, tried, _accepted(outcome), 0.0, accepted_before=0)
        handlers.paces |= _means(paces)
        return list(decided.changed.values())

    return await in_round(world, merchant_id, decide, name="write_effects", actor=ACTOR, pace=pace)


async def write_effects(
    world: World, merchant_id: str, handlers: Handlers, calls: Sequence[tuple[Claim, EffectCall]], pace: Pace
) -> list[Effect]:
    """Run the handlers of the claims and mark their effects done, all in one transaction or nothing.

    An effect whose claim was lost meanwhile is left alone. The effects as they are afterwards, in the order given.
    """

    async def decide(tx: Tx, decided: Round) -> list[Effect]:
        effects, tries = await store.lock(tx, merchant_id, [claim.effect.id for claim, _ in calls])
        wanted = await asked_for_again(tx, merchant_id, tries)
        paces: dict[str, list[float]] = defaultdict(list)
        for claim, call in calls:
            effect, kind = effects[claim.effect.id], handlers.kind(call.kind)
            tried, others = store.find_try(tries.get(effect.id, ()), *claim.tried)
            if kind is None or effect.state != "claimed" or effect.fence != tried.fence:
                continue
            outcome = await _apply(world, handlers, call, tx, paces)
            decided.join(effect, kind, tried, _accepted(outcome), 0.0, others, wanted.get(effect.id, 0))
        handlers.paces |= _means(paces)
        return [effects[claim.effect.id] for claim, _ in calls]

    return await in_round(world, merchant_id, decide, name="write_effects", actor=ACTOR, pace=pace)


async def _apply(world: World, handlers: Handlers, call: EffectCall, tx: Tx, paces: dict[str, list[float]]) -> Outcome:
    """Run one handler; `paces` remembers how long it took."""
    began = world.clock.now()
    outcome = await handlers.writer(call.kind).apply(call, _connection(tx))
    paces[call.kind].append((world.clock.now() - began).total_seconds())
    return outcome


def _means(paces: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {kind: fmean(took) for kind, took in paces.items()}


def _accepted(outcome: Outcome) -> Accepted:
    """The outcome, where it lets the transaction be committed. Raises NotDone where it must be rolled back."""
    if isinstance(outcome, Accepted):
        return outcome
    if isinstance(outcome, NotAccepted):
        raise NotDone(outcome.reason, retry_after_seconds=outcome.retry_after_seconds, is_final=outcome.is_final)
    # What is rolled back is not unknown, and what is not needed was not written.
    raise NotDone(outcome.reason, is_final=isinstance(outcome, NotNeeded))


def _connection(tx: Tx) -> Any:
    connection = getattr(cast(ConnectedTx, tx), "connection", _NOBODY)
    ensure(connection is not _NOBODY, "this database driver cannot run transactional handlers")
    return connection
