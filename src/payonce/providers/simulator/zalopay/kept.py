"""A simulated ZaloPay that survives restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from payonce.providers.simulator.kept import Kept
from payonce.providers.simulator.zalopay.settings import Settings
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator

# A form is read otherwise than JSON. Everything else that counts is in the body.
KEPT_HEADERS: Final = frozenset({"content-type"})


class KeptZaloPaySimulator(Kept[ZaloPaySimulator]):
    """Serve it like a ZaloPaySimulator."""

    def __init__(self, journal: Path, settings: Settings | None = None) -> None:
        super().__init__(
            journal,
            lambda clock, chance: ZaloPaySimulator(clock=clock, chance=chance, settings=settings),
            headers=KEPT_HEADERS,
            inputs={},
        )
