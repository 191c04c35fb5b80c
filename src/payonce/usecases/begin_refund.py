"""Beginning a refund: the last look before its call, under lock and after its captures were read.

In one transaction: join what providers answered, ask the rules whether it may go, count it against the day's limit,
store its exact request, and say that it is being sent. Only after that COMMIT is anybody called.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from payonce.domain import purpose, refunding
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.domain.refund import Refund
from payonce.domain.refunding import AskPerson, Go, Later, No
from payonce.providers.contract import Call, Outcome
from payonce.store.database import Tx
from payonce.usecases.hear_money import Heard, join_heard, says_there_is_none
from payonce.usecases.in_book import in_book
from payonce.usecases.refund_requests import store_call, stored_call, take_of_the_day
from payonce.usecases.take_refund import Taken, ask_of
from payonce.usecases.world import World

# A provider that gave no answer is asked again: soon at first, then ever more seldom.
SHORTEST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(hours=1)


def pause_after(age: timedelta) -> timedelta:
    """How long to wait with something that is unresolved for so long."""
    return min(max(SHORTEST_PAUSE, age / 4), LONGEST_PAUSE)


async def begin_refund(
    world: World, merchant_id: str, taken: Taken, heard: Heard, looked: Outcome | None
) -> Call | None:
    """The stored call of a refund that is to be sent now, by us; None where it is not, or not now."""

    async def decide(tx: Tx, book: Book, order: Order) -> Call | None:
        refund = book.refunds[taken.refund.id]
        join_heard(tx, book, heard, "refund_read")
        if refund.fence != taken.fence:
            purpose.reconsider(book)
            return None
        if refund.state == "sending":
            # The COMMIT of an earlier run was not confirmed and had happened.
            return await stored_call(tx, merchant_id, refund)
        refund.lease_until = None
        book.touch_refund(refund)
        call = await _decide(tx, world, book, refund, heard, looked)
        if call is None:
            purpose.reconsider(book)
        return call

    cause = f"refund:{taken.refund.id.hex}"
    return await in_book(world, merchant_id, taken.refund.order_id, decide, name="begin_refund", cause=cause)


async def _decide(
    tx: Tx, world: World, book: Book, refund: Refund, heard: Heard, looked: Outcome | None
) -> Call | None:
    if refund.state == "in_doubt":
        return await _repeat(tx, world, book, refund, heard, looked)
    if refund.state != "due":
        # Told of by a webhook meanwhile, or taken back.
        return None
    if heard.is_silent:
        return None
    verdict = _verdict(book, refund, heard)
    call = await stored_call(tx, book.merchant_id, refund)
    if isinstance(verdict, Go) and refund.is_automatic and call is None:
        # Counted once for each row, at its first sending.
        limit = book.rules.surplus.refund_a_day_minor.get(refund.currency, 0)
        if not await take_of_the_day(tx, book.merchant_id, refund, limit):
            verdict = AskPerson("above_day_limit")
    if isinstance(verdict, Later):
        refund.due_at = verdict.until
    elif isinstance(verdict, No):
        refunding.cancel(book, refund, verdict.why)
    elif isinstance(verdict, AskPerson):
        refunding.plan_too_large(book, refund, verdict.why)
    else:
        refunder = world.refunder(refund.capture.provider, refund.capture.account)
        if call is None:
            # A refund can wait long before it is sent, and some providers take no request that was made long ago.
            call = refunder.prepare_refund(replace(ask_of(book, refund), asked_at=book.now))
            store_call(tx, book.merchant_id, refund, call)
        return _begun(world, book, refund, call)
    return None


def _verdict(book: Book, refund: Refund, heard: Heard) -> Go | Later | No | AskPerson:
    """What the rules say. Money that only an event told of and that no read can confirm goes by a person's word."""
    verdict = refunding.may_send(book, refund)
    if isinstance(verdict, Later) and verdict.why == "unconfirmed" and refund.capture in heard.unreadable:
        return AskPerson("unconfirmed") if refund.is_automatic else Go()
    return verdict


async def _repeat(
    tx: Tx, world: World, book: Book, refund: Refund, heard: Heard, looked: Outcome | None
) -> Call | None:
    """What becomes of a refund in doubt: the same bytes again while their key lives; afterwards it is only looked
    for, and where the provider knows of none a person decides.
    """
    sent_at = refund.sent_at or refund.created_at
    age = book.now - sent_at
    refunder = world.refunder(refund.capture.provider, refund.capture.account)
    refund.asked_at = book.now
    if age >= timedelta(seconds=refunder.capabilities.refund_life_seconds):
        refund.due_at = book.now + pause_after(age)
        if says_there_is_none(looked, refund.id):
            find_in_doubt(book, refund)
        return None
    refund.due_at = book.now + pause_after(age)
    if heard.is_silent or isinstance(_verdict(book, refund, heard), Later | No):
        # Nothing more is sent of money that is frozen or gone; what the first sending did is found by looking.
        return None
    call = await stored_call(tx, book.merchant_id, refund)
    return _begun(world, book, refund, call) if call is not None else None


def find_in_doubt(book: Book, refund: Refund) -> None:
    """Ask a person about a refund of which the provider knows nothing and that must not be sent again."""
    order = book.orders[refund.order_id]
    book.find("refund_in_doubt", refund.id.hex, order, refund.amount_minor, capture=refund.capture.id)
    refund.due_at = book.now + refunding.DAILY


def _begun(world: World, book: Book, refund: Refund, call: Call) -> Call:
    refunding.move(book, refund, "begun")
    refund.lease_until = book.now + world.policy_of(book.merchant_id).lease
    refund.asked_at, refund.sent_at = book.now, refund.sent_at or book.now
    return call
