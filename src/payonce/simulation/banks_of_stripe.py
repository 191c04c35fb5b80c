"""Banks, and the merchant at the dashboard: what becomes of money that goes back, and who else sends money back.

Every decision is drawn by story and count and carried out by the clock: a refund arrives or fails after hours or days,
a dispute is decided after hours, or never. None of it is a call of ours; payonce hears of it by letters and by asking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from payonce.providers.simulator.stripe.errors import StripeError
from payonce.providers.simulator.stripe.money_back import DISPUTE_ENDS
from payonce.providers.simulator.stripe.payment_intent import PaymentIntent
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.simulation.draw import Draw
from payonce.simulation.faults import Faults
from payonce.simulation.scheduler import MICRO, Scheduler

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
# How money goes back without us, and how often each.
WAYS: Final = {"whole": 3.0, "part": 3.0, "dispute": 2.0, "inquiry": 2.0}
# And how in the moment in which we begin to.
HURRIED: Final = {"whole": 4.0, "part": 4.0, "dispute": 1.0, "inquiry": 1.0}
# How long a refund that is on its way stays so.
ARRIVES_AFTER: Final = {30.0: 1.0, 20 * MINUTE: 2.0, 10 * HOUR: 1.0, 30 * HOUR: 1.0}
# How long a bank thinks about a dispute; 0: not at all, None: longer than the run lasts.
DECIDES_AFTER: Final[Mapping[float | None, float]] = {
    0.0: 2.0,
    5 * MINUTE: 2.0,
    2 * HOUR: 1.0,
    20 * HOUR: 1.0,
    None: 0.5,
}
# A bank returns what arrived within days, rarely later.
RETURNS_WITHIN: Final = (HOUR / 2, 60 * HOUR)


class Banks:
    """Everybody who moves money of the simulated account without a call of ours."""

    def __init__(self, stripe: StripeSimulator, draw: Draw, faults: Faults, scheduler: Scheduler) -> None:
        self._stripe = stripe
        self._draw = draw
        self._faults = faults
        self._scheduler = scheduler
        self._taken_up: set[str] = set()
        self._count: Counter[str] = Counter()

    def take_up(self, story: str, refund_id: str) -> None:
        """Decide what becomes of a refund that was made just now, by whomever."""
        if refund_id in self._taken_up:
            return
        self._taken_up.add(refund_id)
        self._count[story] += 1
        place = f"refund {self._count[story]}"
        refused = self._faults.strikes("R1", story, place)
        if refused:
            self._later(
                self._draw.between(0.0, 30.0, "refused", refused), refused, lambda: self._end(refund_id, "failed")
            )
            return
        arrives = 0.0
        if self._stripe.books.refunds[refund_id].status == "pending":
            self._faults.saw("R3")
            arrives = self._draw.choose(ARRIVES_AFTER, "arrives", story, place)
            self._later(arrives, f"{story} {place} arrives", lambda: self._end(refund_id, "succeeded"))
        returned = self._faults.strikes("R2", story, place)
        if returned:
            after = arrives + self._draw.between(*RETURNS_WITHIN, "returned", returned)
            self._later(after, returned, lambda: self._end(refund_id, "failed"))

    def give_back(self, who: str, intent: PaymentIntent, ways: Mapping[str, float] = WAYS) -> None:
        """Refund at the dashboard, wholly or in part, or let the payer's bank dispute or inquire."""
        how = self._draw.choose(ways, who, "how")
        try:
            if how in ("whole", "part"):
                self._stripe.bank.refund(intent.id, max(1, intent.amount_received // 2) if how == "part" else None)
            else:
                self._dispute(who, intent, is_inquiry=how == "inquiry")
        except StripeError as refusal:
            how = f"{how}, refused: {refusal}"
        self._scheduler.note("gave back", who, how)
        self._stripe.on_news()

    def _dispute(self, who: str, intent: PaymentIntent, *, is_inquiry: bool) -> None:
        status = "warning_needs_response" if is_inquiry else "needs_response"
        dispute = self._stripe.bank.open_dispute(intent.id, status=status)
        after = self._draw.choose(DECIDES_AFTER, who, "decides after")
        if after is None:
            return
        end = "warning_closed" if is_inquiry else "won" if self._draw.happens(0.5, who, "won") else "lost"
        if is_inquiry and self._draw.happens(0.4, who, "escalates"):
            self._later(after, f"{who} escalates", lambda: self._escalate(dispute))
            after, end = after + HOUR, "lost"
        self._later(after, f"{who} {end}", lambda: self._decide(dispute, end))

    def _later(self, seconds: float, name: str, act: Callable[[], None]) -> None:
        self._scheduler.at(self._scheduler.now + int(seconds * MICRO), name, act)

    def _end(self, refund_id: str, status: str) -> None:
        known = self._stripe.books.refunds[refund_id].status
        if known in ("failed", "canceled", status):
            return
        self._stripe.bank.end_refund(refund_id, status, "expired_or_canceled_card")
        self._scheduler.note("refund ended", status)
        self._stripe.on_news()

    def _escalate(self, dispute_id: str) -> None:
        if self._stripe.books.disputes[dispute_id].status not in DISPUTE_ENDS:
            self._stripe.bank.escalate_dispute(dispute_id)
            self._stripe.on_news()

    def _decide(self, dispute_id: str, end: str) -> None:
        if self._stripe.books.disputes[dispute_id].status not in DISPUTE_ENDS:
            self._stripe.bank.close_dispute(dispute_id, end)
            self._scheduler.note("dispute ended", end)
            self._stripe.on_news()
