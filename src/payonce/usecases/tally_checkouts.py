"""How people who wanted to pay were answered, gathered by the minute until somebody writes it (D13).

Within a minute an order counts once for an outcome: five impatient clicks are one person. While the database does not
answer counts are kept, for as many minutes as are useful afterwards.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from payonce.base.errors import Conflict, PayonceError, Refused
from payonce.usecases.answers import AlreadyPaid, Checkout, CheckoutAnswer, Gone, InProgress, Silent
from payonce.usecases.count_checkouts import Counts, count_checkouts
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.world import World

# A day of minutes with a dozen outcomes each: more than the longest window looks at.
MOST_KEPT: Final = 20_000


class Noting(Protocol):
    """Whoever counts answers. It never fails."""

    def note(self, merchant_id: str, order_id: UUID, outcome: str) -> None: ...


class Tally:
    """Counts that are not written yet. `note` calls nobody."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._counts: Counter[tuple[str, datetime, str]] = Counter()
        self._minute: datetime | None = None
        self._seen: set[tuple[UUID, str]] = set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to write."""
        return not self._counts

    def note(self, merchant_id: str, order_id: UUID, outcome: str) -> None:
        """Count one answer, unless this order was answered so in this minute already."""
        minute = self._world.clock.now().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute = minute
            self._seen.clear()
        if (order_id, outcome) in self._seen:
            return
        self._seen.add((order_id, outcome))
        if len(self._counts) < MOST_KEPT:
            self._counts[merchant_id, minute, outcome] += 1

    def take(self) -> Counts:
        """What was counted so far, to be written; it is forgotten here."""
        taken, self._counts = self._counts, Counter()
        return taken

    def give_back(self, taken: Counts) -> None:
        """Keep what could not be written."""
        self._counts.update(taken)

    async def write(self, taken: Counts) -> str:
        """Write what was taken; the code of the error where that cannot be now."""
        try:
            await count_checkouts(self._world, taken)
        except PayonceError as error:
            return error.code
        return ""


async def counted_checkout(
    tally: Noting, world: World, merchant_id: str, order_id: UUID, click: Click
) -> CheckoutAnswer:  # fmt: skip
    """The guard's answer to a click, counted. Raises what `ensure_checkout` raises."""
    try:
        answer = await ensure_checkout(world, merchant_id, order_id, click)
    except PayonceError as error:
        # A wish that cannot be and an order that does not fit are a no; all else failed on our side.
        tally.note(merchant_id, order_id, "refused" if isinstance(error, Refused | Conflict) else "failed")
        raise
    tally.note(merchant_id, order_id, outcome_of(answer))
    return answer


def outcome_of(answer: CheckoutAnswer) -> str:
    """The answer in a word, for counting."""
    if isinstance(answer, Checkout):
        return answer.outcome
    words = {AlreadyPaid: "blocked_paid", InProgress: "in_progress", Gone: "gone", Silent: "silent"}
    return words.get(type(answer), "refused")
