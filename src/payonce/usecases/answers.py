"""What use cases answer with: plain values that an edge renders and counts. Expected outcomes are values, not
errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

Payment = Literal["none", "open", "requires_action", "processing", "paid", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class Counters:
    """Charged: captured provider payments, gross. Recorded: settlements. Fulfilled: accepted deliveries of the
    fulfilment kind that was delivered most often. Each is 0 or 1 for an order without trouble."""

    charged: int
    recorded: int
    fulfilled: int


@dataclass(frozen=True, slots=True)
class EffectView:
    """One effect as a status shows it."""

    id: UUID
    kind: str
    occasion: str
    nature: str
    state: str
    tries: int
    done_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ShareView:
    """What a payee is to get of an order, and what became of it. `state` is None until the order is paid."""

    payee: str
    amount_minor: int
    state: str | None
    held_because: str | None
    left_minor: int
    payout_number: int | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt as an order shows it; never with its secret."""

    id: UUID
    number: int
    provider: str
    account: str
    flow: str
    state: str
    amount_minor: int
    provider_ref: str | None
    created_at: datetime
    decline: str | None
    expires_at: datetime | None
    # Its provider cannot cancel it: the payer may leave it by saying expressly that nothing was sent.
    can_leave: bool


@dataclass(frozen=True, slots=True)
class ItemView:
    """What an order asks for of an item of stock: wanted, held, sold or returned."""

    sku: str
    quantity: int
    state: str


@dataclass(frozen=True, slots=True)
class RefundView:
    """One refund of ours: which money it sends back, who asked for it, and how far it is."""

    id: UUID
    order_id: UUID
    attempt_id: UUID
    provider: str
    account: str
    capture_kind: str
    capture_ref: str
    serves: str
    state: str
    amount_minor: int
    currency: str
    reason: str
    asked_by: str
    provider_ref: str | None
    decline: str | None
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class PaymentView:
    """Money of one provider object: what came, what of it serves the order, and what is decided to be surplus.

    What is neither awaits a decision. `paid_in_…`: what the payer really sent, and the rule by which it counts.
    """

    provider: str
    account: str
    kind: str
    ref: str
    currency: str
    captured_minor: int
    allocated_minor: int
    surplus_minor: int
    is_confirmed: bool
    captured_at: datetime
    paid_in_asset: str | None
    paid_in_amount: Decimal | None
    paid_in_rule: str | None

    @property
    def held_minor(self) -> int:
        return self.captured_minor - self.allocated_minor - self.surplus_minor


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with all that answers "what happened to it"; the edge turns ids and tokens into text and links."""

    id: UUID
    merchant_id: str
    reference: str
    purpose: str
    payer_reference: str
    state: str
    payment: Payment
    amount_minor: int
    currency: str
    received_minor: int
    allocated_minor: int
    refunded_minor: int
    disputed_minor: int
    counters: Counters
    token: str
    success_url: str
    cancel_url: str
    metadata: Mapping[str, Any]
    created_at: datetime
    opened_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None
    closed_reason: str | None
    released_at: datetime | None
    paid_by: str | None
    under_review: bool
    version: int
    effects: tuple[EffectView, ...] = ()
    attempts: tuple[AttemptView, ...] = ()
    findings: tuple[str, ...] = ()
    items: tuple[ItemView, ...] = ()
    refunds: tuple[RefundView, ...] = ()
    payments: tuple[PaymentView, ...] = ()
    payouts: tuple[ShareView, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """An order was placed, or the existing one found (`existing`) or opened again (`reopened`)."""

    order: OrderView
    existing: bool
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payable attempt: 201 when `outcome` is new or replaced, 200 when reused."""

    order_id: UUID
    attempt_id: UUID
    flow: str
    client_secret: str | None = field(repr=False)
    url: str | None
    provider: str
    provider_ref: str | None
    outcome: Literal["new", "reused", "replaced"]
    expires_at: datetime | None
    account: str
    # The attempt's number within its order.
    number: int
    # What a payer needs for a transfer by other means: `address`, `amount` (a decimal in plain digits), `asset`,
    # `network`, `memo`, as far as there are any. None: it is paid on a page.
    instructions: Mapping[str, str] | None
    # Its provider cannot cancel it: to pay another way, the payer says expressly that nothing was sent.
    can_leave: bool
    # Why it is another way to pay than the one that was asked for, and what to do, in words; empty where it is not.
    hint: str = ""

    @property
    def reused(self) -> bool:
        return self.outcome == "reused"


@dataclass(frozen=True, slots=True)
class AlreadyPaid:
    """409 `order_paid`: when and how; `refunded` where the money was wholly returned and the order released."""

    order_id: UUID
    paid_at: datetime
    paid_by: str | None
    refunded: bool


@dataclass(frozen=True, slots=True)
class InProgress:
    """202: nothing may be started now. `reason`: processing, payment_under_review, or closing_predecessor."""

    order_id: UUID
    reason: Literal["processing", "payment_under_review", "closing_predecessor"]
    retry_after_seconds: float


@dataclass(frozen=True, slots=True)
class Gone:
    """410: cancelled by the merchant, or its place was taken; it will not be payable again."""

    order_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Silent:
    """503: the provider does not answer (`provider_silent`), or another click's call takes long (`checkout_busy`)."""

    order_id: UUID
    reason: Literal["provider_silent", "checkout_busy"]
    retry_after_seconds: float


@dataclass(frozen=True, slots=True)
class ProviderRefused:
    """The provider said no to the create; nothing was made there. `retry_after_seconds` where it may say yes later."""

    order_id: UUID
    code: str
    message: str
    retry_after_seconds: float | None


CheckoutAnswer = Checkout | AlreadyPaid | InProgress | Gone | Silent | ProviderRefused


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one delivered webhook. `verdict` decides the answer; the rest is for logs and counters."""

    verdict: Literal["accepted", "duplicate", "forged", "retry"]
    provider: str
    type: str
    outcome: str
    reason: str
    event_id: UUID | None = None
    order_id: UUID | None = None
    attempt_id: UUID | None = None
    lag_seconds: float | None = None
    # Whose secret verified it; empty where none did.
    account: str = ""
