"""Disputes: a payer's bank takes the money back. Opened and closed on command only; the merchant can just look."""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.stripe.balance import post
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.charge import Charge
from payonce.providers.simulator.stripe.errors import StripeError, no_such
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.money_back import DISPUTE_ENDS, DISPUTE_STARTS, Dispute
from payonce.providers.simulator.stripe.params import Params

# What Stripe takes for a dispute in the United States, in minor units.
DISPUTE_FEE: Final = 1500


def open_dispute(books: Books, charge: Charge, amount: int, reason: str, status: str) -> Dispute:
    """The bank disputes `amount` of a charge. A `warning_…` is only an inquiry and moves no money."""
    if status not in DISPUTE_STARTS:
        raise StripeError(f"A dispute opens as one of {', '.join(DISPUTE_STARTS)}", param="status")
    if charge.amount_captured < amount or charge.disputed:
        raise StripeError("This charge was not captured for that much, or is disputed already.", param="amount")
    dispute = Dispute(
        id=books.new_id("du"),
        created=books.second(),
        amount=amount,
        currency=charge.currency,
        charge=charge.id,
        payment_intent=charge.payment_intent,
        reason=reason,
        status=status,
    )
    books.disputes[dispute.id] = dispute
    charge.disputed = True
    books.write("charge.dispute.created", dispute)
    if not status.startswith("warning_"):
        _withdraw(books, dispute)
    return dispute


def close_dispute(books: Books, dispute: Dispute, status: str) -> None:
    """The bank decides: `won` gives the money back to the merchant, `lost` leaves it with the payer."""
    if status not in DISPUTE_ENDS or dispute.status in DISPUTE_ENDS:
        raise StripeError(f"A dispute that is {dispute.status} does not become {status}", param="status")
    before, dispute.status = dispute.shown(), status
    if status == "won" and dispute.transactions:
        moved = post(books, dispute.amount, dispute.currency, "adjustment", dispute.id, fee=-DISPUTE_FEE)
        dispute.transactions = [*dispute.transactions, moved.shown()]
        books.write("charge.dispute.funds_reinstated", dispute)
    books.write("charge.dispute.closed", dispute, before)


def escalate_dispute(books: Books, dispute: Dispute) -> None:
    """An inquiry becomes a dispute: now the money goes."""
    if not dispute.status.startswith("warning_") or dispute.status in DISPUTE_ENDS:
        raise StripeError(f"A dispute that is {dispute.status} is no open inquiry", param="status")
    before, dispute.status = dispute.shown(), "needs_response"
    books.write("charge.dispute.updated", dispute, before)
    _withdraw(books, dispute)


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/disputes/{id}"""
    params.finish()
    if object_id not in books.disputes:
        raise no_such("dispute", object_id)
    return books.disputes[object_id].shown()


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/disputes"""
    charge, intent = params.text("charge"), params.text("payment_intent")
    fits = lambda row: charge in (None, row.charge) and intent in (None, row.payment_intent)  # noqa: E731
    return page(books, params, books.disputes, "/v1/disputes", fits)


def _withdraw(books: Books, dispute: Dispute) -> None:
    moved = post(books, -dispute.amount, dispute.currency, "adjustment", dispute.id, fee=DISPUTE_FEE)
    dispute.transactions = [*dispute.transactions, moved.shown()]
    books.write("charge.dispute.funds_withdrawn", dispute)
