"""What refunds and disputes say, in our words. Both are objects of their own, with their own lives.

A status without a row is `unknown`. An object that is not as documented raises Surprise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from payonce.domain.observation import DisputeSeen, DisputeStatus, Ref, RefundSeen, RefundStatus
from payonce.providers.stripe.marks import attempt_of, capture_of, refund_of
from payonce.providers.stripe.wire import currency_of, from_wire, mapping, name, word

REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {
    "pending": "pending",
    # The payer must give an account to send it to.
    "requires_action": "pending",
    "succeeded": "succeeded",
    # Can follow `succeeded` days later: the bank sent it back.
    "failed": "failed",
    # Nothing was returned, and nothing will be.
    "canceled": "failed",
}

DISPUTE_STATUS: Final[Mapping[str, DisputeStatus]] = {
    # An inquiry: no money has moved.
    "warning_needs_response": "warning",
    "warning_under_review": "warning",
    # The inquiry ended without a dispute: no money has moved, and nothing holds a refund up any more.
    "warning_closed": "ended",
    # The money is with the bank until it decides.
    "needs_response": "open",
    "under_review": "open",
    # An appeal against a lost dispute: the money is still with the bank.
    "appeal_needs_response": "open",
    "appeal_under_review": "open",
    "won": "won",
    "lost": "lost",
    # Blocked before it began (no money moved) or resolved by giving the money back: `_prevented` looks which.
    "prevented": "unknown",
}


def read_refund(refund: Mapping[str, Any]) -> RefundSeen:
    """A refund, of whoever asked for it."""
    currency = currency_of(refund.get("currency"))
    return RefundSeen(
        ref=Ref("refund", name(refund.get("id"), "the id of a refund")),
        status=REFUND_STATUS.get(str(refund.get("status")), "unknown"),
        capture=capture_of(refund),
        amount_minor=from_wire(refund.get("amount"), currency),
        currency=currency,
        attempt_id=attempt_of(refund),
        refund_id=refund_of(refund),
        reason=word(refund.get("failure_reason")),
    )


def read_dispute(dispute: Mapping[str, Any]) -> DisputeSeen:
    """A dispute. From `open` on the money is with the bank."""
    currency = currency_of(dispute.get("currency"))
    status = str(dispute.get("status"))
    return DisputeSeen(
        ref=Ref("dispute", name(dispute.get("id"), "the id of a dispute")),
        status=_prevented(dispute) if status == "prevented" else DISPUTE_STATUS.get(status, "unknown"),
        capture=capture_of(dispute),
        amount_minor=from_wire(dispute.get("amount"), currency),
        currency=currency,
        attempt_id=attempt_of(dispute),
    )


def _prevented(dispute: Mapping[str, Any]) -> DisputeStatus:
    """Whether the money of a prevented dispute left: by the sum of what the dispute did to the balance."""
    moves = dispute.get("balance_transactions")
    amounts = [mapping(move).get("amount") for move in moves] if isinstance(moves, list) else [None]
    whole = [amount for amount in amounts if isinstance(amount, int)]
    if len(whole) != len(amounts):
        return DISPUTE_STATUS["prevented"]
    return "lost" if sum(whole) < 0 else "ended"
