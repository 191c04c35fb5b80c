"""Decide about orders in the books of their purposes: one transaction for all cases that came together, or for one.

Ten clicks on ten orders cost as many statements as one click.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from payonce.base.errors import Bug, PayonceError, Refused
from payonce.store import books, queries
from payonce.store.database import Call, Tx
from payonce.usecases.new_attempts import write_new_attempts
from payonce.usecases.receipts import Receipt, receipt_if_refused, write_receipts
from payonce.usecases.tape import IdTape
from payonce.usecases.together import Case, Drafts, Occasion
from payonce.usecases.world import World

T = TypeVar("T")
ORDERS: Final = queries.load("orders")

# What a case came to: called, it returns or raises it.
Said = Callable[[], T]


class Undecided(PayonceError):
    """One case of a group cannot be decided with the others, and all of it was rolled back; `number` is its place."""

    def __init__(self, number: int, error: PayonceError) -> None:
        super().__init__(error.message, code=error.code)
        self.number = number


async def decide_case(world: World, merchant_id: str, case: Case[T], *, occasion: Occasion) -> T:
    """Decide about one order, with others where the world gathers them. Raises Refused `order_unknown` (404), and what
    the case raises.
    """
    if world.together is not None:
        return await world.together.decide(occasion, merchant_id, case)
    return await decide_alone(world, merchant_id, case, occasion=occasion)


async def decide_alone(world: World, merchant_id: str, case: Case[T], *, occasion: Occasion) -> T:
    """Decide about one order, and wait for whoever holds it. Raises as `decide_case`."""

    async def work(tx: Tx) -> list[Said[T] | None]:
        receipt_if_refused(tx, merchant_id, case.order_id, case.receipt_id)
        return await _decide(tx, world, merchant_id, [case], occasion, tape, skips=False)

    tape = IdTape(world.ids)
    [said] = await world.database.transaction(work, name=occasion)
    world.was_taken_up(case.order_id)
    if said is None:
        raise Bug("an order that was waited for is held by somebody else")
    return said()


async def decide_group(
    world: World, merchant_id: str, cases: Sequence[Case[Any]], *, occasion: Occasion
) -> list[Said[Any] | None]:
    """What each of the cases came to, in their order, once all of it is committed. It waits for nobody: None where
    somebody holds an order of the case's purpose, or one of them asks for stock.

    Raises what a lone case raises, and Undecided for one of several: nothing is decided then.
    """
    tape = IdTape(world.ids)

    async def work(tx: Tx) -> list[Said[Any] | None]:
        if len(cases) == 1:
            receipt_if_refused(tx, merchant_id, cases[0].order_id, cases[0].receipt_id)
        return await _decide(tx, world, merchant_id, cases, occasion, tape, skips=True)

    saids = await world.database.transaction(work, name=occasion)
    for case in cases:
        world.was_taken_up(case.order_id)
    return saids


async def _decide(
    tx: Tx, world: World, merchant_id: str, cases: Sequence[Case[Any]], occasion: Occasion, tape: IdTape, *, skips: bool
) -> list[Said[Any] | None]:
    tape.rewind()
    order_ids = sorted({case.order_id for case in cases})
    # What a request is made from is read with the books: most clicks begin an attempt.
    asked = {"merchant_id": merchant_id, "order_ids": order_ids}
    facts: list[Call] = [(ORDERS.checkout_facts, asked)] if occasion == "checkout" else []
    beside, rules = books.Beside(*facts, skips=skips), world.rules_of(merchant_id)
    loaded = await books.load(tx, merchant_id, None, order_ids, tape.next, world.kinds, rules=rules, beside=beside)
    drafts = Drafts({row.order_id: row for row in beside.rows[0]} if facts else {})
    by_order = {order_id: book for book in loaded.values() for order_id in book.orders}
    saids: list[Said[Any] | None] = []
    for number, case in enumerate(cases):
        book = by_order.get(case.order_id)
        if book is None:
            # "There is no such order" is said by a transaction that wrote, like "done already".
            is_kept = case.order_id in beside.kept
            drafts.receipts += [] if is_kept else [Receipt(case.receipt_id, case.order_id, "refused")]
            saids.append(None if is_kept else _unknown)
            continue
        book.cause, book.happened_at = case.cause, None
        try:
            decided = await case.decide(tx, book, book.orders[case.order_id], drafts)
        except PayonceError as error:
            # Anything else is the driver's, which runs a transaction again whose connection broke, or a bug.
            if len(cases) == 1:
                raise
            raise Undecided(number, error) from error
        saids.append(partial(_same, decided))
    write_new_attempts(tx, merchant_id, drafts.attempts)
    write_receipts(tx, merchant_id, drafts.receipts)
    books.record(tx, loaded.values(), actor=occasion, order_ids=order_ids)
    return saids


def _same(decided: T) -> T:
    return decided


def _unknown() -> NoReturn:
    raise Refused("there is no such order", code="order_unknown", status=404)
