"""Answers of calls side by side are recorded together: while one transaction is on its way, the next ones gather."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import replace
from types import coroutine
from typing import Any, TypeVar

from payonce.base.errors import Bug
from payonce.domain.effect import EffectKind
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Database, Tx
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.effects import Desk, Receiver, free_order
from tests.support.house import House

T = TypeVar("T")
HOOK = EffectKind("hook", "order.paid", on_unknown="resend")


@coroutine
def give_way() -> Generator[None, None, None]:
    """Let the others go on."""
    yield


class InTurns:
    """Calls side by side: each goes on until it gives way, then the next one."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes

    async def run(self, works: Sequence[Callable[[], Awaitable[T]]], /) -> list[T]:
        """Step the works in turns until all have ended."""
        results: dict[int, Any] = {}
        left: deque[tuple[int, Any]] = deque((number, work()) for number, work in enumerate(works))
        while left:
            number, work = left.popleft()
            try:
                work.send(None)
            except StopIteration as end:
                results[number] = end.value
            else:
                left.append((number, work))
        return [results[number] for number in range(len(works))]


class Slow:
    """A store that lets others go on before each recording transaction, and fails those that `refuses` says."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.names: Counter[str] = Counter()
        self.refuses: Callable[[], bool] = lambda: False

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work`; see the port."""
        self.names[name] += 1
        if name == "record_deliveries":
            await give_way()
            if self.refuses():
                raise Bug("a constraint that nobody thought of")
        return await self._inner.transaction(work, name=name, read_only=read_only)


def test_answers_that_come_while_one_is_recorded_are_one_transaction(house: House) -> None:
    house.world.kinds[:] = [HOOK]
    for number in range(40):
        free_order(house, number)
    store, receiver = Slow(house.database), Receiver()
    desk = Desk(house, {HOOK: receiver}, replace(house.world, database=store))
    found = run_to_end(deliver_effects(desk.world, DEFAULT_MERCHANT, desk.handlers, together=InTurns(16)))
    assert [one.outcome for one in found] == ["accepted"] * 40
    assert len({call.key for call in receiver.calls}) == len(receiver.calls) == 40
    assert [effect.state for effect in desk.effects()] == ["done"] * 40
    # The first answer alone, then all that came meanwhile.
    assert store.names["record_deliveries"] == 2


def test_of_answers_recorded_together_only_the_one_fails_that_cannot_be(house: House) -> None:
    house.world.kinds[:] = [HOOK]
    for number in range(5):
        free_order(house, number)
    store = Slow(house.database)
    # The one alone is taken; the four together are not, and of the four alone the second is not.
    failures = iter([False, True, False, True, False, False])
    store.refuses = lambda: next(failures)
    desk = Desk(house, {HOOK: Receiver()}, replace(house.world, database=store))
    found = run_to_end(deliver_effects(desk.world, DEFAULT_MERCHANT, desk.handlers, together=InTurns(16)))
    assert [one.outcome for one in found].count("accepted") == 4
    assert [(one.outcome, one.reason) for one in found if one.outcome != "accepted"] == [("unrecorded", "bug")]
    assert Counter(effect.state for effect in desk.effects()) == {"done": 4, "claimed": 1}
