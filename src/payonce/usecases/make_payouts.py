"""Make payouts: cover what payees are owed by payouts that the application pays, each owed as the effect `payout.due`.

A payout is made in a transaction of its own and not with the settlement, so that the orders of one payee never wait for
each other. It locks the payee first; then it holds the orders of what it covers, so that a refund comes before it or
after it. Where no effect is declared on `payout.due`, nobody would be told, and none is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from payonce.domain import payout
from payonce.domain.book import Book
from payonce.domain.effect import PAYOUT_DUE, EffectKind
from payonce.domain.ledger import entry
from payonce.domain.payout import DOUBTS, MOST_ACCRUALS, Accrual
from payonce.store import books
from payonce.store.database import Row, Tx
from payonce.store.effects import EFFECTS
from payonce.store.payouts import PAYOUTS
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

ACTOR: Final = "make_payouts"


@dataclass(frozen=True, slots=True)
class MadePayouts:
    """What one run did: accruals freed and held back, payouts made, and payees looked at."""

    freed: int = 0
    held: int = 0
    made: int = 0
    payees: int = 0


@dataclass(slots=True)
class _Found:
    """Accruals of orders that are held now, and why some of them wait."""

    free: list[Accrual] = field(default_factory=list)
    doubted: list[tuple[Accrual, str]] = field(default_factory=list)


async def make_payouts(world: World, merchant_id: str, limit: int = 20) -> MadePayouts:
    """Free what nothing speaks against any more, then make the payouts of up to `limit` payees that are due."""
    freed = await _free(world, merchant_id)
    kinds = [kind for kind in world.kinds if kind.is_owed_on(PAYOUT_DUE)]
    if not kinds:
        return MadePayouts(freed)
    due = await payees_due(world, merchant_id, limit)
    held = made = 0
    for row in due:
        doubted, is_made = await _pay_out(world, merchant_id, row.payee, row.currency, kinds)
        held, made = held + doubted, made + is_made
    return MadePayouts(freed, held, made, len(due))


async def orders_to_free(world: World, merchant_id: str, limit: int) -> list[UUID]:
    """Orders of accruals that are held back although nothing seems to speak against them any more."""

    async def look(tx: Tx) -> list[UUID]:
        rows = await tx.rows(PAYOUTS.orders_to_free, merchant_id=merchant_id, doubts=[*DOUBTS], limit=limit)
        return [row.order_id for row in rows]

    return await world.database.transaction(look, name="orders_to_free", read_only=True)


async def payees_due(world: World, merchant_id: str, limit: int) -> list[Row]:
    """Payees and currencies whose next payout is due."""
    thresholds = world.policy_of(merchant_id).payout_threshold_minor

    async def look(tx: Tx) -> list[Row]:
        return await tx.rows(
            PAYOUTS.payees_due, merchant_id=merchant_id, limit=limit, most=MOST_ACCRUALS,
            currencies=list(thresholds), thresholds=list(thresholds.values()),
        )  # fmt: skip

    return await world.database.transaction(look, name="payees_due", read_only=True)


async def _free(world: World, merchant_id: str) -> int:
    tape = IdTape(world.ids)

    async def work(tx: Tx) -> int:
        tape.rewind()
        rows = await tx.rows(PAYOUTS.orders_to_free, merchant_id=merchant_id, doubts=[*DOUBTS], limit=MOST_ACCRUALS)
        if not rows:
            return 0
        found = await _weigh(tx, merchant_id, [row.order_id for row in rows], "held", None, None)
        book = _book(tx, merchant_id, tape.next, found.free)
        for accrual in found.free:
            payout.move(book, accrual, "freed")
        books.record(tx, [book], actor=ACTOR)
        return len(found.free)

    return await world.database.transaction(work, name="free_accruals")


async def _pay_out(
    world: World, merchant_id: str, payee: str, currency: str, kinds: Sequence[EffectKind]
) -> tuple[int, bool]:
    """Make the payee's next payout where it is due still; how many accruals were held back, and whether it was."""
    tape = IdTape(world.ids)
    threshold = world.policy_of(merchant_id).payout_threshold_minor.get(currency, 0)
    named: dict[str, Any] = {"merchant_id": merchant_id, "payee": payee}

    async def work(tx: Tx) -> tuple[int, bool]:
        tape.rewind()
        [last] = await tx.rows(PAYOUTS.lock_payee, **named)
        # What is said to be settled is read before what is settled: nothing is called settled that is not.
        rows, otherwise, [carried], before = await tx.all(
            (PAYOUTS.orders_to_cover, {**named, "currency": currency, "limit": MOST_ACCRUALS}),
            (PAYOUTS.orders_paid_otherwise, {**named, "currency": currency}),
            (PAYOUTS.carried, {**named, "currency": currency}),
            (PAYOUTS.last_payout, {**named, "currency": currency}),
        )
        orders = [row.order_id for row in rows]
        found = await _weigh(tx, merchant_id, orders, "accrued", payee, currency)
        book = _book(tx, merchant_id, tape.next, [*found.free, *(accrual for accrual, _ in found.doubted)])
        for accrual, why in found.doubted:
            payout.move(book, accrual, "doubted", why)
        gross = sum(accrual.left_minor for accrual in found.free)
        is_full = len(found.free) == MOST_ACCRUALS
        is_due = payout.covers(gross, carried.carried_minor, threshold, is_full)
        by = max([accrual.order_id for accrual in found.free] or [row.order_id for row in before], default=None)
        if is_due and by is not None:
            number = last.last_number + 1
            _cover(tx, book, payee, number, currency, found.free, carried.carried_minor, by, kinds)
            for row in otherwise:
                book.resolve("payout_overpaid", f"{row.order_id.hex}:{payee}")
        books.record(tx, [book], actor=ACTOR)
        return len(found.doubted), is_due and by is not None

    return await world.database.transaction(work, name="make_payout")


def _cover(
    tx: Tx, book: Book, payee: str, number: int, currency: str, covered: Sequence[Accrual], carried: int, by: UUID,
    kinds: Sequence[EffectKind],
) -> None:  # fmt: skip
    """Make the payout, let the ledger show it line by line, and owe its effects."""
    gross = sum(accrual.left_minor for accrual in covered)
    tx.later(
        PAYOUTS.insert_payout, merchant_id=book.merchant_id, payout_id=book.new_id(), payee=payee, number=number,
        currency=currency, gross=gross, carried=carried, amount=gross + carried, order_id=by, now=tx.now,
    )  # fmt: skip
    tx.later(PAYOUTS.count_payout, merchant_id=book.merchant_id, payee=payee, number=number)
    for accrual in covered:
        cause = f"payout:{payee}:{number}:{accrual.order_id.hex}"
        lines = payout.postings_of_payout(payee, accrual.left_minor)
        book.entries.append(entry(book.new_id(), cause, accrual.order_id, currency, *lines))
        accrual.payout_number, accrual.paid_minor = number, accrual.left_minor
        payout.move(book, accrual, "covered")
    lines = payout.postings_of_payout(payee, carried)
    book.entries.append(entry(book.new_id(), f"payout:{payee}:{number}:carried", by, currency, *lines))
    for kind in kinds:
        key = f"payout:{payee}:{number}:{kind.name}"
        book.owe_one(kind, PAYOUT_DUE, by, key)


async def _weigh(
    tx: Tx, merchant_id: str, order_ids: Sequence[UUID], state: str, payee: str | None, currency: str | None
) -> _Found:
    """The accruals of the orders, which are held from now on; an order that somebody changes now is left out."""
    held = await tx.rows(EFFECTS.hold_orders_of_effects, merchant_id=merchant_id, order_ids=sorted(order_ids))
    rows = await tx.rows(
        PAYOUTS.weigh_accruals, merchant_id=merchant_id, order_ids=[row.order_id for row in held], state=state,
        payee=payee, currency=currency, doubts=[*DOUBTS],
    )  # fmt: skip
    found = _Found()
    for row in rows:
        *values, finding, is_disputed, is_going_back = row
        why = payout.why_doubted(finding, is_disputed, is_going_back)
        if why is None:
            found.free.append(Accrual(*values))
        else:
            found.doubted.append((Accrual(*values), why))
    return found


def _book(tx: Tx, merchant_id: str, new_id: Callable[[], UUID], accruals: Sequence[Accrual]) -> Book:
    """A book without orders, in which what is decided about accruals of many purposes gathers."""
    book = Book(merchant_id, "", tx.now, new_id, cause=ACTOR)
    book.accruals = {(accrual.order_id, accrual.payee): accrual for accrual in accruals}
    return book
