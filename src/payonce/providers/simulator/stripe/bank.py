"""Banks, and the merchant at the dashboard: everything that happens to money without a call of the API."""

from __future__ import annotations

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.stripe import disputes, intent_outcomes, refunds
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.charge import Charge
from payonce.providers.simulator.stripe.errors import no_such
from payonce.providers.simulator.stripe.event import NOBODY
from payonce.providers.simulator.stripe.payment_intents import find_intent


class Bank:
    """Commands by which a test or a person decides what banks do. All raise StripeError where the state forbids it."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def settle_debit(self, intent_id: str, success: bool | None = None) -> str:
        """End a running bank debit; without `success` as its method says. Returns the intent's status."""
        with self.books.caused_by(NOBODY):
            intent = find_intent(self.books, intent_id)
            intent_outcomes.settle_debit(self.books, intent, success)
            return intent.status

    @alone
    def refund(self, intent_id: str, amount: int | None = None, reason: str | None = None) -> str:
        """Refund at the dashboard, unknown to the application. Returns the refund's id."""
        with self.books.caused_by(NOBODY):
            return refunds.refund(self.books, self._charge(intent_id), amount, reason, {}).id

    @alone
    def end_refund(self, refund_id: str, status: str, reason: str = "unknown") -> None:
        """Let a refund become `succeeded`, `failed` (also after it succeeded) or `canceled`."""
        if refund_id not in self.books.refunds:
            raise no_such("refund", refund_id)
        with self.books.caused_by(NOBODY):
            refunds.end_refund(self.books, self.books.refunds[refund_id], status, reason)

    @alone
    def open_dispute(
        self,
        intent_id: str,
        amount: int | None = None,
        reason: str = "fraudulent",
        status: str = "needs_response",
    ) -> str:
        """Dispute a captured payment; a `warning_…` status is an inquiry. Returns the dispute's id."""
        with self.books.caused_by(NOBODY):
            charge = self._charge(intent_id)
            return disputes.open_dispute(self.books, charge, amount or charge.amount_captured, reason, status).id

    @alone
    def close_dispute(self, dispute_id: str, status: str) -> None:
        """Decide a dispute: `won`, `lost`, `warning_closed` or `prevented`."""
        if dispute_id not in self.books.disputes:
            raise no_such("dispute", dispute_id)
        with self.books.caused_by(NOBODY):
            disputes.close_dispute(self.books, self.books.disputes[dispute_id], status)

    @alone
    def escalate_dispute(self, dispute_id: str) -> None:
        """Turn an inquiry into a dispute."""
        if dispute_id not in self.books.disputes:
            raise no_such("dispute", dispute_id)
        with self.books.caused_by(NOBODY):
            disputes.escalate_dispute(self.books, self.books.disputes[dispute_id])

    def _charge(self, intent_id: str) -> Charge:
        charge = self.books.charges.get(find_intent(self.books, intent_id).latest_charge or "")
        if charge is None:
            raise no_such("charge", intent_id, param="payment_intent")
        return charge
