"""A PaymentIntent as the simulated Stripe keeps it, and as it looks on the wire. It changes nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

CANCELABLE: Final = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
# A payer who has the page or the secret can still bring these to a capture.
PAYABLE: Final = CONFIRMABLE


@dataclass(slots=True)
class PaymentIntent:
    """`session` is the Checkout Session that it belongs to and is never shown; amounts are in minor units."""

    id: str
    created: int
    amount: int
    currency: str
    client_secret: str = field(default="")
    status: str = "requires_payment_method"
    metadata: dict[str, str] = field(default_factory=dict)
    capture_method: str = "automatic_async"
    automatic_payment_methods: dict[str, Any] | None = None
    payment_method_types: list[str] = field(default_factory=lambda: ["card", "us_bank_account"])
    payment_method: str | None = None
    customer: str | None = None
    description: str | None = None
    receipt_email: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    setup_future_usage: str | None = None
    amount_received: int = 0
    amount_capturable: int = 0
    latest_charge: str | None = None
    last_payment_error: dict[str, Any] | None = None
    next_action: dict[str, Any] | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    session: str | None = None

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it; nothing in it changes when the intent does."""
        return {
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": self.amount_capturable,
            "amount_details": {"tip": {}},
            "amount_received": self.amount_received,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": self.automatic_payment_methods,
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": self.capture_method,
            "client_secret": self.client_secret,
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "last_payment_error": self.last_payment_error,
            "latest_charge": self.latest_charge,
            "livemode": False,
            "metadata": dict(self.metadata),
            "next_action": self.next_action,
            "on_behalf_of": None,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": None,
            "payment_method_options": {},
            "payment_method_types": list(self.payment_method_types),
            "processing": None,
            "receipt_email": self.receipt_email,
            "review": None,
            "setup_future_usage": self.setup_future_usage,
            "shipping": None,
            "source": None,
            "statement_descriptor": self.statement_descriptor,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": self.status,
            "transfer_data": None,
            "transfer_group": None,
        }
