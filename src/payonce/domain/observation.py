"""What we learnt of a provider's object, whichever way: webhook, poll, backfill or the answer of a call.

An observation is a statement about one object at the provider ("this intent has succeeded with 135 USD"). Observations
are joined, not replayed: joining the same ones in any order and any number of times ends with the same sums. Nothing
here decides what follows from one; `settling` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

# What a payment's object is like, in our words. `asks_again`: after a decline or a failed method it wants another one;
# `failed` and `closed` are terminal at the provider; a status that we do not know is `unknown`, never failed.
PaymentStatus = Literal["open", "action", "asks_again", "pending", "paid", "failed", "closed", "unknown"]
PAYMENT_STATUSES: Final[tuple[PaymentStatus, ...]] = (
    "open", "action", "asks_again", "pending", "paid", "failed", "closed", "unknown",
)  # fmt: skip

# Refunds and disputes are objects of their own. A refund can go from succeeded to failed, days later.
RefundStatus = Literal["pending", "succeeded", "failed", "unknown"]
# A dispute can begin as an inquiry (`warning`) that moves no money, and end as one (`ended`).
DisputeStatus = Literal["warning", "ended", "open", "lost", "won", "unknown"]

# How a payer pays at a provider. It is the kind of the provider's object that the payer is given (`payment_intent`,
# `checkout_session`, `order`, `invoice`, …); an adapter says which ones it knows.
Flow = str

Source = Literal["webhook", "poll", "backfill", "answer"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A provider's name for one of its objects: kind (`payment_intent`, `checkout_session`, …) and id."""

    kind: str
    id: str


class RefKey(NamedTuple):
    """A provider's object: which provider, which account, kind and id."""

    provider: str
    account: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class PaidIn:
    """What a payer really sent, where that is no ISO currency: kept beside the money, never added to it.

    `asset` is the coin with its network as the provider writes it (`usdttrc20`); `amount` a decimal in plain digits;
    `rule` names the rule that turned it into minor units of the order's currency.
    """

    asset: str
    amount: str
    rule: str


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A payment's object as seen: status, and how much it has brought in so far.

    `captured_minor` is cumulative and belongs to `capture`, the object that money is counted by (Stripe: the payment
    intent; a session has none before it is confirmed, and brings nothing then). One attempt may have several captures
    (a repeated deposit is an object of its own: `parent` names the one that it follows, which may be the only thing
    that says whose it is).
    """

    ref: Ref
    status: PaymentStatus
    attempt_id: UUID | None
    capture: Ref | None = None
    captured_minor: int = 0
    amount_minor: int | None = None
    currency: str | None = None
    related: tuple[Ref, ...] = ()
    reason: str = ""
    parent: Ref | None = None
    paid_in: PaidIn | None = None
    # When the money came, where the object says so: what is old is not told to people any more (A5).
    happened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund as seen: `capture` is the payment it returns money of.

    `refund_id` is ours, where the provider carries it back: then this is the echo of what we asked for.
    """

    ref: Ref
    status: RefundStatus
    capture: Ref
    amount_minor: int
    currency: str
    attempt_id: UUID | None = None
    refund_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DisputeSeen:
    """A dispute as seen: from `open` on the provider has taken the money back; `won` gives it again."""

    ref: Ref
    status: DisputeStatus
    capture: Ref
    amount_minor: int
    currency: str
    attempt_id: UUID | None = None


Seen = PaymentSeen | RefundSeen | DisputeSeen


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing seen, by which account, on which way. `is_read`: the object itself was asked for, so it is the
    present; an event is a snapshot, and a list can lag behind.

    `live_mode` is what the object itself says; it must agree with the account that the endpoint belongs to.
    """

    provider: str
    account: str
    source: Source
    seen: Seen
    live_mode: bool

    @property
    def is_read(self) -> bool:
        return self.source in ("poll", "answer")
