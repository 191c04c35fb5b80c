"""The figures of the simulated NOWPayments. Each can be changed while it runs: by the object or `/_sim/settings`."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

MINUTE: Final = 60
DAY: Final = 24 * 3600


@dataclass(slots=True)
class Settings:
    """Times in seconds. Without `ipn_secret` no notices are sent at all, as at the provider."""

    # Out of the printed form, which is the mark of a kept journal.
    api_key: str = field(default="S1MULAT-ORN0M0N-EYM0VES-HEREATA", repr=False)
    email: str = "merchant@simulator.invalid"
    password: str = field(default="no real password", repr=False)
    ipn_secret: str | None = field(default="ipn-secret-of-the-simulator", repr=False)
    token_life: float = 5 * MINUTE
    # How long nothing may come in before a payment ends as expired; its address takes coins for ever.
    expires_after: float = 7 * DAY
    # How long the quoted amount is shown as good.
    quote_life: float = 20 * MINUTE
    # From each status of a deposit to the next; 0 goes through all of them in one moment.
    step_seconds: float = 0.0
    # What the merchant is paid out in, and what the provider keeps of it.
    outcome_currency: str = "usdttrc20"
    service_fee_percent: Decimal = Decimal("0.5")
    # How much of an amount may be missing and the payment still ends as finished (the dashboard's "covering").
    covering_percent: Decimal = Decimal(0)
    # How further deposits to a used address end, whether they carry the order's id, and whether reads tell the parent.
    repeated_ends: Literal["finished", "partially_paid"] = "finished"
    repeated_has_order_id: bool = True
    parent_in_reads: bool = True
    # How arrays look when they are signed: the provider's SDK and its documents disagree.
    signed_arrays: Literal["array", "object"] = "array"
    # "Recurrent notifications" of the dashboard: so many more tries, so far apart.
    ipn_retries: int = 3
    ipn_interval: float = MINUTE
    ipn_delay: float = 0.0
    latency: float = 0.0
    # How long a payment stays missing from lists after it was made.
    list_lag: float = 0.0
    # How many calls and deliveries the logs keep, so that a long run stays within memory.
    log_length: int = 50_000
