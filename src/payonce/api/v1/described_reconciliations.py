"""What the API answers about reconciled days, as it is described in OpenAPI."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from payonce.api.v1.described_base import Described


class DaySums(Described):
    """What moved on a day in one currency, by the provider's records; `ours_…`: what was recorded here that day.

    What went back is below zero; `net_minor` = gross - fees + refunds + disputes + other.
    """

    currency: str
    charges: int
    gross_minor: int
    fees_minor: int
    refunds_minor: int
    disputes_minor: int
    other_minor: int
    net_minor: int
    ours_gross_minor: int
    ours_refunds_minor: int
    ours_disputes_minor: int


class Reconciliation(Described):
    """A day of an account at its provider. `closed`: read to its end with an overlap; `provisional`: read too soon."""

    id: str
    object: Literal["reconciliation"]
    provider: str
    account: str
    day: str
    state: Literal[
        "reading", "comparing_theirs", "comparing_ours", "settling", "finding", "provisional", "closed"
    ]  # fmt: skip
    begins_at: str
    ends_at: str
    records: int
    matched: int
    differences: int
    timing: int
    not_ours: int
    trouble: str | None
    compared_at: str | None
    read_until: str | None
    sums: list[DaySums]


class ReconciliationLine(Described):
    """An object of which both sides do not say the same; null: that side does not have it."""

    id: str
    object: Literal["reconciliation_line"]
    provider: str
    account: str
    day: str
    line_class: Literal["differs", "only_there", "only_here", "duplicate", "timing"] = Field(alias="class")
    state: Literal["open", "resolved"]
    nature: Literal["charge", "refund", "dispute", "other"]
    object_kind: str
    object_ref: str
    theirs_minor: int | None
    ours_minor: int | None
    currency: str
    ours_currency: str | None
    records: int
    order_id: str | None
    attempt_id: str | None
    occurred_at: str
    first_seen_at: str
    last_seen_at: str
    resolved_at: str | None


class ReconciliationPage(Described):
    """One page of reconciled days, the newest first."""

    object: Literal["list"]
    data: list[Reconciliation]
    has_more: bool


class ReconciledDay(Described):
    """A day of every account, and a page of the lines that do not match."""

    object: Literal["reconciled_day"]
    day: str
    days: list[Reconciliation]
    lines: list[ReconciliationLine]
    has_more: bool
