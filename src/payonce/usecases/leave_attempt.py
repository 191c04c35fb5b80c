"""Leave an attempt whose provider cannot cancel it, because its payer says that nothing was sent.

The provider is asked first: only a fresh read that shows no deposit ends it as abandoned, with the payer's consent
stored. It stays watched, and what still comes by it is a late payment.
"""

from __future__ import annotations

from uuid import UUID

from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.checkout import take_lease
from payonce.domain.order import Order
from payonce.store.database import Tx
from payonce.usecases import attend
from payonce.usecases.in_book import in_book
from payonce.usecases.world import World


async def leave_attempt(world: World, merchant_id: str, order_id: UUID, number: int) -> bool:
    """Leave the attempt of that number, where it is the order's live one and cannot be closed; else do nothing.

    False: its provider gave no answer, so it is as it was. Raises Refused `order_unknown`.
    """

    async def decide(tx: Tx, book: Book, order: Order) -> Attempt | None:
        live = next((a for a in book.attempts_of(order) if a.is_live and a.number == number), None)
        if live is None or live.state != "open" or live.is_leased(book.now):
            return None
        if book.rules.of(live.provider, live.account).can_close:
            # The guard closes it itself when the payer wants another way.
            return None
        take_lease(book, live, world.policy_of(merchant_id))
        return live

    attempt = await in_book(world, merchant_id, order_id, decide, name="leave", cause="left by its payer")
    if attempt is None:
        return True
    return (await attend.read_at_provider(world, merchant_id, attempt, is_leaving=True)).answered


def can_leave(world: World, provider: str, account: str) -> bool:
    """Whether a payer is to be asked: the account's provider cannot cancel what was given out."""
    till = world.tills.get((provider, account))
    return till is not None and not till.capabilities.can_close
