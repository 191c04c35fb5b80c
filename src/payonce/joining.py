"""Inside the application's own transaction: placing, reading and cancelling an order, and owing an effect.

Only what the database does: nobody calls a provider while somebody's transaction is open. What has to be closed at a
provider is marked, and the worker closes it after the application's COMMIT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.drivers.postgres_joined import JoinedDatabase
from payonce.ids_of import id_of
from payonce.providers.contract import Adapter
from payonce.providers.gateway import ProviderLooker
from payonce.providers.transport import Answer, Request
from payonce.usecases.answers import CheckoutAnswer, OrderView, Placed
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.owe_effect import owe_effect
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import read_order
from payonce.usecases.world import World


class NoTransport:
    """Refuses every call."""

    async def send(self, request: Request) -> Answer:
        raise inside_transaction()


def inside_transaction() -> Refused:
    """What is said to whoever wants to call a provider from here."""
    return Refused(
        "a provider cannot be called while your transaction is open",
        code="inside_transaction",
        hint="Commit first, then call engine.ensure_checkout(order): what a provider made cannot be rolled back.",
    )


def psycopg_of(connection: Any) -> psycopg.Connection[Any] | psycopg.AsyncConnection[Any]:
    """The psycopg connection below what an application has: psycopg's own, Django's, or SQLAlchemy's.

    Raises Refused `connection_unknown`.
    """
    for _ in range(4):
        if isinstance(connection, psycopg.Connection | psycopg.AsyncConnection):
            return connection
        # SQLAlchemy: Connection.connection.driver_connection; Django: connection.connection.
        below = getattr(connection, "driver_connection", None) or getattr(connection, "connection", None)
        if below is None:
            break
        connection = below
    raise Refused(
        f"{type(connection).__name__} is no connection of psycopg 3",
        code="connection_unknown",
        hint="Hand in a psycopg connection, a Django connection, or one of SQLAlchemy over postgresql+psycopg.",
    )


def joined_world(world: World, adapters: Mapping[tuple[str, str], Adapter], connection: Any, clock: Clock) -> World:
    """The world of use cases inside a caller's transaction: its connection, and providers that cannot be called."""
    lookers = {key: ProviderLooker(adapter, NoTransport()) for key, adapter in adapters.items()}
    # Nobody is called here, so nobody's attempt is held: the worker can take it right after the COMMIT.
    policy = replace(world.policy, lease=timedelta(0))
    policies = {name: replace(own, lease=timedelta(0)) for name, own in world.policies.items()}
    joined = JoinedDatabase(connection, clock=clock)
    return replace(world, database=joined, tills=lookers, policy=policy, policies=policies)


class Joined:
    """What can be done inside a transaction of the application. It commits and rolls back nothing."""

    def __init__(self, world: World, merchant_id: str, handlers: Handlers) -> None:
        self._world = world
        self._merchant_id = merchant_id
        self._handlers = handlers

    async def place_order(self, wish: PlaceOrder | None = None, /, **values: Any) -> Placed:
        """Place an order, or find the one that is there. Values as of `PlaceOrder`."""
        return await place_order(self._world, self._merchant_id, wish or PlaceOrder(**values), drive=False)

    async def read_order(self, order: OrderView | UUID | str) -> OrderView:
        """The order as it stands, with what this transaction changed."""
        return await read_order(self._world, self._merchant_id, id_of(order))

    async def cancel_order(self, order: OrderView | UUID | str) -> OrderView:
        """Mark the order to be closed; the worker closes it at the provider after the COMMIT."""
        return await cancel_order(self._world, self._merchant_id, id_of(order))

    async def add_effect(self, order: OrderView | UUID | str, name: str, cause: str) -> str:
        """Owe the effect `name` of the order for `cause`, once; its key. Raises Refused `effect_unknown`."""
        kind = self._handlers.kind(name)
        if kind is None:
            raise Refused(f"there is no effect named {name!r}", code="effect_unknown", param="name")
        return await owe_effect(self._world, self._merchant_id, id_of(order), kind, cause)

    async def ensure_checkout(self, order: OrderView | UUID | str) -> CheckoutAnswer:
        """Always raises Refused `inside_transaction`: what a provider made cannot be rolled back with the rest."""
        raise inside_transaction()
