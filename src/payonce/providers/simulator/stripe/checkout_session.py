"""A Checkout Session as the simulated Stripe keeps it. It changes nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

# Stripe's bounds of `expires_at`, and what it takes when none is given.
SHORTEST_LIFE: Final = 30 * 60
LONGEST_LIFE: Final = 24 * 60 * 60


@dataclass(slots=True)
class LineItem:
    """One line of what is sold."""

    id: str
    name: str
    description: str | None
    unit_amount: int
    quantity: int
    currency: str

    @property
    def total(self) -> int:
        """Minor units."""
        return self.unit_amount * self.quantity

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it."""
        return {
            "id": self.id,
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": self.total,
            "amount_tax": 0,
            "amount_total": self.total,
            "currency": self.currency,
            "description": self.name,
            "price": {"object": "price", "currency": self.currency, "unit_amount": self.unit_amount},
            "quantity": self.quantity,
        }


@dataclass(slots=True)
class CheckoutSession:
    """`intent_data` waits until the payer confirms; `pays_at_expiry` names a method that wins against the clock."""

    id: str
    created: int
    expires_at: int
    line_items: list[LineItem]
    currency: str
    success_url: str
    cancel_url: str | None
    page_url: str
    status: str = "open"
    payment_status: str = "unpaid"
    payment_intent: str | None = None
    # Only embedded pages have one, and those are not simulated.
    client_secret: str | None = field(default=None)
    client_reference_id: str | None = None
    customer: str | None = None
    customer_email: str | None = None
    locale: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    payment_method_types: list[str] = field(default_factory=lambda: ["card", "us_bank_account"])
    ui_mode: str = "hosted_page"
    intent_data: dict[str, Any] = field(default_factory=dict)
    pays_at_expiry: str | None = None

    @property
    def amount_total(self) -> int:
        """Minor units."""
        return sum(item.total for item in self.line_items)

    def landing_url(self) -> str:
        """Where the payer goes after paying, with the session's id filled in."""
        return self.success_url.replace("{CHECKOUT_SESSION_ID}", quote(self.id))

    def items_shown(self) -> dict[str, Any]:
        """The list that `expand[]=line_items` asks for."""
        rows = [item.shown() for item in self.line_items]
        return {"object": "list", "data": rows, "has_more": False, "url": f"/v1/checkout/sessions/{self.id}/line_items"}

    def shown(self) -> dict[str, Any]:
        """The object as JSON has it. `url` is null once the session is no longer open."""
        details: dict[str, Any] | None = None
        if self.customer_email is not None:
            details = {"address": None, "email": self.customer_email, "name": None, "phone": None, "tax_ids": []}
        return {
            "id": self.id,
            "object": "checkout.session",
            "amount_subtotal": self.amount_total,
            "amount_total": self.amount_total,
            "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "client_secret": self.client_secret,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_details": details,
            "customer_email": self.customer_email,
            "expires_at": self.expires_at,
            "invoice": None,
            "livemode": False,
            "locale": self.locale,
            "metadata": dict(self.metadata),
            "mode": "payment",
            "payment_intent": self.payment_intent,
            "payment_link": None,
            "payment_method_types": list(self.payment_method_types),
            "payment_status": self.payment_status,
            "setup_intent": None,
            "shipping_options": [],
            "status": self.status,
            "subscription": None,
            "success_url": self.success_url,
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "ui_mode": self.ui_mode,
            "url": self.page_url if self.status == "open" else None,
        }
