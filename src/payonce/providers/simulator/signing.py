"""Signatures as the providers make them. Signs only: checking is the adapter's work, and the two share no code."""

from __future__ import annotations

import hashlib
import hmac


def stripe_signature(secrets: tuple[str, ...], timestamp: int, body: bytes) -> str:
    """The value of `Stripe-Signature`: one v1 for each secret, several while a secret is being rolled."""
    signed = b"%d." % timestamp + body
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={mark}" for mark in marks)])
