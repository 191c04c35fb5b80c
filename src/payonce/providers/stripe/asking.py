"""The parameters that make a payable object. What is needed and no extras: every extra is one more reason for a 400.

The same ask gives the same bytes, always: they are stored with the attempt and sent again with the same key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from payonce.base import ids
from payonce.base.errors import ensure
from payonce.providers.contract import Ask
from payonce.providers.stripe.marks import ATTEMPT_KEY, ORDER_KEY
from payonce.providers.stripe.wire import to_wire

Parameters = list[tuple[str, str]]

# Stripe shows the name of what is bought on its page; a longer one is cut, so that it never costs a payment.
LONGEST_NAME: Final = 250
# Plain addresses only: Stripe answers 400 to others, and what merely spares some typing must never cost a payment.
_PLAIN_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")


def intent_parameters(ask: Ask, allowed: Sequence[str]) -> Parameters:
    """Amount, currency and our marks, and nothing of methods. Raises Refused `amount_not_payable`.

    Without `automatic_payment_methods` Stripe offers what the dashboard allows (its default since 2023-08-16);
    `payment_method_types` it refuses since 2026-09-30.endive; localstripe refuses the former and every other extra.
    """
    amount = str(to_wire(ask.amount_minor, ask.currency))
    return [("amount", amount), ("currency", ask.currency.lower()), *_methods(allowed), *_marks(ask, "metadata")]


def session_parameters(ask: Ask, allowed: Sequence[str]) -> Parameters:
    """One line with the order's amount; our marks on the session and on its intent. Raises as `intent_parameters`."""
    parameters = [
        ("mode", "payment"),
        ("client_reference_id", ids.show(ids.ATTEMPT, ask.attempt_id)),
        ("success_url", ask.success_url),
    ]
    if ask.cancel_url:
        parameters.append(("cancel_url", ask.cancel_url))
    if ask.expires_at is not None:
        parameters.append(("expires_at", seconds(ask.expires_at)))
    if ask.payer_email and _PLAIN_EMAIL.fullmatch(ask.payer_email):
        parameters.append(("customer_email", ask.payer_email))
    return [
        *parameters,
        *_methods(allowed),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", ask.currency.lower()),
        ("line_items[0][price_data][unit_amount]", str(to_wire(ask.amount_minor, ask.currency))),
        ("line_items[0][price_data][product_data][name]", ask.description.strip()[:LONGEST_NAME] or "Order"),
        *_marks(ask, "metadata"),
        *_marks(ask, "payment_intent_data[metadata]"),
    ]


def seconds(when: datetime) -> str:
    """The instant as Stripe writes it, in whole unix seconds."""
    ensure(when.tzinfo is not None, "a time without zone was given to Stripe")
    return str(int(when.timestamp()))


def _marks(ask: Ask, field: str) -> Parameters:
    return [
        (f"{field}[{ATTEMPT_KEY}]", ids.show(ids.ATTEMPT, ask.attempt_id)),
        (f"{field}[{ORDER_KEY}]", ids.show(ids.ORDER, ask.order_id)),
    ]


def _methods(allowed: Sequence[str]) -> Parameters:
    return [(f"allowed_payment_method_types[{place}]", kind) for place, kind in enumerate(allowed)]
