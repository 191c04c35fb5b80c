"""Group commit for clicks: what is to be decided about orders while a transaction is under way, is decided in the next
one, with the same statements for all of them.

A lone click goes at once and by itself. Where a group fails, or meets a lock that somebody keeps, each of it is decided
alone, side by side, so that none waits for another one's trouble and each shows its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar, get_args

from payonce.api.gather import Gatherer
from payonce.api.load import TooMuch
from payonce.usecases.decide_cases import Said, decide_cases
from payonce.usecases.together import Case, Occasion
from payonce.usecases.world import World

T = TypeVar("T")


class Together:
    """Gathers the cases of each merchant, by occasion. `aclose` lets what was accepted come to its end."""

    def __init__(self, world: World, on_full: Callable[[TooMuch], object] = lambda items: None) -> None:
        self._world = world
        self._gatherers: Final[dict[Occasion, Gatherer[Case[Any], Said[Any] | None]]] = {
            occasion: Gatherer(partial(self._decide, occasion), items="checkouts", on_full=on_full)
            for occasion in get_args(Occasion)
        }

    async def decide(self, occasion: Occasion, merchant_id: str, case: Case[T]) -> T:
        """What was decided, once it is committed. Raises what deciding it alone raises, and Unavailable `overloaded`
        where too many wait.
        """
        said = await self._gatherers[occasion].put(merchant_id, case)
        if said is None:
            [said] = await decide_cases(self._world, merchant_id, [case], occasion=occasion)
        answer: T = said()
        return answer

    async def aclose(self) -> None:
        """Wait until everything that was accepted is decided."""
        for gatherer in self._gatherers.values():
            await gatherer.close()

    async def _decide(
        self, occasion: Occasion, merchant_id: str, cases: Sequence[Case[Any]]
    ) -> Sequence[Said[Any] | None]:
        """What each came to; None for all where they are to be decided one by one."""
        try:
            return await decide_cases(self._world, merchant_id, cases, occasion=occasion)
        except Exception:
            if len(cases) == 1:
                raise
            return [None] * len(cases)
