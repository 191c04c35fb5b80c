"""The figures of the simulated Stripe. Each can be changed while it runs, through the object or `/_sim/settings`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR: Final = 3600
DAY: Final = 24 * HOUR

# The version that the SDK 16.1 sends; an endpoint without a version of its own gets events of this one.
API_VERSION: Final = "2026-10-28.endive"

# Stripe publishes three days of exponential backoff and no intervals. These grow about fourfold and end in three days.
LIVE_RETRIES: Final = (5.0, 20.0, 80.0, 300.0, 1200.0, 4800.0, 18000.0, 36000.0, 72000.0, 108000.0)


@dataclass(slots=True)
class Settings:
    """Times in seconds. `debit_settles_after` None means that a bank debit waits until it is told how it ends."""

    account_id: str = "acct_1SimulatedStripe"
    country: str = "US"
    default_currency: str = "usd"
    api_version: str = API_VERSION
    # "At least 24 hours": a key that is older makes a new object.
    key_life: float = DAY
    # How long a call takes. While it runs, a second one with the same key is refused with 409.
    latency: float = 0.0
    # How long an object stays missing from lists after it was made.
    list_lag: float = 0.0
    # Events older than this can no longer be listed.
    event_life: float = 30 * DAY
    webhook_delay: float = 0.0
    webhook_retries: tuple[float, ...] = LIVE_RETRIES
    debit_settles_after: float | None = None
    # Stripe indents its JSON, which shows who re-serialises a signed body; a simulation saves the time.
    pretty: bool = True
    # How many calls and deliveries the logs keep, so that a long run stays within memory.
    log_length: int = 50_000
