"""The numbers and choices that rules are run with. Every default has its reason beside it, and each is a setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Strategy = Literal["reuse", "attempt", "window"]
# What becomes of money that serves no order: it goes back by itself, or it is held until a person decides.
Answer = Literal["refund", "hold"]
LateAnswer = Literal["revive", "refund", "hold"]


@dataclass(frozen=True, slots=True)
class SurplusPolicy:
    """What a merchant decided about money that does not fit (X6). Amounts are minor units, by currency."""

    # A paid order, or its purpose, was paid again: nobody wants that money, so it goes back.
    second: Answer = "refund"
    # An order was paid more than it asks: it is settled, and the difference goes back.
    over: Answer = "refund"
    # A closed order was paid. `revive`: it is settled all the same where it merely expired, its purpose is free or can
    # be made free, its stock can be had, and the order was closed less than `late_within` ago.
    late: LateAnswer = "revive"
    # Late money that cannot revive its order: cancelled by the merchant, superseded, too late, sold out, too little.
    late_else: Answer = "refund"
    # Half a year of a price list that may have changed is too long; banks' methods take two weeks at most.
    late_within: timedelta = timedelta(days=30)
    # An order expired when a part of it was paid. Its payer may come back for the rest, so the money first waits.
    unfinished: Answer = "refund"
    unfinished_after: timedelta = timedelta(days=3)
    # What may go back by itself: the most for one refund, and the most for one day (UTC) and currency. What is above,
    # and every currency that is not named, waits for a person's approval of a plan. About 500 and 5,000 dollars.
    refund_at_most_minor: Mapping[str, int] = field(
        default_factory=lambda: {
            "USD": 50_000, "EUR": 50_000, "GBP": 40_000, "CHF": 45_000, "AUD": 75_000, "CAD": 70_000, "SGD": 65_000,
            "VND": 13_000_000, "JPY": 75_000, "KRW": 700_000, "THB": 1_700_000, "IDR": 800_000_000, "INR": 4_500_000,
        }
    )  # fmt: skip
    refund_a_day_minor: Mapping[str, int] = field(
        default_factory=lambda: {
            "USD": 500_000, "EUR": 500_000, "GBP": 400_000, "CHF": 450_000, "AUD": 750_000, "CAD": 700_000,
            "SGD": 650_000, "VND": 130_000_000, "JPY": 750_000, "KRW": 7_000_000, "THB": 17_000_000,
            "IDR": 8_000_000_000, "INR": 45_000_000,
        }
    )  # fmt: skip
    # A refund that the provider failed is tried anew this often by itself, each time as a new row.
    refund_rows: int = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """What a merchant decided. Durations are timedeltas."""

    # Whether a click may start a new attempt number (X1). `reuse` hands out the live attempt as long as it can be paid.
    strategy: Strategy = "reuse"
    # For `window` only: a click in a later window than the live attempt's start may replace it.
    window: timedelta = timedelta(minutes=10)
    # An attempt older than this is replaced at the next click (D4). 30 minutes is Stripe's shortest session.
    stale_after: timedelta = timedelta(minutes=30)
    # Sessions live a little longer at the provider, so that our decision comes first (D8).
    session_slack: timedelta = timedelta(minutes=5)
    # Open orders are closed this long after creation or their last reopening (C10).
    close_after: timedelta = timedelta(hours=24)
    # How long one caller may hold an attempt to call the provider; longer than the call's time-out of 20 s.
    lease: timedelta = timedelta(seconds=30)
    # How long a click waits for another click's answer before it is told to come back.
    longest_wait: timedelta = timedelta(seconds=20)
    # A notification of something older than this is not sent (A5).
    notification_horizon: timedelta = timedelta(hours=24)
    # How often an event that cannot be applied is tried before it is quarantined (C14, C16): with pauses that double
    # from
    # 5 s to 6 h, 21 tries go over about two days. A refund may be told that long before its payment.
    event_tries: int = 21
    # Starting a new order closes every older unpaid order of that payer, not only of that purpose (C12).
    close_all_of_payer: bool = False
    # A payee's payout is made once it is this large, by currency; zero, and for currencies not named: at once.
    payout_threshold_minor: Mapping[str, int] = field(default_factory=dict)
    # Names and addresses of payers are erased so long after their order ended, with the requests that carried them:
    # card schemes let a payer dispute for up to 540 days.
    keep_payers: timedelta = timedelta(days=550)
    # Who called (address, user agent, referer): most disputes come within 120 days, and their answer needs it (E20).
    keep_evidence: timedelta = timedelta(days=180)
    # Raw bodies of events that were applied or ignored; what is not finished keeps its body.
    keep_event_bodies: timedelta = timedelta(days=90)
    # What becomes of money that does not fit.
    surplus: SurplusPolicy = field(default_factory=SurplusPolicy)
