"""An attempt: one try to collect an order through a provider. Its states; which of them are live.

A decline leaves an attempt open, because the same object can still succeed. No clock of ours fails an attempt. From
every state a capture leads to `paid`: money is never refused by a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from payonce.domain.arrow import Arrow, Machine

STATES: Final = ("creating", "open", "pending", "closing", "in_doubt", "paid", "failed", "closed", "abandoned")
LIVE: Final = frozenset({"creating", "open", "pending", "closing", "in_doubt"})
DEAD: Final = frozenset({"failed", "closed"})
# No lease lasts longer. One that seems to was taken by a host whose clock is ahead, and keeps nobody out here.
LONGEST_LEASE: Final = timedelta(minutes=1)

# The first eight are statuses that a provider's object is seen in (`observation.PAYMENT_STATUSES`); the others are
# ours.
EVENTS: Final = (
    "open", "action", "asks_again", "pending", "paid", "failed", "closed", "unknown",
    "created", "refused", "unanswered", "close_wanted", "abandoned", "served_elsewhere",
)  # fmt: skip

_CAPTURED = tuple(
    Arrow(state, "paid", "paid", "captured money is posted whatever we thought of the attempt") for state in STATES
)

MACHINE: Final = Machine(
    "attempt",
    STATES,
    EVENTS,
    (
        *_CAPTURED,
        # The provider answered the create, and the handle is recorded.
        Arrow("creating", "created", "open", "the provider made the object and its handle is recorded"),
        Arrow("in_doubt", "created", "open", "a repeat or a read gave the handle of the object after all"),
        # A clear no: nothing was made, so nothing can be paid.
        Arrow("creating", "refused", "failed", "the provider said clearly that nothing was made"),
        Arrow("in_doubt", "refused", "failed", "the provider said clearly that nothing was made"),
        # Time-out, dropped connection, 5xx: it may exist.
        Arrow("creating", "unanswered", "in_doubt", "the create was sent and its answer is not known"),
        # A delayed method was used; the outcome takes days.
        Arrow(
            "creating", "pending", "pending", "the payer's method takes its time; seen before the answer was recorded"
        ),
        Arrow("in_doubt", "pending", "pending", "the payer's method takes its time"),
        Arrow("open", "pending", "pending", "the payer's method takes its time"),
        Arrow("closing", "pending", "pending", "the provider refuses to close it while a payment is processing"),
        # The method failed and the same object waits for another one.
        Arrow("pending", "asks_again", "open", "the payment failed and the same object can still be paid"),
        # Terminal at the provider without money.
        Arrow("creating", "failed", "failed", "terminal at the provider, unpaid"),
        Arrow("in_doubt", "failed", "failed", "terminal at the provider, unpaid"),
        Arrow("open", "failed", "failed", "terminal at the provider, unpaid"),
        Arrow(
            "pending", "failed", "closed", "its session is complete and a read shows the payment failed: proven dead"
        ),
        Arrow("closing", "failed", "closed", "terminal at the provider, unpaid, as we wished"),
        Arrow("abandoned", "failed", "closed", "the abandoned object is terminal at the provider: proven dead"),
        Arrow("creating", "closed", "closed", "the provider says it cannot be paid any more"),
        Arrow("in_doubt", "closed", "closed", "the provider says it cannot be paid any more"),
        Arrow("open", "closed", "closed", "expired or cancelled at the provider"),
        Arrow("pending", "closed", "closed", "cancelled at the provider while it was processing"),
        Arrow("closing", "closed", "closed", "closed at the provider, as we wished"),
        Arrow("abandoned", "closed", "closed", "the abandoned object is closed at the provider: proven dead"),
        # We want it unpayable: stale, superseded, its order paid or cancelled.
        Arrow("open", "close_wanted", "closing", "it is to be closed at the provider first, and only then here"),
        # Its handle was never disclosed and cannot be had any more; or the payer left it expressly.
        Arrow("creating", "abandoned", "abandoned", "nobody ever got its handle and nothing can give it any more"),
        Arrow("in_doubt", "abandoned", "abandoned", "nobody ever got its handle and nothing can give it any more"),
        Arrow("open", "abandoned", "abandoned", "no cancel there: its payer says nothing was sent, or never got it"),
        # Imported rows: the payment of another order, which is paid by it (A2). Nothing can be paid by it once more.
        Arrow("open", "served_elsewhere", "closed", "its object is the payment of another order that is paid by it"),
        Arrow("pending", "served_elsewhere", "closed", "its object is the payment of another order that is paid by it"),
        Arrow("closing", "served_elsewhere", "closed", "its object is the payment of another order that is paid by it"),
    ),
)


@dataclass(slots=True)
class Attempt:
    """A working copy of an attempt's row, locked; `record` writes it back when it changed. Amounts are minor units.

    `fence` rises with every lease, so that an answer that comes after its lease was given to another changes nothing.
    `close_because` says that the attempt shall not be paid any more; a pending one is closed as soon as it can be.
    """

    id: UUID
    order_id: UUID
    purpose: str
    number: int
    provider: str
    account: str
    flow: str
    state: str
    amount_minor: int
    currency: str
    fence: int
    lease_until: datetime | None
    handle_kind: str | None
    handle_ref: str | None
    url: str | None
    client_secret: str | None
    expires_at: datetime | None
    disclosed_at: datetime | None
    consent_at: datetime | None
    close_because: str | None
    decline: str | None
    needs_action: bool
    created_at: datetime
    opened_at: datetime | None
    sent_at: datetime | None
    asked_at: datetime | None
    # What a payer needs for a transfer by other means (address, amount, asset, memo); None: paid on a page.
    instructions: Mapping[str, str] | None
    version: int
    # When its provider last answered about it and it was not paid: what is paid later was not so before.
    seen_at: datetime | None = None
    # Since when it is to be closed at its provider.
    closing_since: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    def is_leased(self, now: datetime) -> bool:
        """Whether somebody is calling the provider for it at this moment."""
        return self.lease_until is not None and now < self.lease_until <= now + LONGEST_LEASE
