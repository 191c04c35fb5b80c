"""An order: what a payer owes for one purpose. Its states, and when its purpose is free. Knows nothing of providers.

Amount, currency, payer and purpose never change: another amount is another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.domain.arrow import Arrow, Machine

STATES: Final = ("waiting", "open", "paid", "closed")
EVENTS: Final = ("placed", "promoted", "covered", "closed", "duplicated", "reopened")

MACHINE: Final = Machine(
    "order",
    STATES,
    EVENTS,
    (
        # Its predecessor is proven unpayable and closed, so the purpose is its own now.
        Arrow("waiting", "promoted", "open", "its predecessor is closed, so it holds the purpose"),
        # Its predecessor was paid after all, it was cancelled, superseded, or its stock was gone.
        Arrow("waiting", "closed", "closed", "it will never hold the purpose"),
        # Captures allocated to it reach its amount; an amount of zero is covered at once.
        Arrow("open", "covered", "paid", "the money allocated to it equals its amount"),
        # Nothing of it can be paid any more, or its provider cannot cancel and what still comes is watched.
        Arrow("open", "closed", "closed", "it expired, was cancelled or superseded, and no attempt of it is live"),
        # A sibling that shares its payment, its purpose or its payer is paid already (A2): nothing is owed for it.
        Arrow("open", "duplicated", "closed", "a sibling of it is paid already, so it is closed and nobody is told"),
        Arrow("waiting", "duplicated", "closed", "a sibling of it is paid already, so it is closed and nobody is told"),
        # Its payer comes back, it merely expired, and the purpose is free.
        Arrow("closed", "reopened", "open", "its payer came back to an order that merely expired"),
        # A late payment of an order whose purpose is free settles it (X6).
        Arrow("closed", "covered", "paid", "a late payment covers it and its purpose is free"),
    ),
)

# Why an order was closed. Only one that merely expired may be opened again by its payer.
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
SUPERSEDED: Final = "superseded"
PURPOSE_PAID: Final = "purpose_paid"
SOLD_OUT: Final = "sold_out"
DUPLICATE: Final = "duplicate"
CLOSED_REASONS: Final = (EXPIRED, CANCELLED, SUPERSEDED, PURPOSE_PAID, SOLD_OUT, DUPLICATE)


@dataclass(slots=True)
class Order:
    """A working copy of an order's row, locked; `record` writes it back when it changed. Amounts are minor units."""

    id: UUID
    reference: str
    purpose: str
    payer_reference: str
    state: str
    amount_minor: int
    currency: str
    received_minor: int
    allocated_minor: int
    refunded_minor: int
    disputed_minor: int
    token: str
    created_at: datetime
    opened_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None
    closed_reason: str | None
    close_because: str | None
    released_at: datetime | None
    version: int
    # Whether it asks for stock; without, none is looked for.
    has_items: bool = False

    @property
    def holds_purpose(self) -> bool:
        """Whether no other order of the purpose may be open or paid beside it."""
        return self.state == "open" or (self.state == "paid" and self.released_at is None)

    @property
    def missing_minor(self) -> int:
        """What is still to be allocated until the order is paid."""
        return self.amount_minor - self.allocated_minor

    @property
    def payable_again(self) -> bool:
        """Whether its payer may open it again: it merely expired, and nobody wants it closed for another reason."""
        return self.state == "closed" and self.closed_reason == EXPIRED
