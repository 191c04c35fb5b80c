"""Ask for a refund: a person or a program sends an order's money back, or money that serves nothing.

Only rows are written here, one for each payment that the money came by; the refund worker sends them.
"""

from __future__ import annotations

from uuid import UUID

from payonce.domain import purpose, refunding
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.domain.refund import Serves
from payonce.domain.returning import BY_OTHER_MEANS
from payonce.store.database import Tx
from payonce.usecases.answers import RefundView
from payonce.usecases.decide_refund import say_done
from payonce.usecases.in_book import in_book
from payonce.usecases.list_refunds import read_refunds
from payonce.usecases.retry_effect import cause_of
from payonce.usecases.world import World


async def ask_refund(
    world: World,
    merchant_id: str,
    order_id: UUID,
    *,
    reason: str,
    actor: str,
    amount_minor: int | None = None,
    of: Serves = "order",
    by_hand: bool = False,
) -> list[RefundView]:
    """Send back `amount_minor` of the order's money, or of its surplus; without an amount all that is left. `by_hand`:
    a person sent it by other means already, for instance where the provider cannot; nothing is sent, it is only booked.

    Raises Refused `order_unknown` (404), `reason_missing`, `amount_too_large`; Conflict `order_not_paid`,
    `nothing_to_refund`, `order_disputed`, `refund_unsupported`.
    """
    cause = cause_of(reason, actor)
    earlier: set[UUID] = set()

    async def decide(tx: Tx, book: Book, order: Order) -> list[UUID]:
        done = earlier & book.refunds.keys()
        if done:
            # The COMMIT of an earlier run was not confirmed and had happened.
            return sorted(done)
        purpose.reconsider(book)
        made = refunding.ask(book, order, amount_minor, of, cause, actor, by_hand=by_hand)
        for refund in made if by_hand else ():
            say_done(book, refund, BY_OTHER_MEANS)
        purpose.reconsider(book)
        earlier.update(refund.id for refund in made)
        return [refund.id for refund in made]

    written = await in_book(world, merchant_id, order_id, decide, name="ask_refund", cause=cause, actor=actor)
    return await read_refunds(world, merchant_id, written)


async def preview_refund(
    world: World,
    merchant_id: str,
    order_id: UUID,
    *,
    amount_minor: int | None = None,
    of: Serves = "order",
    by_hand: bool = False,
) -> list[tuple[int, str, str]]:
    """What `ask_refund` would send back, as (amount, currency, payment). Changes nothing. Raises what that raises."""

    async def decide(tx: Tx, book: Book, order: Order) -> list[tuple[int, str, str]]:
        purpose.reconsider(book)
        made = refunding.ask(book, order, amount_minor, of, "preview", "preview", by_hand=by_hand)
        # Nothing of it is recorded.
        book.clear()
        return [(refund.amount_minor, refund.currency, refund.capture.id) for refund in made]

    return await in_book(world, merchant_id, order_id, decide, name="preview_refund", cause="preview")
