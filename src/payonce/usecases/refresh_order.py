"""Refresh an order: one check of its live attempt at the provider, because the payer is back before the webhook.

Deduplicated: within a few seconds of the last look, or while somebody else is looking, nobody is asked again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from payonce.domain import purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.checkout import take_lease
from payonce.domain.order import Order
from payonce.store.database import Tx
from payonce.usecases import attend, join_answers
from payonce.usecases.answers import OrderView
from payonce.usecases.in_book import in_book
from payonce.usecases.read_order import read_order
from payonce.usecases.world import World

# Several tabs and reloads at once are one question; a provider's own state moves no faster for a payer.
FRESH_FOR: Final = timedelta(seconds=3)


async def refresh_order(world: World, merchant_id: str, order_id: UUID) -> OrderView:
    """The order after at most one question to the provider. Raises Refused `order_unknown` (404)."""

    async def decide(tx: Tx, book: Book, order: Order) -> Attempt | None:
        purpose.reconsider(book)
        live = next((a for a in book.attempts_of(order) if a.is_live and join_answers.handle_of(a) is not None), None)
        if live is None or live.is_leased(book.now):
            return None
        if live.asked_at is not None and abs(book.now - live.asked_at) < FRESH_FOR:
            return None
        take_lease(book, live, world.policy_of(merchant_id))
        return live

    attempt = await in_book(world, merchant_id, order_id, decide, name="refresh", cause="refresh")
    if attempt is not None:
        await attend.read_at_provider(world, merchant_id, attempt)
    return await read_order(world, merchant_id, order_id)
