"""The key of the API: only test keys are believed."""

from __future__ import annotations

import base64
import binascii

from payonce.providers.simulator.stripe.errors import StripeError
from payonce.providers.simulator.wire import Request


def require_key(request: Request) -> None:
    """Only test keys: a real one has no business here, and must not be believed by mistake."""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    if not value:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not value.startswith(("sk_test_", "rk_test_")) or len(value) <= len("sk_test_"):
        masked = f"{value[:8]}{'*' * 8}{value[-4:]}" if len(value) > 16 else "*" * len(value)
        raise StripeError(f"Invalid API Key provided: {masked}", status=401)
