"""Refunds: money back to the payer. How one ends depends on the method that paid, or on a command."""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.stripe.balance import post
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.charge import Charge
from payonce.providers.simulator.stripe.errors import StripeError, no_such
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.money import show
from payonce.providers.simulator.stripe.money_back import Refund
from payonce.providers.simulator.stripe.params import Params

REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer")


def create(books: Books, params: Params, _: str) -> dict[str, Any]:
    """POST /v1/refunds"""
    intent_id, charge_id = params.text("payment_intent"), params.text("charge")
    amount = params.integer("amount", smallest=1)
    reason, metadata = params.text("reason", choices=REASONS), params.metadata()
    params.ignore("refund_application_fee", "reverse_transfer", "instructions_email")
    params.finish()
    charge = _charge(books, intent_id, charge_id)
    return refund(books, charge, amount, reason, metadata).shown()


def refund(books: Books, charge: Charge, amount: int | None, reason: str | None, metadata: dict[str, str]) -> Refund:
    """Send `amount` of a charge back (None: all that is left). Raises StripeError when the charge does not allow it."""
    left = charge.amount_captured - charge.amount_refunded
    if charge.status != "succeeded" or not charge.captured:
        raise StripeError(f"Charge {charge.id} has not been captured and cannot be refunded.", executed=True)
    if charge.disputed:
        text = f"Charge {charge.id} has been charged back; cannot issue a refund."
        raise StripeError(text, code="charge_disputed", executed=True)
    if left == 0:
        text = f"Charge {charge.id} has already been refunded."
        raise StripeError(text, code="charge_already_refunded", executed=True)
    if amount is not None and amount > left:
        given, rest = show(amount, charge.currency), show(left, charge.currency)
        text = f"Refund amount ({given}) is greater than unrefunded amount on charge ({rest})"
        raise StripeError(text, param="amount", executed=True)
    made = Refund(
        id=books.new_id("pyr" if charge.behaviour.delayed else "re"),
        created=books.second(),
        amount=amount or left,
        currency=charge.currency,
        charge=charge.id,
        payment_intent=charge.payment_intent,
        status="pending" if charge.behaviour.refund == "pends" else "succeeded",
        reason=reason,
        metadata={name: value for name, value in metadata.items() if value},
    )
    books.refunds[made.id] = made
    before = charge.shown()
    charge.amount_refunded += made.amount
    made.balance_transaction = post(books, -made.amount, made.currency, "refund", made.id).id
    books.write("charge.refunded", charge, before)
    books.write("refund.created", made)
    if charge.behaviour.refund == "fails_later":
        # Seen to succeed first: the test card of Stripe fails some time afterwards.
        books.plan(books.now() + FAILS_AFTER, lambda: _fail_if_succeeded(books, made))
    return made


# Stripe does not say when its test card's refund fails; an hour lets a test see the success first.
FAILS_AFTER: Final = 3600.0


def end_refund(books: Books, made: Refund, status: str, reason: str = "unknown") -> None:
    """The bank's answer to a refund: succeeded, failed (also after succeeded) or canceled."""
    if made.status in ("failed", "canceled") or status not in ("succeeded", "failed", "canceled"):
        raise StripeError(f"A refund that is {made.status} does not become {status}", param="status")
    before, made.status = made.shown(), status
    if status != "succeeded":
        made.failure_reason = reason
        back = post(books, made.amount, made.currency, "refund_failure", made.id)
        made.failure_balance_transaction = back.id
        books.charges[made.charge].amount_refunded -= made.amount
    books.write("charge.refund.updated", made, before)
    books.write("refund.updated", made, before)
    if status == "failed":
        books.write("refund.failed", made, before)


def update(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/refunds/{id}"""
    metadata = params.metadata()
    params.finish()
    made = _found(books, object_id)
    before = made.shown()
    made.metadata = {name: value for name, value in (made.metadata | metadata).items() if value}
    books.write("refund.updated", made, before)
    return made.shown()


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/refunds/{id}"""
    params.finish()
    return _found(books, object_id).shown()


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/refunds"""
    charge, intent = params.text("charge"), params.text("payment_intent")

    def fits(row: Refund) -> bool:
        return charge in (None, row.charge) and intent in (None, row.payment_intent)

    return page(books, params, books.refunds, "/v1/refunds", fits)


def _found(books: Books, object_id: str) -> Refund:
    if object_id not in books.refunds:
        raise no_such("refund", object_id)
    return books.refunds[object_id]


def _fail_if_succeeded(books: Books, made: Refund) -> None:
    if made.status == "succeeded":
        end_refund(books, made, "failed", "expired_or_canceled_card")


def _charge(books: Books, intent_id: str | None, charge_id: str | None) -> Charge:
    if intent_id is None and charge_id is None:
        text = "One of the following params should be provided for this request: payment_intent or charge."
        raise StripeError(text, code="parameter_missing")
    if intent_id is not None:
        if intent_id not in books.intents:
            raise no_such("payment_intent", intent_id, param="payment_intent", status=400)
        charge_id = books.intents[intent_id].latest_charge
        if charge_id is None:
            text = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
            raise StripeError(text, param="payment_intent", executed=True)
    if charge_id not in books.charges:
        raise no_such("charge", charge_id or "", param="charge", status=400)
    return books.charges[charge_id]
