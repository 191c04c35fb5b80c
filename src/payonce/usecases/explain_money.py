"""How money that came for an order is told to operators: what it was, what it serves, and what is left of it."""

from __future__ import annotations

from decimal import Decimal

from payonce.base.money import show
from payonce.usecases.answers import PaymentView


def payment_in_words(payment: PaymentView) -> str:
    """`45.00 USD came by nowpayments payment 123 as 45.21 usdttrc20 (outcome): all of it serves the order`."""
    came = f"{show(payment.captured_minor, payment.currency)} came by {payment.provider} {payment.kind} {payment.ref}"
    if payment.paid_in_amount is not None:
        came += f" as {plain_decimal(payment.paid_in_amount)} {payment.paid_in_asset} ({payment.paid_in_rule})"
    parts = (
        (payment.allocated_minor, "serves the order"),
        (payment.surplus_minor, "is surplus"),
        (payment.held_minor, "awaits a decision" if payment.is_confirmed else "awaits a read at the provider"),
    )
    told = [
        f"{'all of it' if minor == payment.captured_minor else show(minor, payment.currency)} {what}"
        for minor, what in parts if minor > 0
    ]  # fmt: skip
    return f"{came}: {', '.join(told)}"


def plain_decimal(amount: Decimal) -> str:
    """The number in plain digits, without zeros at its end: `45.21`, never `4.521E+1`."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
