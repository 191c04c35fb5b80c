"""Refunds at work: which are due, the request that each was stored with, and what of a day's limit is left.

Their rows are loaded and recorded with the book of their purpose (`books`); here is what only sending needs.
"""

from __future__ import annotations

from datetime import UTC
from typing import Final

from payonce.base.errors import Bug
from payonce.domain.refund import Refund
from payonce.providers.contract import Call
from payonce.store import queries
from payonce.store.database import Tx

REFUNDS: Final = queries.load("refunds")


async def stored_call(tx: Tx, merchant_id: str, refund: Refund) -> Call | None:
    """The request of a refund as it was stored before its first sending, byte for byte; None: it was never begun."""
    row = await tx.one(REFUNDS.refund_request, merchant_id=merchant_id, refund_id=refund.id)
    if row is None:
        raise Bug("a refund vanished under its lock")
    if row.request_body is None:
        return None
    key, body = row.request_key or None, bytes(row.request_body)
    return Call("refund", row.request_method, row.request_path, body, key, row.request_version)


def store_call(tx: Tx, merchant_id: str, refund: Refund, call: Call) -> None:
    """Store the exact request with the COMMIT, before anybody is called."""
    tx.later(
        REFUNDS.store_refund_request, merchant_id=merchant_id, refund_id=refund.id, method=call.method, path=call.path,
        body=call.body, key=call.idempotency_key or "", version=call.api_version,
    )  # fmt: skip


async def take_of_the_day(tx: Tx, merchant_id: str, refund: Refund, limit_minor: int) -> bool:
    """Count the refund against the limit of this day (UTC) and its currency. False: it does not fit any more."""
    row = await tx.one(
        REFUNDS.take_of_the_day, merchant_id=merchant_id, day=tx.now.astimezone(UTC).date(), currency=refund.currency,
        amount_minor=refund.amount_minor, limit_minor=limit_minor,
    )  # fmt: skip
    return row is not None
