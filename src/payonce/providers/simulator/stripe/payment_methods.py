"""The calls on `/v1/payment_methods`: a test card by its number, a test debit by its IBAN."""

from __future__ import annotations

from typing import Any

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import StripeError, no_such
from payonce.providers.simulator.stripe.params import Params
from payonce.providers.simulator.stripe.payment_method import (
    BY_NAME,
    BY_NUMBER,
    DEBIT,
    FAILING_DEBIT,
    FAILING_IBAN,
    Behaviour,
    PaymentMethod,
)


def find_method(books: Books, name: str) -> PaymentMethod:
    """A method made before, or a new one for a test name such as `pm_card_visa`. Raises StripeError 400."""
    known = books.methods.get(name)
    if known is not None:
        return known
    if name not in BY_NAME:
        raise no_such("PaymentMethod", name, param="payment_method", status=400)
    return _enter(books, BY_NAME[name])


def create(books: Books, params: Params, _: str) -> dict[str, Any]:
    """POST /v1/payment_methods. Real card numbers are refused: nothing here may ever hold one."""
    kind = params.text("type", required=True, choices=("card", "sepa_debit", "us_bank_account"))
    params.ignore("billing_details", "metadata", "us_bank_account")
    behaviour: Behaviour | None = BY_NAME["pm_usBankAccount_success"]
    if kind == "card":
        card = params.section("card")
        if card is None:
            raise params.missing("card")
        behaviour = BY_NUMBER.get(card.text("number", required=True).replace(" ", ""))
        card.ignore("exp_month", "exp_year", "cvc")
    elif kind == "sepa_debit":
        debit = params.section("sepa_debit")
        iban = debit.text("iban", required=True) if debit else ""
        behaviour = FAILING_DEBIT if iban.replace(" ", "").upper() == FAILING_IBAN else DEBIT
    params.finish()
    if behaviour is None:
        text = "Your card was declined. Your request was in test mode, but used a non test card."
        raise StripeError(text, status=402, kind="card_error", code="card_declined", executed=True)
    return _enter(books, behaviour).shown()


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/payment_methods/{id}"""
    params.finish()
    if object_id not in books.methods:
        raise no_such("PaymentMethod", object_id, param="payment_method")
    return books.methods[object_id].shown()


def _enter(books: Books, behaviour: Behaviour) -> PaymentMethod:
    method = PaymentMethod(books.new_id("pm"), books.second(), behaviour)
    books.methods[method.id] = method
    return method
