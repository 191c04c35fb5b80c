"""The outside that effects go to: an application that accepts, refuses, or accepts and does not say so.

It keeps its own list of what it accepted, by key; whether that is once is compared afterwards. Four kinds of receiver:
one that honours our key, one that can be asked, one that can do neither, and one that writes into our own database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from payonce.domain.effect import EffectKind
from payonce.simulation.database import STOPPED_SECONDS
from payonce.simulation.draw import Draw
from payonce.simulation.faults import Faults
from payonce.simulation.scheduler import Scheduler, Wait, give_way
from payonce.usecases.effect_handlers import Accepted, EffectCall, Handlers, NotDone, NotNeeded, Outcome, OutcomeUnknown

HOOK: Final = EffectKind("hook", "order.paid", "fulfilment", "resend")
INVITE: Final = EffectKind("invite", "order.paid", "fulfilment", "ask", tries=6)
MAIL: Final = EffectKind("mail", "order.paid", "notification", "verify", tries=6)
TICKET: Final = EffectKind("ticket", "order.paid", "fulfilment", "ask", transactional=True)
CLOSED: Final = EffectKind("closed", "order.closed", "notification", "resend", tries=6)
LATE: Final = EffectKind("late", "order.late_payment", "notification", "resend", tries=6)
PAYOUT: Final = EffectKind("payout", "payout.due", "fulfilment", "resend")
KINDS: Final = (HOOK, INVITE, MAIL, TICKET, CLOSED, LATE, PAYOUT)
FULFILMENTS: Final = tuple(kind.name for kind in KINDS if kind.nature == "fulfilment" and kind.on == "order.paid")
CALL_SECONDS: Final = 0.1


class Receiver:
    """Everybody who receives effects. `accepted` counts by key; `answered` what it told us that it accepted."""

    def __init__(self, draw: Draw, faults: Faults, scheduler: Scheduler) -> None:
        self.accepted: Counter[str] = Counter()
        self._draw = draw
        self._faults = faults
        self._scheduler = scheduler

    def handlers(self) -> Handlers:
        """The register of handlers, as an application declares it."""
        handlers = Handlers(_describe)
        for kind in KINDS:
            handlers.add(kind, _Writer() if kind.transactional else _Caller(self))
        return handlers

    async def take(self, effect: EffectCall) -> Outcome:
        """One delivery."""
        actor = self._scheduler.acting()
        place = f"{effect.kind} {effect.cause} {effect.try_number}"
        await give_way(Wait(self._draw.latency(CALL_SECONDS, "receiver", actor.key, actor.turns)))
        stopped = self._faults.strikes("C3", actor.story, place)
        if stopped:
            await give_way(Wait(self._draw.between(*STOPPED_SECONDS, stopped)))
        refused = self._faults.strikes("M1", actor.story, place)
        if refused:
            if self._draw.happens(0.6, "says no", refused):
                raise NotDone("the receiver is closed")
            if self._draw.happens(0.2, "nobody is there", refused):
                return NotNeeded("nobody is there")
            # It failed before it did anything, and nobody can know that from its silence.
            return OutcomeUnknown("no answer")
        self.accepted[effect.key] += 1
        self._scheduler.note("accepted", effect.kind, effect.try_number)
        if self._faults.strikes("M2", actor.story, place):
            return OutcomeUnknown("the answer was lost")
        await give_way(Wait(self._draw.latency(CALL_SECONDS, "receipt", actor.key, actor.turns)))
        return Accepted("200")


class _Caller:
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        return await self._receiver.take(effect)

    async def verify(self, effect: EffectCall, /) -> bool:
        return self._receiver.accepted[effect.key] > 0


class _Writer:
    async def apply(self, effect: EffectCall, connection: Any, /) -> Outcome:
        connection.execute(
            "INSERT INTO simulated_tickets (merchant_id, order_id) VALUES (%s, %s)",
            (effect.merchant_id, effect.order_id),
        )
        return Accepted("written")


async def _describe(merchant_id: str, order_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    return {order_id: {"id": str(order_id)} for order_id in order_ids}
