"""Money on its way back: Refund and Dispute, and the balance transactions that every movement leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

# A dispute is closed in these; the others wait for somebody.
DISPUTE_ENDS: Final = ("won", "lost", "warning_closed", "prevented")
DISPUTE_STARTS: Final = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")


@dataclass(slots=True)
class Refund:
    """`status` is pending, requires_action, succeeded, failed or canceled; it can fail days after it succeeded."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str
    status: str
    reason: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    failure_reason: str | None = None
    # Kept, not shown: what the method behind the charge will do to this refund.
    fails_later: bool = False

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it; a failure shows its reason only once there is one."""
        members = {
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "metadata": dict(self.metadata),
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": self.status,
            "transfer_reversal": None,
        }
        if self.status == "failed":
            failed = {"failure_reason": self.failure_reason}
            members |= failed | {"failure_balance_transaction": self.failure_balance_transaction}
        return members


@dataclass(slots=True)
class Dispute:
    """A payer's bank asks the money back. `transactions` are the ids of what it moved."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str
    status: str
    transactions: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it."""
        return {
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": list(self.transactions),
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {"due_by": None, "has_evidence": False, "past_due": False, "submission_count": 0},
            "is_charge_refundable": self.status.startswith("warning_"),
            "livemode": False,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "status": self.status,
        }


@dataclass(slots=True)
class BalanceTransaction:
    """One movement of the account's balance; `net` is `amount` less `fee`, all signed minor units."""

    id: str
    created: int
    amount: int
    fee: int
    currency: str
    type: str
    reporting_category: str
    source: str
    description: str | None = None

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it."""
        detail = {
            "amount": self.fee,
            "application": None,
            "currency": self.currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
        return {
            "id": self.id,
            "object": "balance_transaction",
            "amount": self.amount,
            "available_on": self.created,
            "created": self.created,
            "currency": self.currency,
            "description": self.description,
            "exchange_rate": None,
            "fee": self.fee,
            "fee_details": [detail] if self.fee else [],
            "net": self.amount - self.fee,
            "reporting_category": self.reporting_category,
            "source": self.source,
            "status": "available",
            "type": self.type,
        }
