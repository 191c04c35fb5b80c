"""A desk that delivers effects in tests: real claims over real SQL, and handlers that do what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from payonce.base.ids import ORDER, show
from payonce.domain.delivering import Pace
from payonce.domain.effect import Effect, EffectKind
from payonce.drivers.stepping import run_to_end
from payonce.usecases.deliver_effects import Delivered, deliver_effects
from payonce.usecases.effect_handlers import Accepted, AnyHandler, EffectCall, Handlers, Outcome, one_by_one
from payonce.usecases.list_effects import EffectShown, list_effects, show_effect
from payonce.usecases.retry_effect import retry_effect
from payonce.usecases.world import DEFAULT_MERCHANT, World
from tests.support.house import House
from tests.support.waiting import until


class Died(BaseException):
    """The worker's process ends here: nothing catches it, nothing is recorded."""


class Receiver:
    """Takes effects and remembers them. `answers` are given one after another, then everything is accepted."""

    def __init__(self, *answers: Outcome | BaseException | Callable[[EffectCall], Outcome]) -> None:
        self.calls: list[EffectCall] = []
        self._answers = list(answers)

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        """Take one."""
        self.calls.append(effect)
        answer = self._answers.pop(0) if self._answers else Accepted("thanks")
        if isinstance(answer, BaseException):
            raise answer
        return answer(effect) if callable(answer) else answer


class AskedReceiver(Receiver):
    """A receiver that can be asked whether it has an effect."""

    def __init__(self, *answers: Outcome | BaseException, has_it: bool | Exception = True) -> None:
        super().__init__(*answers)
        self.asked: list[EffectCall] = []
        self.has_it = has_it

    async def verify(self, effect: EffectCall, /) -> bool:
        """Say whether it has it."""
        self.asked.append(effect)
        if isinstance(self.has_it, Exception):
            raise self.has_it
        return self.has_it


class Desk:
    """One worker over the house's world. `kinds` become what the house owes."""

    def __init__(self, house: House, handlers: Mapping[EffectKind, AnyHandler], world: World | None = None) -> None:
        self.house = house
        self.world = world or house.world
        self.world.kinds[:] = list(handlers)
        self.handlers = Handlers(one_by_one(self.describe))
        for kind, handler in handlers.items():
            self.handlers.add(kind, handler)

    async def describe(self, merchant_id: str, order_id: UUID) -> Mapping[str, Any]:
        """An order as short as a test needs it."""
        return {"id": show(ORDER, order_id), "merchant": merchant_id}

    def deliver(self, limit: int = 100, pace: Pace | None = None) -> list[Delivered]:
        """Deliver what is due."""
        return run_to_end(deliver_effects(self.world, DEFAULT_MERCHANT, self.handlers, limit, pace=pace))

    def die_delivering(self) -> None:
        """Deliver until a handler ends the process. The server may not know yet that an earlier one ended, and keeps
        its locks until it does.
        """
        until(self._is_dead_delivering, what="a worker to die")

    def deliver_after_a_death(self) -> list[Delivered]:
        """Deliver once the server has noticed that the worker before is gone."""
        delivered: list[Delivered] = []

        def is_free() -> bool:
            delivered.extend(self.deliver())
            return bool(delivered)

        until(is_free, what="what was locked by a worker that is gone")
        return delivered

    def _is_dead_delivering(self) -> bool:
        try:
            self.deliver()
        except Died:
            return True
        return False

    def effects(self, **by: Any) -> list[Effect]:
        """Effects, oldest first."""
        return run_to_end(list_effects(self.world, DEFAULT_MERCHANT, **by))[::-1]

    def only(self) -> EffectShown:
        """The only effect there is, with its tries."""
        [effect] = self.effects()
        return run_to_end(show_effect(self.world, DEFAULT_MERCHANT, effect.id))

    def retry(self, effect: Effect, reason: str = "the receiver was mended") -> Effect:
        """Ask for an effect again, as an operator would."""
        return run_to_end(retry_effect(self.world, DEFAULT_MERCHANT, effect.id, reason, "linh"))

    def findings(self) -> list[tuple[str, str]]:
        """(kind, state) of every finding."""
        return self.house.rows("SELECT kind, state FROM findings ORDER BY first_seen_at, kind")


def paid_for(house: House, purpose: str = "fee:27:2026-05") -> UUID:
    """An order that was paid through the provider."""
    order = house.place(purpose)
    house.pay(house.checkout(order))
    house.deliver_owed()
    assert house.see(order).state == "paid"
    return order.id


def free_order(house: House, number: int) -> UUID:
    """An order of amount zero: paid at once, and without a provider."""
    return house.place(f"free:{number}", 0).id
