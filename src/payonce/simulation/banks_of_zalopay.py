"""What becomes of refunds at ZaloPay: each is asked for now and decided later, by its bank, once and for all.

Drawn by story and count and carried out by the clock; payonce hears of it only by asking.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.simulation.banks_of_stripe import ARRIVES_AFTER
from payonce.simulation.draw import Draw
from payonce.simulation.faults import Faults
from payonce.simulation.scheduler import MICRO, Scheduler

# Most are through at once.
AT_ONCE: Final = 0.6


class Banks:
    """The banks behind the wallet."""

    def __init__(self, zalopay: ZaloPaySimulator, draw: Draw, faults: Faults, scheduler: Scheduler) -> None:
        self._zalopay = zalopay
        self._draw = draw
        self._faults = faults
        self._scheduler = scheduler
        self._count: Counter[str] = Counter()

    def take_up(self, story: str, m_refund_id: str) -> None:
        """Decide what becomes of a refund that was made just now."""
        self._count[story] += 1
        place = f"wallet refund {self._count[story]}"
        refused = self._faults.strikes("R1", story, place)
        if refused:
            self._later(self._draw.between(0.0, 30.0, "refused", refused), refused, m_refund_id, success=False)
        elif self._draw.happens(AT_ONCE, "at once", story, place):
            self._later(self._draw.between(0.0, 2.0, "at once", story, place), place, m_refund_id, success=True)
        else:
            self._faults.saw("R3")
            after = self._draw.choose(ARRIVES_AFTER, "arrives", story, place)
            self._later(after, f"{story} {place} arrives", m_refund_id, success=True)

    def _later(self, seconds: float, name: str, m_refund_id: str, *, success: bool) -> None:
        def end() -> None:
            self._scheduler.note("refund ended", self._zalopay.bank.end_refund(m_refund_id, success))

        self._scheduler.at(self._scheduler.now + int(seconds * MICRO), name, end)
