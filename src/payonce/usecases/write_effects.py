"""Write effects: run transactional handlers inside the transaction that marks their effects done. Exactly once.

Raises whatever a handler raises, after everything was rolled back; a handler that says no is raised as `NotDone`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from payonce.base.errors import ensure
from payonce.domain.delivering import Accepted, NotAccepted, NotNeeded, Outcome, Pace, Round
from payonce.domain.effect import Effect
from payonce.store import effects as store
from payonce.store.database import Tx
from payonce.usecases.claim_effects import ACTOR, Claim
from payonce.usecases.effect_handlers import EffectCall, Handlers, NotDone
from payonce.usecases.in_round import in_round
from payonce.usecases.record_deliveries import asked_for_again
from payonce.usecases.world import World


class ConnectedTx(Protocol):
    """A transaction whose driver can hand out the connection that it runs on; both PostgreSQL drivers can."""

    @property
    def connection(self) -> Any: ...


_NOBODY: Final = object()


async def write_effects(
    world: World, merchant_id: str, handlers: Handlers, calls: Sequence[tuple[Claim, EffectCall]], pace: Pace
) -> list[Effect]:
    """Run the handlers of the claims and mark their effects done, all in one transaction or nothing.

    An effect whose claim was lost meanwhile is left alone. The effects as they are afterwards, in the order given.
    """

    async def decide(tx: Tx, decided: Round) -> list[Effect]:
        effects, tries = await store.lock(tx, merchant_id, [claim.effect.id for claim, _ in calls])
        wanted = await asked_for_again(tx, merchant_id, tries)
        for claim, call in calls:
            effect, kind = effects[claim.effect.id], handlers.kind(call.kind)
            tried, others = store.find_try(tries.get(effect.id, ()), *claim.tried)
            if kind is None or effect.state != "claimed" or effect.fence != tried.fence:
                continue
            outcome = await handlers.writer(call.kind).apply(call, _connection(tx))
            decided.join(effect, kind, tried, _accepted(outcome), 0.0, others, wanted.get(effect.id, 0))
        return [effects[claim.effect.id] for claim, _ in calls]

    return await in_round(world, merchant_id, decide, name="write_effects", actor=ACTOR, pace=pace)


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
