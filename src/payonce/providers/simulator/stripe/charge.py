"""A Charge: one try to move a payer's money. Made by confirming an intent, never asked for directly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from payonce.providers.simulator.stripe.payment_method import Behaviour


@dataclass(slots=True)
class Charge:
    """`status` is pending, succeeded or failed; amounts are in minor units."""

    id: str
    created: int
    amount: int
    currency: str
    payment_intent: str
    payment_method: str
    behaviour: Behaviour
    status: str = "pending"
    captured: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    balance_transaction: str | None = None
    customer: str | None = None
    description: str | None = None
    disputed: bool = False
    failure_code: str | None = None
    failure_message: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it."""
        succeeded = self.status == "succeeded"
        return {
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount_captured,
            "amount_refunded": self.amount_refunded,
            "balance_transaction": self.balance_transaction,
            "billing_details": {"address": None, "email": None, "name": None, "phone": None},
            "captured": self.captured,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "disputed": self.disputed,
            "failure_code": self.failure_code,
            "failure_message": self.failure_message,
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(self.metadata),
            "outcome": self._outcome(),
            "paid": succeeded,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "payment_method_details": {
                "type": self.behaviour.type,
                self.behaviour.type: {"last4": self.behaviour.last4},
            },
            "receipt_email": None,
            "receipt_url": None,
            "refunded": succeeded and self.amount_captured > 0 and self.amount_refunded >= self.amount_captured,
            "review": None,
            "status": self.status,
        }

    def _outcome(self) -> dict[str, Any] | None:
        if self.status == "failed":
            kind, message = "issuer_declined", "The bank did not return any further details with this decline."
            return {"network_status": "declined_by_network", "seller_message": message, "type": kind}
        if self.status == "succeeded":
            message = "Payment complete."
            return {"network_status": "approved_by_network", "seller_message": message, "type": "authorized"}
        return None
