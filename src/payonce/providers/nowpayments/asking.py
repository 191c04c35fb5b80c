"""The bodies that make a payable object. What is needed and no extras: every extra is one more reason for a 400.

The same ask gives the same bytes, always: they are stored with the attempt before they are sent. NOWPayments knows no
idempotency key, and its `order_id` is no key either: two equal creates make two addresses, and both can be paid. It is
our attempt's id, so that whatever was made is known by it.
"""

from __future__ import annotations

from typing import Any, Final

from payonce.base import ids
from payonce.base.strict_json import RawNumber
from payonce.providers.contract import Ask
from payonce.providers.nowpayments.signature import canonical
from payonce.providers.nowpayments.wire import price_text

# Shown to the payer; the documents name no longest one, and a longer text must never cost a payment.
LONGEST_DESCRIPTION: Final = 200


def invoice_body(ask: Ask) -> bytes:
    """A page on which the payer chooses the coin. Raises Refused `amount_not_payable`."""
    return _written(_order(ask) | _filled(success_url=ask.success_url, cancel_url=ask.cancel_url))


def payment_body(ask: Ask, pay_currency: str) -> bytes:
    """An address to which a coin of our choice is sent. Raises Refused `amount_not_payable`."""
    return _written(_order(ask) | {"pay_currency": pay_currency})


def _order(ask: Ask) -> dict[str, Any]:
    """What both flows say. The price is a number with the currency's own decimals, digit for digit."""
    return {
        "price_amount": RawNumber(price_text(ask.amount_minor, ask.currency)),
        "price_currency": ask.currency.lower(),
        "order_id": ids.show(ids.ATTEMPT, ask.attempt_id),
        "order_description": ask.description.strip()[:LONGEST_DESCRIPTION] or "Order",
    } | _filled(ipn_callback_url=ask.callback_url)


def _filled(**fields: str) -> dict[str, str]:
    return {key: value for key, value in fields.items() if value}


def _written(fields: dict[str, Any]) -> bytes:
    return canonical(fields).encode("utf-8", "replace")
