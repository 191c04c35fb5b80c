"""A refund of ours: money of a capture that we send back. Its states; what it may say of itself.

The row comes before the call, and its id is the provider's key, so that one row sends money back once. A refund that
the provider failed, even days after it succeeded, is followed by a new row and never sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from payonce.domain.arrow import Arrow, Machine
from payonce.domain.attempt import LONGEST_LEASE
from payonce.domain.observation import RefKey

STATES: Final = ("planned", "due", "sending", "in_doubt", "sent", "succeeded", "failed", "cancelled")
EVENTS: Final = (
    "too_large", "approved", "begun", "unanswered", "put_back", "accepted", "succeeded", "failed", "cancelled",
)  # fmt: skip
# The money may be on its way, or is there: it counts against what is left of the capture.
COUNTS: Final = frozenset({"planned", "due", "sending", "in_doubt", "sent", "succeeded"})
# It left our hands, so that the ledger shows it as on its way.
STAGED: Final = frozenset({"sending", "in_doubt", "sent", "succeeded"})
# Not sent yet: it can be taken back by a word of ours.
UNSENT: Final = frozenset({"planned", "due"})
# What begins the word about a refund that the provider tells of although we had called it failed or taken it back.
AFTER_ALL: Final = "after all: "
# What begins the reason of a refund that a person cancelled: the policy writes no other one for that money.
SAID_NO: Final = "said no: "
# Sent, and not known to have ended.
UNDER_WAY: Final = frozenset({"sending", "in_doubt", "sent"})

_SUCCEEDED = tuple(
    Arrow(state, "succeeded", "succeeded", "the provider says that the money went back, whatever we thought of it")
    for state in ("planned", "due", "sending", "in_doubt", "sent", "failed", "cancelled")
)
_ACCEPTED = tuple(
    Arrow(state, "accepted", "sent", "the provider took it and goes on by itself; it is followed until it ends")
    for state in ("planned", "due", "sending", "in_doubt", "failed", "cancelled")
)

MACHINE: Final = Machine(
    "refund",
    STATES,
    EVENTS,
    (
        # Above what may go back by itself: it waits for a person's approval.
        Arrow("due", "too_large", "planned", "it is above what may go back by itself and waits for approval"),
        Arrow("planned", "approved", "due", "a person approved the plan that names it"),
        # The worker read the captures, found the money still free, and stored the exact request.
        Arrow("due", "begun", "sending", "its request is stored and goes out after this commit"),
        Arrow("in_doubt", "begun", "sending", "the same request goes out again while its key lives"),
        # Time-out, dropped connection, 5xx: it may have happened.
        Arrow("sending", "unanswered", "in_doubt", "the request was sent and its answer is not known"),
        # A clear word that nothing happened and that the same request can succeed later.
        Arrow("sending", "put_back", "due", "the provider took nothing for now; it is sent again later"),
        *_ACCEPTED,
        *_SUCCEEDED,
        Arrow("due", "failed", "failed", "the provider refused it, or says that it failed"),
        Arrow("planned", "failed", "failed", "the provider says that it failed"),
        Arrow("sending", "failed", "failed", "the provider refused it, or says that it failed"),
        Arrow("in_doubt", "failed", "failed", "the provider says that it failed"),
        Arrow("sent", "failed", "failed", "the provider says that it failed"),
        # Days later the bank can send the money back to the provider.
        Arrow("succeeded", "failed", "failed", "the payer's bank sent the money back after it had arrived"),
        Arrow("due", "cancelled", "cancelled", "less is left to send back than it asks, or the money serves an order"),
        Arrow("planned", "cancelled", "cancelled", "less is left to send back than it asks, or a person said no"),
    ),
)

# Whether it returns money that serves nothing, or the money that pays its order.
Serves = Literal["surplus", "order"]
# Who asked, where no person did.
POLICY: Final = "policy"


@dataclass(slots=True)
class Refund:
    """A working copy of a refund's row, locked with its order; `record` writes it back. Amounts are minor units.

    `staged_minor` is what the ledger shows as on its way. `ref_kind` and `ref` are the provider's, once known.
    """

    id: UUID
    order_id: UUID
    attempt_id: UUID
    capture: RefKey
    serves: Serves
    state: str
    amount_minor: int
    currency: str
    reason: str
    asked_by: str
    staged_minor: int
    ref_kind: str | None
    ref: str | None
    fence: int
    lease_until: datetime | None
    due_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    asked_at: datetime | None
    ended_at: datetime | None
    decline: str | None
    version: int
    is_new: bool = False

    @property
    def is_automatic(self) -> bool:
        return self.asked_by == POLICY

    @property
    def is_ours_to_count(self) -> bool:
        """Whether it counts in what our refunds ask or took, which never exceeds what came. One that arrived after all,
        when another one of the same money may be under way, does not: it is true, and no decision of ours.
        """
        return self.state in COUNTS and not (self.decline or "").startswith(AFTER_ALL)

    def is_leased(self, now: datetime) -> bool:
        """Whether somebody is sending it, or asking about it, at this moment."""
        return self.lease_until is not None and now < self.lease_until <= now + LONGEST_LEASE
