"""What really happened at the provider, for tests to compare with what payonce believes. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.party import Captured, SentBack
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.payment_intent import PAYABLE, PaymentIntent

# What payonce writes into the metadata of its objects.
ATTEMPT_MARK: Final = "payonce_attempt"
REFUND_MARK: Final = "payonce_refund"
ENDED_BADLY: Final = ("failed", "canceled")


@dataclass(frozen=True, slots=True)
class Payable:
    """Something that a payer could still pay now. A session's metadata is the session's own, not its intent's."""

    kind: Literal["payment_intent", "checkout_session"]
    id: str
    metadata: dict[str, str]
    amount: int
    currency: str


class Truth:
    """The provider's own books, as lists and sums."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def intents(self) -> list[PaymentIntent]:
        """All intents, oldest first."""
        return list(self.books.intents.values())

    @alone
    def captures_by_attempt(self) -> dict[UUID, list[Captured]]:
        """Captured intents by the attempt in their metadata, gross of refunds."""
        found: dict[UUID, list[Captured]] = {}
        for row in self.books.intents.values():
            attempt_id = ids.read_or_none(ids.ATTEMPT, row.metadata.get(ATTEMPT_MARK, ""))
            if row.amount_received and attempt_id is not None:
                captured = Captured(row.id, row.amount_received, row.currency.upper())
                found.setdefault(attempt_id, []).append(captured)
        return found

    @alone
    def refunds_by_id(self) -> dict[UUID, list[SentBack]]:
        """Refunds by our own id in their metadata."""
        found: dict[UUID, list[SentBack]] = {}
        for row in self.books.refunds.values():
            refund_id = ids.read_or_none(ids.REFUND, row.metadata.get(REFUND_MARK, ""))
            status = "failed" if row.status in ENDED_BADLY else "succeeded" if row.status == "succeeded" else "pending"
            if refund_id is not None:
                back = SentBack(row.id, row.payment_intent, row.amount, row.currency.upper(), status)  # type: ignore[arg-type]
                found.setdefault(refund_id, []).append(back)
        return found

    @alone
    def payable_attempts(self) -> set[UUID]:
        """The attempts of which a session or an intent can be paid now."""
        marks = (row.metadata.get(ATTEMPT_MARK, "") for row in self.payable_now())
        found = (ids.read_or_none(ids.ATTEMPT, mark) for mark in marks)
        return {attempt_id for attempt_id in found if attempt_id is not None}

    @alone
    def captured_total_by_metadata(self, name: str) -> dict[str, int]:
        """Captured minor units, gross of refunds, by the value of this metadata key of the intent."""
        totals: Counter[str] = Counter()
        for intent in self.books.intents.values():
            if intent.amount_received and name in intent.metadata:
                totals[intent.metadata[name]] += intent.amount_received
        return dict(totals)

    @alone
    def captures_by_metadata(self, name: str) -> dict[str, list[str]]:
        """The ids of captured intents, by the value of this metadata key."""
        found: dict[str, list[str]] = {}
        for intent in self.books.intents.values():
            if intent.amount_received and name in intent.metadata:
                found.setdefault(intent.metadata[name], []).append(intent.id)
        return found

    @alone
    def refunded_total(self, intent_id: str) -> int:
        """Minor units on their way back or back with the payer: refunds that did not fail."""
        rows = self.books.refunds.values()
        return sum(row.amount for row in rows if row.payment_intent == intent_id and row.status not in ENDED_BADLY)

    @alone
    def payable_now(self) -> list[Payable]:
        """Open sessions, and intents of no session that wait for a payer."""
        sessions = [
            Payable("checkout_session", row.id, dict(row.metadata), row.amount_total, row.currency)
            for row in self.books.sessions.values()
            if row.status == "open"
        ]
        intents = [
            Payable("payment_intent", row.id, dict(row.metadata), row.amount, row.currency)
            for row in self.books.intents.values()
            if row.session is None and row.status in PAYABLE
        ]
        return sessions + intents

    @alone
    def under_way(self) -> list[PaymentIntent]:
        """Intents that nobody can pay any more and that may still be captured: running debits, authorised cards."""
        return [row for row in self.books.intents.values() if row.status in ("processing", "requires_capture")]

    @alone
    def dump(self) -> dict[str, Any]:
        """Everything, as JSON."""
        books = self.books
        shelves: dict[str, Any] = {
            "payment_intents": books.intents,
            "checkout_sessions": books.sessions,
            "charges": books.charges,
            "refunds": books.refunds,
            "disputes": books.disputes,
            "balance_transactions": books.transactions,
            "events": books.events,
            "webhook_endpoints": books.endpoints,
        }
        shown = {name: [row.shown() for row in shelf.values()] for name, shelf in shelves.items()}
        payable = [{"kind": row.kind, "id": row.id, "metadata": row.metadata} for row in self.payable_now()]
        return {"now": books.now(), "payable": payable, **shown}
