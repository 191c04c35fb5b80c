"""Decide about one refund by a person's word: take it back before it is sent, or say what became of one in doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import Conflict, Refused
from payonce.domain import purpose, refunding
from payonce.domain.book import Book
from payonce.domain.observation import Observation, Ref, RefundSeen
from payonce.domain.order import Order
from payonce.domain.refund import SAID_NO, Refund
from payonce.domain.returning import BY_WORD, join_return
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.answers import RefundView
from payonce.usecases.in_book import in_book
from payonce.usecases.list_refunds import read_refund
from payonce.usecases.retry_effect import cause_of
from payonce.usecases.world import World

REFUNDS: Final = queries.load("refunds")
# A lease lasts half a minute at most; most work is over much sooner.
BUSY_SECONDS: Final = 5.0


async def cancel_refund(world: World, merchant_id: str, refund_id: UUID, reason: str, actor: str) -> RefundView:
    """Take back a refund that is not sent. Its money stays where it is until somebody asks for it again.

    Raises Refused `refund_unknown` (404), `reason_missing`; Conflict `refund_not_cancellable` once it is being sent.
    """
    cause = cause_of(reason, actor)

    def decide(book: Book, refund: Refund) -> None:
        said = f"{SAID_NO}{cause}"
        if refund.state == "cancelled" and refund.decline == said:
            return
        _hands_off(book, refund)
        if not refunding.cancel(book, refund, said):
            raise Conflict(
                f"a refund that is {refund.state} cannot be cancelled", code="refund_not_cancellable",
                hint="What is sent comes back only by its payer.", detail={"state": refund.state},
            )  # fmt: skip

    return await _decide(world, merchant_id, refund_id, cause, actor, decide, name="cancel_refund")


async def resolve_refund(
    world: World, merchant_id: str, refund_id: UUID, outcome: Literal["done", "cancelled"], reason: str, actor: str
) -> RefundView:
    """Say of a refund in doubt, of which the provider shows nothing, that it was done, or that it was not and is to be
    asked for anew, which makes a new row.

    Raises Refused `refund_unknown` (404), `reason_missing`; Conflict `refund_not_in_doubt`.
    """
    cause = cause_of(reason, actor)

    def decide(book: Book, refund: Refund) -> None:
        wanted = "succeeded" if outcome == "done" else "failed"
        said = f"said {outcome}: {cause}"
        if refund.state == wanted and refund.decline == said:
            return
        _hands_off(book, refund)
        if refund.state not in ("in_doubt", "sent"):
            raise Conflict(
                f"a refund that is {refund.state} is not in doubt", code="refund_not_in_doubt",
                detail={"state": refund.state},
            )  # fmt: skip
        if outcome == "done":
            say_done(book, refund, BY_WORD)
        else:
            refunding.told(book, refund, "failed", said)
        refund.decline = said
        book.touch_refund(refund)

    return await _decide(world, merchant_id, refund_id, cause, actor, decide, name="resolve_refund")


def say_done(book: Book, refund: Refund, kind: str) -> None:
    """Book the refund as arrived by a person's word; what the provider tells of it later takes that word's place."""
    key = refund.capture
    seen = RefundSeen(
        Ref(kind, ids.show(ids.REFUND, refund.id)), "succeeded", Ref(key.kind, key.id), refund.amount_minor,
        refund.currency, refund.attempt_id, refund.id,
    )  # fmt: skip
    attempt = book.attempts[refund.attempt_id]
    join_return(book, attempt, Observation(key.provider, key.account, "answer", seen, live_mode=False), seen)


def _hands_off(book: Book, refund: Refund) -> None:
    """Leave a refund alone that the worker is sending or asking about at this moment."""
    if refund.is_leased(book.now):
        raise Conflict(
            "the refund is being worked on", code="refund_busy", retry_after_seconds=BUSY_SECONDS,
            detail={"state": refund.state},
        )  # fmt: skip


async def _decide(
    world: World,
    merchant_id: str,
    refund_id: UUID,
    cause: str,
    actor: str,
    decide: Callable[[Book, Refund], None],
    *,
    name: str,
) -> RefundView:
    async def find(tx: Tx) -> UUID | None:
        row = await tx.one(REFUNDS.refund_place, merchant_id=merchant_id, refund_id=refund_id)
        return row.order_id if row is not None else None

    order_id = await world.database.transaction(find, name="refund_place", read_only=True)
    if order_id is None:
        raise Refused("there is no such refund", code="refund_unknown", status=404)

    async def work(tx: Tx, book: Book, order: Order) -> None:
        decide(book, book.refunds[refund_id])
        purpose.reconsider(book)

    await in_book(world, merchant_id, order_id, work, name=name, cause=cause, actor=actor)
    return await read_refund(world, merchant_id, refund_id)
