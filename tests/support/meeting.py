"""Clicks that meet: what each of them wants decided is decided with what the others want at the same moment.

No event loop and no clock: all of them go on until each waits for a decision or has its answer, and then one
transaction decides for all who wait. So a test knows who meets whom.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, field, replace
from types import coroutine
from typing import Any, TypeVar

from payonce.usecases.answers import OrderView
from payonce.usecases.decide_cases import decide_alone, decide_group
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.together import Case, Occasion
from payonce.usecases.world import World

T = TypeVar("T")
_WAITS = object()


@dataclass(slots=True)
class _Visitor:
    work: Coroutine[Any, Any, Any]
    waits: tuple[Occasion, Case[Any]] | None = None
    said: Callable[[], Any] | None = None
    is_over: bool = False
    outcome: Any = None


@dataclass
class Meeting:
    """Gathers the cases of the clicks that `meet` drives; `sizes` says how many were decided together, each time."""

    sizes: list[int] = field(default_factory=list)
    _current: _Visitor | None = None
    _worlds: list[World] = field(default_factory=list)

    async def decide(self, occasion: Occasion, merchant_id: str, case: Case[T]) -> T:
        """What was decided, once those who meet are decided."""
        visitor = self._current
        assert visitor is not None
        visitor.waits = (occasion, case)
        await _pass(_WAITS)
        said, visitor.said = visitor.said, None
        if said is None:
            return await decide_alone(self._worlds[-1], merchant_id, case, occasion=occasion)
        answer: T = said()
        return answer

    async def meet(
        self, world: World, merchant_id: str, works: Sequence[Callable[[World], Coroutine[Any, Any, Any]]]
    ) -> list[Any]:
        """What each of the works comes to, or raises, in their order."""
        met = replace(world, together=self)
        self._worlds.append(world)
        visitors = [_Visitor(work(met)) for work in works]
        while any(not visitor.is_over for visitor in visitors):
            for visitor in visitors:
                await _drive(self, visitor)
            for occasion in ("checkout", "created"):
                waiting = [visitor for visitor in visitors if visitor.waits and visitor.waits[0] == occasion]
                cases = [visitor.waits[1] for visitor in waiting if visitor.waits]
                if cases:
                    self.sizes.append(len(cases))
                    saids = await decide_group(world, merchant_id, cases, occasion=occasion)
                    for visitor, said in zip(waiting, saids, strict=True):
                        visitor.waits = None
                        visitor.said = said
        return [visitor.outcome for visitor in visitors]


@coroutine
def _pass(instruction: object) -> Generator[object, Any, Any]:
    return (yield instruction)


@coroutine
def _drive(meeting: Meeting, visitor: _Visitor) -> Generator[Any, Any, None]:
    """Let one of them go on until he waits or is over. What else he waits for is waited for outside."""
    answer: Any = None
    while not visitor.is_over and visitor.waits is None:
        meeting._current = visitor
        try:
            instruction = visitor.work.send(answer)
        except StopIteration as end:
            visitor.is_over, visitor.outcome = True, end.value
        except Exception as error:
            visitor.is_over, visitor.outcome = True, error
        else:
            answer = None if instruction is _WAITS else (yield instruction)


def clicks_on(orders: Sequence[OrderView], meeting: Meeting) -> Callable[[World], Coroutine[Any, Any, list[Any]]]:
    """Clicks on the orders, one each in their order, that all come at the same moment."""

    def click(order: OrderView) -> Callable[[World], Coroutine[Any, Any, Any]]:
        return lambda world: ensure_checkout(world, order.merchant_id, order.id, Click())

    return lambda world: meeting.meet(world, orders[0].merchant_id, [click(order) for order in orders])
