"""What people change by hand in the provider's dashboard. A status that was an end can get another one."""

from __future__ import annotations

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.errors import NowError
from payonce.providers.simulator.nowpayments.payment import Status


class Dashboard:
    """The merchant or the provider's support at work. Raises NowError 404 for a payment that does not exist."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def cancel(self, payment_id: str) -> None:
        """Call a payment off; no money moves, and its address still takes coins."""
        self._change(payment_id, ("waiting", "expired", "partially_paid"), "cancelled")

    @alone
    def finish(self, payment_id: str) -> None:
        """Be content with what came: partially paid becomes finished, and no more money comes of it."""
        self._change(payment_id, ("partially_paid",), "finished")

    @alone
    def refund(self, payment_id: str) -> None:
        """Send the payer's coins back."""
        self._change(payment_id, ("partially_paid", "finished", "failed"), "refunded")

    def _change(self, payment_id: str, allowed: tuple[Status, ...], status: Status) -> None:
        payment = self.books.payment(payment_id)
        if payment.status not in allowed:
            raise NowError(f"a payment that is {payment.status} cannot become {status}", code="BAD_STATUS")
        self.books.move(payment, status)
