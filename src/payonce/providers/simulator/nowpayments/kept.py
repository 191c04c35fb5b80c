"""A simulated NOWPayments that survives restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from payonce.providers.simulator.kept import Kept
from payonce.providers.simulator.nowpayments.settings import Settings
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator

# What a request's outcome depends on. Nothing else of a request is written down.
KEPT_HEADERS: Final = frozenset({"authorization", "content-type", "x-api-key"})


class KeptNowPaymentsSimulator(Kept[NowPaymentsSimulator]):
    """Serve it like a NowPaymentsSimulator."""

    def __init__(self, journal: Path, settings: Settings | None = None) -> None:
        super().__init__(
            journal,
            lambda clock, chance: NowPaymentsSimulator(clock=clock, chance=chance, settings=settings),
            headers=KEPT_HEADERS,
            inputs={},
        )
