"""What Stripe sends: `payment_intent.succeeded` for payment number n, printed as Stripe prints it, signed.

A body has about 3 kB, as the real ones; only the ids differ from one to the next.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from payonce.base.ids import ATTEMPT, show

SECRET: Final = "whsec_of_the_benchmark_1234567890"
API_KEY: Final = "sk_test_of_the_benchmark_1234567890"
_NUMBER: Final = "#" * 24
_ATTEMPT: Final = "att_of_the_number"


def _event(number: str, created: int) -> Mapping[str, Any]:
    return {
        "id": f"evt_{number}", "object": "event", "api_version": "2026-06-24.dahlia", "created": created,
        "data": {
            "object": intent(number, created),
        },
        "livemode": False, "pending_webhooks": 1,
        "request": {"id": f"req_{number[:14]}", "idempotency_key": f"att_{number}:create"},
        "type": "payment_intent.succeeded",
    }  # fmt: skip


def intent(number: str, created: int) -> Mapping[str, Any]:
    """The payment intent of that number as it is when it has succeeded."""
    return {
        "id": f"pi_{number}", "object": "payment_intent", "amount": 4500, "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 4500, "application": None,
        "application_fee_amount": None, "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None, "cancellation_reason": None, "capture_method": "automatic_async",
        "client_secret": f"pi_{number}_secret_{number}x", "confirmation_method": "automatic", "created": created,
        "currency": "usd", "customer": None, "description": "First monthly fee, under 12",
        "excluded_payment_method_types": None,
        "last_payment_error": None, "latest_charge": f"ch_{number}", "livemode": False,
        "metadata": {"payonce_attempt": _ATTEMPT, "payer_reference": f"player-{number}", "team": "under 12"},
        "next_action": None, "on_behalf_of": None, "payment_method": f"pm_{number}",
        "payment_method_configuration_details": {"id": "pmc_1Nv0FGQ9RKHgCVdK8Tg6ok7W", "parent": None},
        "payment_method_options": {
            "card": {
                "installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic",
            },
            "link": {"persistent_token": None},
        },
        "payment_method_types": ["card", "link"], "processing": None, "receipt_email": "parent@example.com",
        "review": None, "setup_future_usage": None,
        "shipping": {
            "address": {
                "city": "Portsmouth", "country": "GB", "line1": "12 Long Curtain Road", "line2": None,
                "postal_code": "PO1 2NH", "state": "Hampshire",
            },
            "carrier": None, "name": "A. Parent", "phone": None, "tracking_number": None,
        },
        "source": None, "statement_descriptor": None, "statement_descriptor_suffix": None, "status": "succeeded",
        "transfer_data": None, "transfer_group": None,
    }  # fmt: skip


class Letters:
    """Bodies and signatures by number."""

    def __init__(self, secret: str = SECRET) -> None:
        # Now: what is signed is believed for five minutes, and a run is shorter.
        self._at = int(time.time())
        text = json.dumps(_event(_NUMBER, self._at), indent=2)
        before, after = text.split(_ATTEMPT)
        self._before, self._after = before.encode().split(_NUMBER.encode()), after.encode().split(_NUMBER.encode())
        self._secret = secret.encode()

    def body(self, number: int) -> bytes:
        """The event's bytes."""
        digits = b"%024d" % number
        return digits.join(self._before) + attempt_of(number).encode() + digits.join(self._after)

    def request(self, number: int, path: str, *, host: str = "127.0.0.1") -> bytes:
        """The whole HTTP request, as bytes for a connection that is kept."""
        body = self.body(number)
        signature = hmac.digest(self._secret, b"%d.%b" % (self._at, body), "sha256").hex()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
            "Accept: */*; q=0.5, application/xml\r\nCache-Control: no-cache\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: t={self._at},v1={signature}\r\n\r\n"
        )
        return head.encode() + body


def attempt_of(number: int) -> str:
    """The attempt that payment number n is of, as `bench_id` in orders.sql makes it and as Stripe carries it."""
    tail = hashlib.md5(f"2:{number}".encode(), usedforsecurity=False).hexdigest()[:15]
    return show(ATTEMPT, UUID(hex=f"{1760000000000 + number:012x}70028{tail}"))
