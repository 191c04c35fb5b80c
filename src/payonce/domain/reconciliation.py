"""Reconciliation: a provider's own money records against what we recorded, day by day, object by object.

An object is a payment, a refund or a dispute, by the name that the provider gives it. A record is one movement in the
provider's books; several can be about one object (a refund and its failure). What is compared is the sum of an object's
records with what we hold of it now. Nothing here decides what follows: it names the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from uuid import UUID

from payonce.domain.observation import Ref

# What a record is about. `other`: fees, payouts and the like, which no order knows; they count in the sums only.
Nature = Literal["charge", "refund", "dispute", "other"]
NATURES: Final[tuple[Nature, ...]] = ("charge", "refund", "dispute", "other")

# What an object is that is not matched. `timing`: too near to the edge of what was read to be called anything else.
LineClass = Literal["differs", "only_there", "only_here", "duplicate", "timing"]
LINE_CLASSES: Final[tuple[LineClass, ...]] = ("differs", "only_there", "only_here", "duplicate", "timing")

# What is not there an hour after it moved is missing: scans that settle what webhooks lost run every 15 minutes (C15).
EDGE: Final = timedelta(hours=1)
# A window is read this much beyond both ends, so that what stands on our side of midnight is found on the other one.
OVERLAP: Final = timedelta(hours=2)
# Statuses of refunds and disputes whose money is on its way; which of both sides says so first is chance.
UNDECIDED: Final = frozenset({"pending", "unknown", "warning"})


@dataclass(frozen=True, slots=True)
class MoneyRecord:
    """One movement in a provider's books.

    `amount_minor` (signed) and `fee_minor` are in the currency that the provider settles in; `object_minor` (signed) is
    what the payer was charged or got back, in the currency of the order. `capture`: the payment that a refund or a
    dispute is about.
    """

    ref: str
    nature: Nature
    kind: str
    occurred_at: datetime
    amount_minor: int
    fee_minor: int
    currency: str
    object: Ref | None = None
    object_minor: int = 0
    object_currency: str | None = None
    capture: Ref | None = None
    attempt_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class MoneySource:
    """Where an account's money records come from, and what a day is there.

    `by` list: the provider is asked. `file`: somebody brings its settlement file. `hours_ahead`: how much the
    provider's midnight is before that of UTC; fixed, because no provider's day here has summer time. `look_back`: how
    long before it moved a payment can have been made, for lists by the time of making. `pages_shift`: pages are
    numbered, so that a row can move from one to the next while they are read.
    """

    by: Literal["list", "file"]
    hours_ahead: int = 0
    look_back: timedelta = timedelta(0)
    pages_shift: bool = False

    def day_of(self, at: datetime) -> date:
        """The provider's day of an instant."""
        return (at.astimezone(UTC) + timedelta(hours=self.hours_ahead)).date()

    def begin_of(self, day: date) -> datetime:
        """The instant at which the provider's day begins. A day has 24 hours, always."""
        return datetime.combine(day, time(0), UTC) - timedelta(hours=self.hours_ahead)

    def last_whole_day(self, now: datetime) -> date:
        """The newest day that is over."""
        return self.day_of(now) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Compared:
    """An object of which both sides do not say the same. Sums are signed: money that went back is below zero."""

    nature: Nature
    object: Ref
    at: datetime
    theirs_minor: int | None
    ours_minor: int | None
    currency: str
    ours_currency: str | None = None
    # How many records there are of it, and when the last of them was written.
    records: int = 0
    # When our side last moved, and what it says of the refund or dispute.
    ours_moved_at: datetime | None = None
    ours_status: str | None = None
    order_id: UUID | None = None
    attempt_id: UUID | None = None
    # The attempt that it names is known here, and another payment of it is recorded.
    is_second: bool = False
    capture: Ref | None = None

    @property
    def money_minor(self) -> int:
        """The money at risk."""
        return abs((self.theirs_minor or 0) - (self.ours_minor or 0))


def classify(line: Compared, now: datetime, *, is_covered: bool) -> LineClass:
    """What the difference is. `is_covered`: the provider's records were read for an hour around all that we recorded.

    Only what is near an edge waits as `timing`; it becomes matched or one of the others in a later run.
    """
    if line.theirs_minor is None:
        return "only_here" if is_covered else "timing"
    if line.ours_minor is None:
        if now - line.at < EDGE:
            return "timing"
        return "duplicate" if line.is_second else "only_there"
    if line.currency == line.ours_currency and line.ours_status in UNDECIDED:
        return "timing"
    if not is_covered or now - line.at < EDGE:
        return "timing"
    is_twice = line.nature == "charge" and line.records > 1 and line.theirs_minor > line.ours_minor
    return "duplicate" if is_twice and line.currency == line.ours_currency else "differs"


def finding_of(line_class: LineClass, nature: Nature) -> str | None:
    """The kind of finding that a line is; None for one that only waits."""
    if line_class == "timing":
        return None
    if line_class == "only_there":
        return "reconcile_only_there" if nature == "charge" else "reconcile_differs"
    return {"only_here": "reconcile_only_here", "duplicate": "reconcile_duplicate"}.get(line_class, "reconcile_differs")


FINDING_KINDS: Final = ("reconcile_only_there", "reconcile_only_here", "reconcile_duplicate", "reconcile_differs")
