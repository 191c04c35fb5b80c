"""Receipts: what is written where an answer changes nothing, so that it leaves only after a COMMIT that wrote."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from payonce.store import queries
from payonce.store.database import Tx

ORDERS: Final = queries.load("orders")


def receipt_if_refused(tx: Tx, merchant_id: str, order_id: UUID, receipt_id: UUID) -> None:
    """Let a refusal of this transaction leave only after a COMMIT: a server that was replaced and does not know it
    remembers no order that was placed since, and what it would refuse by that is nobody's answer.
    """
    tx.otherwise(
        ORDERS.insert_receipt, merchant_id=merchant_id, receipt_id=receipt_id, order_id=order_id, answer="refused",
        now=tx.now,
    )  # fmt: skip
