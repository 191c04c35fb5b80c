"""What the monitor takes for too long, too late and too often. Every default has its reason beside it, and each is a
setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Watch:
    """The limits of the monitor's checks. Durations are timedeltas, shares are parts of one."""

    # A call without answer is asked about within seconds, and ends by the provider's word; half an hour of silence is
    # the provider's trouble or ours (L9 asks for 15 min while it answers).
    in_doubt_after: timedelta = timedelta(minutes=30)
    # Banks' methods may be processing for days. Cards and wallets are not, but nobody can tell them apart here.
    pending_after: timedelta = timedelta(days=3)
    # A session lives 35 min and is asked about at its end; two hours later somebody should have heard.
    overstayed_after: timedelta = timedelta(hours=2)
    # An order that waits for its predecessor is let in, or told that it cannot be, by the worker (60 s, L6).
    waiting_after: timedelta = timedelta(hours=1)
    # What is due is taken up within seconds; after a quarter of an hour no worker runs, or it fails before it begins.
    effect_due_after: timedelta = timedelta(minutes=15)
    # Sixteen tries take most of a day.
    effect_owed_after: timedelta = timedelta(hours=24)
    # E13: the first try and one more.
    usual_tries: int = 2
    # Providers repeat an event a few times when an answer was lost; ten times says that they never get ours.
    repeats: int = 10
    # A callback comes within seconds of the payment; ten minutes are given to a slow one.
    callback_after: timedelta = timedelta(minutes=10)
    # So many payments in a row without a callback, where there were callbacks before: one alone may be lost.
    silent_payments: int = 5
    # p95 of the last hour; providers say seconds, and the scan finds a payment within 15 min anyway.
    webhook_lag: timedelta = timedelta(minutes=5)
    # The share of refused and failed checkouts at which somebody is told, and at which it is critical (D13).
    refused_share: float = 0.5
    refused_share_critical: float = 0.9
    # Over the last five minutes at least so many answers, over the last day so many: fewer say nothing.
    fewest_in_five_minutes: int = 5
    fewest_in_a_day: int = 10
    # A job that did not end well for so many of its intervals, and for at least this long.
    stale_intervals: int = 3
    stale_after: timedelta = timedelta(minutes=10)
