"""A simulated Stripe that survives restarts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from payonce.providers.simulator.kept import Kept
from payonce.providers.simulator.stripe.settings import Settings
from payonce.providers.simulator.stripe.simulator import StripeSimulator

# What a request's outcome depends on. Nothing else of a request is written down.
KEPT_HEADERS: Final = frozenset({"authorization", "content-type", "idempotency-key", "stripe-version"})


class KeptStripeSimulator(Kept[StripeSimulator]):
    """Serve it like a StripeSimulator."""

    def __init__(self, journal: Path, settings: Settings | None = None) -> None:
        super().__init__(
            journal,
            lambda clock, chance: StripeSimulator(clock=clock, chance=chance, settings=settings),
            headers=KEPT_HEADERS,
            inputs={"add_endpoint": StripeSimulator.add_endpoint},
        )

    def add_endpoint(self, url: str, secret: str, enabled_events: Iterable[str] = ("*",)) -> None:
        """Deliver events to `url`. The endpoint with this secret, if there is one, moves there."""
        self.take("add_endpoint", [url, secret, list(enabled_events)])
