"""The figures of the simulated ZaloPay. Each can be changed while it runs, through the object or `/_sim/settings`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE

# The application and the keys that ZaloPay publishes for everybody's use in its sandbox.
SANDBOX_APP: Final = 2553
SANDBOX_KEY1: Final = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"
SANDBOX_KEY2: Final = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"


@dataclass(slots=True)
class Settings:
    """Times in seconds. What ZaloPay does not publish is a choice of ours and says so."""

    app_id: int = SANDBOX_APP
    key1: str = field(default=SANDBOX_KEY1, repr=False)
    key2: str = field(default=SANDBOX_KEY2, repr=False)
    # How far the time that a request carries may be from now, for orders and refunds.
    time_window: float = 15 * MINUTE
    # How long an order can be paid when it says nothing itself; and what it may say.
    order_life: float = 15 * MINUTE
    shortest_life: int = 300
    longest_life: int = 2_592_000
    # An order that is older is answered like one that never was.
    query_horizon: float = 48 * HOUR
    # At most three more tries; their spacing is not published. These end within a quarter of an hour, so that an outage
    # of that length loses callbacks.
    callback_retries: tuple[float, ...] = (MINUTE, 3 * MINUTE, 10 * MINUTE)
    # A query tells of the money only a moment after the first callback was answered, or when that takes too long.
    visible_after_callback: float = 1.0
    visible_at_latest: float = 15.0
    # What a query answers for a cancelled order is not published: that its time is over is the nearest.
    cancelled_code: int = -54
    # How long money that is on its way takes, and a refund; None: until it is told how it ends, 0: at once.
    payment_settles_after: float | None = None
    refund_settles_after: float | None = None
    # What ZaloPay keeps of a payment, in thousandths, as the settlement file says; prices are agreed one by one.
    fee_per_mille: int = 20
    # How long a call takes.
    latency: float = 0.0
    # How many calls and deliveries the logs keep, so that a long run stays within memory.
    log_length: int = 50_000
