"""A Checkout Session's status: its own word, and that of its payment intent where a read brought the intent along.

Without the intent (events carry only its id) a complete but unpaid session is pending: only a read proves that its
payment failed. A pair without a row is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from payonce.domain.observation import PaymentStatus

# Row: the session's status, its intent's status.
WITH_INTENT: Final[Mapping[tuple[str, str], PaymentStatus]] = {
    # The page is open: the payer can act, whatever became of the last method.
    ("open", "requires_payment_method"): "open",
    ("open", "requires_confirmation"): "open",
    ("open", "requires_action"): "action",
    ("open", "processing"): "pending",
    ("open", "requires_capture"): "action",
    # The page can still be paid, by another intent.
    ("open", "canceled"): "open",
    # The money came in, and the session lags behind.
    ("open", "succeeded"): "paid",
    # The page takes no other method and nothing is at work, so the payment failed for good: proven dead.
    ("complete", "requires_payment_method"): "failed",
    ("complete", "canceled"): "closed",
    # A voucher or a transfer: complete for the page, and the payer pays it within days.
    ("complete", "requires_action"): "pending",
    ("complete", "processing"): "pending",
    # Authorised and not captured: see `objects.INTENT_STATUS`.
    ("complete", "requires_capture"): "action",
    ("complete", "succeeded"): "paid",
    # Nobody can pay it any more, unless somebody just did.
    ("expired", "requires_payment_method"): "closed",
    ("expired", "requires_confirmation"): "closed",
    ("expired", "canceled"): "closed",
    # What is at work outlives the page; Stripe cancels such an intent, and a later read shows that.
    ("expired", "requires_action"): "pending",
    ("expired", "processing"): "pending",
    ("expired", "requires_capture"): "action",
    ("expired", "succeeded"): "paid",
}

# Row: the session's status, its `payment_status`.
WITHOUT_INTENT: Final[Mapping[tuple[str, str], PaymentStatus]] = {
    ("open", "unpaid"): "open",
    # Normal for delayed methods.
    ("complete", "unpaid"): "pending",
    ("complete", "paid"): "paid",
    ("expired", "unpaid"): "closed",
}


def session_status(session: Mapping[str, Any], intent: Mapping[str, Any] | None) -> PaymentStatus:
    """The row of the session; `intent` is its payment intent, if expanded.

    `no_payment_required` has no row: payonce never asks a provider for nothing (D16), so somebody gave a discount, and
    a person must look.
    """
    stage = str(session.get("status"))
    if intent is not None:
        return WITH_INTENT.get((stage, str(intent.get("status"))), "unknown")
    return WITHOUT_INTENT.get((stage, str(session.get("payment_status"))), "unknown")
