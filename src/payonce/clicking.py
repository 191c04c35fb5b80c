"""Clicks that an application sends through the library: counted as the service counts them, and gathered as there."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from payonce.api.checkout_tally import CheckoutTally
from payonce.api.together import Together
from payonce.usecases.answers import CheckoutAnswer
from payonce.usecases.ensure_checkout import Click
from payonce.usecases.tally_checkouts import counted_checkout
from payonce.usecases.world import World


class Clicking:
    """For one engine, on an event loop. Nothing is started before the first click."""

    def __init__(self, world: World) -> None:
        self._tally = CheckoutTally(world)
        self._together = Together(replace(world, run=None))

    async def ensure(self, world: World, merchant_id: str, order_id: UUID, click: Click) -> CheckoutAnswer:
        """The guard's answer. What the run of a script does is counted order by order, so it is decided so."""
        gathered = world if world.run is not None else replace(world, together=self._together)
        return await counted_checkout(self._tally, gathered, merchant_id, order_id, click)

    async def aclose(self) -> None:
        """Let what was accepted come to its end, and write what was counted."""
        await self._together.aclose()
        await self._tally.aclose()
