"""Receipts: what is written where an answer changes nothing, so that it leaves only after a COMMIT that wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from payonce.store import queries
from payonce.store.database import Tx

ORDERS: Final = queries.load("orders")


class Receipt(NamedTuple):
    """That somebody was answered for an order, and what. `receipt_id` is made outside of the transaction."""

    receipt_id: UUID
    order_id: UUID
    answer: str


def write_receipts(tx: Tx, merchant_id: str, receipts: Sequence[Receipt]) -> None:
    """Write them with the COMMIT."""
    if receipts:
        tx.later(ORDERS.insert_receipts, **_columns(tx, merchant_id, receipts))


def receipt_if_refused(tx: Tx, merchant_id: str, order_id: UUID, receipt_id: UUID) -> None:
    """Let a refusal of this transaction leave only after a COMMIT: a server that was replaced and does not know it
    remembers no order that was placed since, and what it would refuse by that is nobody's answer.
    """
    tx.otherwise(ORDERS.insert_receipts, **_columns(tx, merchant_id, [Receipt(receipt_id, order_id, "refused")]))


def _columns(tx: Tx, merchant_id: str, receipts: Sequence[Receipt]) -> dict[str, Any]:
    receipt_ids, order_ids, answers = (list(column) for column in zip(*receipts, strict=True))
    return {
        "merchant_id": merchant_id, "receipt_ids": receipt_ids, "order_ids": order_ids, "answers": answers,
        "now": tx.now,
    }  # fmt: skip
