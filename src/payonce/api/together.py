"""Group commit for clicks: what is to be decided about orders while a transaction is under way, is decided in the next
one, with the same statements for all of them.

A lone click goes at once. A group waits for nobody: who clicks on an order that somebody holds, an application's own
transaction or another group, has another turn, and then waits for it by himself, outside of the queue. One that cannot
be decided is taken out, and decided alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Any, Final, TypeVar

import structlog

from payonce.api.gather import Gatherer
from payonce.api.load import TooMuch
from payonce.base import ids
from payonce.base.errors import Unavailable, ensure
from payonce.store.database import in_transaction
from payonce.usecases.decide_cases import Said, Undecided, decide_alone, decide_group
from payonce.usecases.together import Case, Occasion
from payonce.usecases.world import World

T = TypeVar("T")

LOG: Final = structlog.get_logger("payonce.api.together")
# Larger ones gain little, and hold their orders for longer.
LARGEST_GROUP: Final = 64
# What a process decides in half a second; who clicks beyond is told to come back.
MOST_CLICKS: Final = 256
# How often a case is tried with others before it is decided alone.
TURNS: Final = 2
# How many of a group may be taken out before all of it is decided one by one.
MOST_TAKEN_OUT: Final = 3


class Turn(Enum):
    """What else may come of a turn: another one, or to be decided alone."""

    AGAIN = "again"
    ALONE = "alone"


class Together:
    """Gathers the cases of each merchant, by occasion. `aclose` lets the groups come to their end."""

    def __init__(self, world: World, on_full: Callable[[TooMuch], object] = lambda items: None) -> None:
        self._world = world
        # What a provider made is recorded however many wait.
        most: dict[Occasion, int] = {"checkout": MOST_CLICKS, "created": sys.maxsize}
        self._gatherers: Final[dict[Occasion, Gatherer[Case[Any], Said[Any] | Turn]]] = {
            occasion: Gatherer(
                partial(self._decide, occasion), items="checkouts", on_full=on_full, largest_group=LARGEST_GROUP,
                most_waiting=most_waiting, drops_who_left=occasion == "checkout",
            )
            for occasion, most_waiting in most.items()
        }  # fmt: skip

    async def decide(self, occasion: Occasion, merchant_id: str, case: Case[T]) -> T:
        """What was decided, once it is committed. Raises what deciding it alone raises, Unavailable `overloaded`
        where too many wait, and Bug inside a transaction.
        """
        ensure(not in_transaction(), "a checkout was asked for inside a transaction")
        for _ in range(TURNS):
            said = await self._gatherers[occasion].put(merchant_id, case)
            if said is Turn.ALONE:
                break
            if not isinstance(said, Turn):
                answer: T = said()
                return answer
        return await decide_alone(self._world, merchant_id, case, occasion=occasion)

    async def aclose(self) -> None:
        """Wait until everything that was accepted is decided."""
        for gatherer in self._gatherers.values():
            await gatherer.close()

    async def _decide(
        self, occasion: Occasion, merchant_id: str, cases: Sequence[Case[Any]]
    ) -> Sequence[Said[Any] | Turn]:
        """What each came to. Raises what a lone one raises, and Unavailable for all where the store does not answer."""
        found: list[Said[Any] | Turn] = [Turn.ALONE] * len(cases)
        left = list(range(len(cases)))
        for _ in range(MOST_TAKEN_OUT):
            try:
                saids = await decide_group(self._world, merchant_id, [cases[at] for at in left], occasion=occasion)
            except Undecided as out:
                _note(occasion, len(left), out, ids.show(ids.ORDER, cases[left.pop(out.number)].order_id))
            except Exception as error:
                if len(cases) == 1 or isinstance(error, Unavailable):
                    raise
                _note(occasion, len(left), error)
                break
            else:
                for at, said in zip(left, saids, strict=True):
                    found[at] = said or Turn.AGAIN
                break
        return found


def _note(occasion: Occasion, size: int, error: Exception, order_id: str | None = None) -> None:
    code = getattr(error, "code", type(error).__name__)
    LOG.warning("clicks_apart", occasion=occasion, size=size, code=code, order_id=order_id)
