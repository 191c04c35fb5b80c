"""Orders as pages read them: what is asked for while a read is under way is read with the next one, in one transaction.

A lone reader waits for nobody; a thousand that come at once cost a few transactions. An answer is never older than its
question: who asks gets what is read after that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from payonce.api.gather import Gatherer
from payonce.api.load import TooMuch
from payonce.base.errors import Refused
from payonce.usecases.answers import OrderView
from payonce.usecases.read_order import find_by_token, merchant_of, read_order, read_wanted
from payonce.usecases.world import World


class Readings:
    """Reads of orders, gathered by merchant. Only merchants that have accounts here have a lane, for anybody may ask
    with any name.
    """

    def __init__(self, world: World, on_full: Callable[[TooMuch], object] = lambda items: None) -> None:
        self._world = world
        self._known = frozenset(world.merchants.values())
        self._gatherer: Gatherer[UUID | str, OrderView | None] = Gatherer(
            self._read, items="reads", apart=True, on_full=on_full
        )

    async def by_id(self, merchant_id: str, order_id: UUID) -> OrderView:
        """The order as it stands. Raises Refused `order_unknown` (404)."""
        if merchant_id not in self._known:
            return await read_order(self._world, merchant_id, order_id)
        found = await self._gatherer.put(merchant_id, order_id)
        if found is None:
            raise Refused("there is no such order", code="order_unknown", status=404)
        return found

    async def by_token(self, token: str) -> OrderView:
        """The order of a link as it stands. Raises Refused `link_unknown` (404)."""
        merchant_id, bare = merchant_of(token)
        if merchant_id not in self._known:
            return await read_order(self._world, *await find_by_token(self._world, token))
        found = await self._gatherer.put(merchant_id, bare)
        if found is None:
            raise Refused("there is no such link", code="link_unknown", status=404)
        return found

    async def close(self) -> None:
        """Wait until every reader has its answer."""
        await self._gatherer.close()

    async def _read(self, merchant_id: str, wanted: Sequence[UUID | str]) -> list[OrderView | None]:
        return await read_wanted(self._world, merchant_id, wanted)
