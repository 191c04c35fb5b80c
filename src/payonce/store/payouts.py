"""Shares and accruals of orders: loading them with a book, and writing what was decided. See `payouts.sql`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from payonce.domain.book import Book
from payonce.domain.payout import Accrual, Share
from payonce.store import queries
from payonce.store.database import Row, Tx

PAYOUTS: Final = queries.load("payouts")


def fill(by_order: Mapping[UUID, Book], rows: Sequence[Row]) -> None:
    """Put shares and accruals into the books of their orders."""
    for row in rows:
        book = by_order.get(row.order_id)
        if book is None:
            continue
        book.shares[row.order_id] = (*book.shares.get(row.order_id, ()), Share(row.payee, row.share_minor))
        if row.accrual_id is not None:
            book.accruals[row.order_id, row.payee] = Accrual(row.accrual_id, row.order_id, row.payee, *row[4:])


def write_accruals(tx: Tx, merchant_id: str, accruals: Sequence[Accrual]) -> None:
    """Write new accruals and changed ones, with the COMMIT."""
    new, known = [a for a in accruals if a.is_new], [a for a in accruals if not a.is_new]
    if new:
        tx.later(
            PAYOUTS.insert_accruals, **_columns(merchant_id, new), now=tx.now, accrual_ids=[a.id for a in new],
            currencies=[a.currency for a in new], amounts=[a.amount_minor for a in new],
        )  # fmt: skip
        for accrual in new:
            accrual.is_new = False
    if known:
        tx.later(
            PAYOUTS.update_accruals, **_columns(merchant_id, known), numbers=[a.payout_number for a in known],
            paid=[a.paid_minor for a in known],
        )  # fmt: skip


def write_shares(tx: Tx, merchant_id: str, order_id: UUID, shares: Sequence[Share]) -> None:
    """Store what payees are to get of a new order, with the COMMIT."""
    if shares:
        tx.later(
            PAYOUTS.insert_shares, merchant_id=merchant_id, order_id=order_id, payees=[s.payee for s in shares],
            amounts=[s.amount_minor for s in shares],
        )  # fmt: skip


def _columns(merchant_id: str, accruals: Sequence[Accrual]) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "order_ids": [a.order_id for a in accruals],
        "payees": [a.payee for a in accruals],
        "states": [a.state for a in accruals],
        "held_because": [a.held_because for a in accruals],
        "reversed": [a.reversed_minor for a in accruals],
        "versions": [a.version for a in accruals],
    }
