"""Notices ("IPN"): one for each change of a status, signed over its members in the order of their names."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from payonce.providers.simulator.letters import Letters
from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.decimals import write
from payonce.providers.simulator.nowpayments.payment import Payment


class Notices:
    """Writes a notice for every change, when the merchant has a secret and said where notices go."""

    def __init__(self, books: Books, letters: Letters) -> None:
        self._books = books
        self._letters = letters
        books.on_status = self.tell

    def tell(self, payment: Payment) -> None:
        """Queue a notice of the payment as it is now."""
        settings = self._books.settings
        if not settings.ipn_secret or not payment.ipn_callback_url:
            return
        told = payment.told()
        signed = with_objects(told) if settings.signed_arrays == "object" else told
        headers = (
            ("Content-Type", "application/json"),
            ("x-nowpayments-sig", signature(settings.ipn_secret, signed)),
        )
        self._letters.write(
            f"payment.{payment.status}",
            str(payment.id),
            payment.ipn_callback_url,
            headers,
            write(told).encode(),
            delay=settings.ipn_delay,
        )


def signature(secret: str, told: Any) -> str:
    """The value of `x-nowpayments-sig`: names sorted at every level, numbers as they are sent."""
    return hmac.new(secret.encode(), write(told, ordered=True).encode(), hashlib.sha512).hexdigest()


def with_objects(value: Any) -> Any:
    """Arrays as objects with numbers for names, as one of the provider's samples signs them."""
    if isinstance(value, dict):
        return {name: with_objects(member) for name, member in value.items()}
    if isinstance(value, list):
        return {str(place): with_objects(member) for place, member in enumerate(value)}
    return value
