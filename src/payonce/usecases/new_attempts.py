"""New attempts: stored with the exact bytes of their requests before anybody is called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from payonce.domain.attempt import Attempt
from payonce.providers.contract import Call
from payonce.store import queries
from payonce.store.database import Tx

ORDERS: Final = queries.load("orders")


class NewAttempt(NamedTuple):
    """An attempt with the request that makes it, and until when it is watched after its end."""

    attempt: Attempt
    call: Call
    watch_until: datetime | None


def write_new_attempts(tx: Tx, merchant_id: str, new: Sequence[NewAttempt]) -> None:
    """Store them with the COMMIT, in one statement."""
    if not new:
        return
    attempts, calls = [each.attempt for each in new], [each.call for each in new]
    tx.later(
        ORDERS.insert_attempts, merchant_id=merchant_id, now=tx.now,
        attempt_ids=[a.id for a in attempts], order_ids=[a.order_id for a in attempts],
        purposes=[a.purpose for a in attempts], numbers=[a.number for a in attempts],
        providers=[a.provider for a in attempts], accounts=[a.account for a in attempts],
        flows=[a.flow for a in attempts], amounts=[a.amount_minor for a in attempts],
        currencies=[a.currency for a in attempts], methods=[call.method for call in calls],
        paths=[call.path for call in calls], bodies=[call.body for call in calls],
        keys=[call.idempotency_key or "" for call in calls], versions=[call.api_version for call in calls],
        fences=[a.fence for a in attempts], leases=[a.lease_until for a in attempts],
        expires=[a.expires_at for a in attempts],
        handle_kinds=[a.handle_kind for a in attempts], handle_refs=[a.handle_ref for a in attempts],
        watches=[each.watch_until for each in new],
    )  # fmt: skip
