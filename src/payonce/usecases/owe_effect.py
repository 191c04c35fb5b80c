"""Owe an effect of an order because the application says so. The same order, kind and cause is owed once, ever."""

from __future__ import annotations

from uuid import UUID

from payonce.base.errors import Refused
from payonce.domain.book import Book
from payonce.domain.effect import EffectKind
from payonce.domain.order import Order
from payonce.store.database import Tx
from payonce.usecases.in_book import in_book
from payonce.usecases.world import World

# What is owed on no occasion of ours, but because somebody asked for it.
ASKED_FOR = "asked_for"


async def owe_effect(world: World, merchant_id: str, order_id: UUID, kind: EffectKind, cause: str) -> str:
    """Owe the effect; its key. Raises Refused `order_unknown` (404) and `cause_invalid`.

    `cause` says what for, in the application's words; another cause is another effect.
    """
    if not cause or ":" in cause or len(cause) > 200:
        raise Refused("say what the effect is owed for, without a colon", code="cause_invalid", param="cause")
    key = f"{order_id.hex}:{cause}:{kind.name}"

    async def decide(tx: Tx, book: Book, order: Order) -> str:
        book.owe_one(kind, ASKED_FOR, order.id, key)
        return key

    return await in_book(world, merchant_id, order_id, decide, name="owe_effect", cause=f"asked:{cause}")
