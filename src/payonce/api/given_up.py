"""Requests with an idempotency key that this process gave up, because the store did not answer or we made a mistake.

Nobody is at them any more, so whoever repeats one need not wait until its lease ends. What another process gave up is
not known here, and waits.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from payonce.usecases.idempotency import Keyed

# All that can be under way while a store is away; the oldest are forgotten, and wait for their lease.
MOST_KEPT: Final = 10_000


class GivenUp:
    """Which, and with what fence each was held."""

    def __init__(self) -> None:
        self._fences: OrderedDict[tuple[str, str], int] = OrderedDict()

    def note(self, request: Keyed, fence: int) -> None:
        """One was given up."""
        self._fences[request.merchant_id, request.key] = fence
        if len(self._fences) > MOST_KEPT:
            self._fences.popitem(last=False)

    def take(self, request: Keyed) -> int | None:
        """The fence of a request that was given up, once; None for all others."""
        return self._fences.pop((request.merchant_id, request.key), None)
