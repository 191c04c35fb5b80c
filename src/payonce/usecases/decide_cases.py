"""Decide about orders in the books of their purposes: one transaction for all cases that came together, or for one.

Ten clicks on ten orders cost as many statements as one click.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NoReturn, TypeVar

from payonce.base.errors import Refused
from payonce.store import books, queries
from payonce.store.database import Call, Tx
from payonce.usecases.new_attempts import write_new_attempts
from payonce.usecases.receipts import Receipt, receipt_if_refused, write_receipts
from payonce.usecases.tape import IdTape
from payonce.usecases.together import Case, Drafts, Occasion
from payonce.usecases.world import World

T = TypeVar("T")
ORDERS: Final = queries.load("orders")
EFFECTS: Final = queries.load("effects")

# What a case came to: called, it returns or raises it.
Said = Callable[[], T]


async def decide_case(world: World, merchant_id: str, case: Case[T], *, occasion: Occasion) -> T:
    """Decide about one order, with others where the world gathers them. Raises Refused `order_unknown` (404), and what
    the case raises.
    """
    if world.together is not None:
        return await world.together.decide(occasion, merchant_id, case)
    [said] = await decide_cases(world, merchant_id, [case], occasion=occasion)
    return said()


async def decide_cases(
    world: World, merchant_id: str, cases: Sequence[Case[T]], *, occasion: Occasion
) -> list[Said[T]]:
    """What each of the cases came to, in their order, once all of it is committed.

    An order that is not there is its own case's refusal. What else any of them raises undoes all; where they are more
    than one, so does a wait for a lock that somebody keeps: alone, each shows whether it is the one.
    """
    tape, is_alone = IdTape(world.ids), len(cases) == 1
    order_ids = sorted({case.order_id for case in cases})

    async def work(tx: Tx) -> list[Said[T]]:
        tape.rewind()
        if is_alone:
            receipt_if_refused(tx, merchant_id, cases[0].order_id, cases[0].receipt_id)
        briefly: list[Call] = [] if is_alone else [(EFFECTS.hold_briefly, {})]
        asked = {"merchant_id": merchant_id, "order_ids": order_ids}
        facts: list[Call] = [(ORDERS.checkout_facts, asked)] if occasion == "checkout" else []
        beside = books.Beside(*briefly, *facts)
        loaded = await books.load(
            tx, merchant_id, None, order_ids, tape.next, world.kinds, rules=world.rules_of(merchant_id), beside=beside
        )
        drafts = Drafts({row.order_id: row for row in beside.rows[-1]} if facts else {})
        by_order = {order_id: book for book in loaded.values() for order_id in book.orders}
        saids: list[Said[T]] = []
        for case in cases:
            book = by_order.get(case.order_id)
            if book is None:
                drafts.receipts.append(Receipt(case.receipt_id, case.order_id, "refused"))
                saids.append(_unknown)
                continue
            book.cause, book.happened_at = case.cause, None
            decided = await case.decide(tx, book, book.orders[case.order_id], drafts)
            saids.append(partial(_same, decided))
        write_new_attempts(tx, merchant_id, drafts.attempts)
        write_receipts(tx, merchant_id, drafts.receipts)
        books.record(tx, loaded.values(), actor=occasion, order_ids=order_ids)
        return saids

    saids = await world.database.transaction(work, name=occasion)
    for order_id in order_ids:
        world.was_taken_up(order_id)
    return saids


def _same(decided: T) -> T:
    return decided


def _unknown() -> NoReturn:
    raise Refused("there is no such order", code="order_unknown", status=404)
