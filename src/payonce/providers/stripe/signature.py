"""Whether bytes come from Stripe: `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=…]`, where the hex is the
HMAC-SHA256 of `<t>.<body>` under the endpoint's secret.

Bytes in, verdict out: nothing here raises for any header or body, and nothing is parsed before it is believed. Times
are checked both ways (the official verifier accepts any future one). Refuses to be built with a secret that is
missing, short or a known sample: shops that took an empty one accepted anybody's events (CVE-2026-103301).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from payonce.base.errors import Refused
from payonce.base.samples import is_sample

# Stripe's own default. It signs every retry anew, so an honest delivery is never older.
TOLERANCE_SECONDS: Final = 300
# A genuine header is under 200 characters, with one signature for each secret that is being rolled.
LONGEST_HEADER: Final = 4096
SHORTEST_SECRET_BYTES: Final = 12

# What people leave in place: our own placeholders and those of common guides. Compared as a whole, without case: a
# secret is never refused for containing one of them, nor for containing "test".
SAMPLES: Final = frozenset(
    {
        "changeme", "change-me", "change_me", "secret", "password", "placeholder", "example", "webhook_secret",
        "your-secret-here", "your_secret_here", "your-webhook-secret", "your_webhook_secret", "my_webhook_secret",
        "stripe_webhook_secret", "your_stripe_webhook_secret", "your_stripe_key", "your_stripe_secret_key",
        "whsec_", "whsec_...", "whsec_…", "whsec_secret", "whsec_changeme", "whsec_change_me", "whsec_replace_me",
        "whsec_placeholder", "whsec_your_secret", "whsec_your_webhook_secret", "whsec_your_secret_here", "whsec_xxx",
        "whsec_xxxxxxxx", "whsec_xxxxxxxxxxxx", "whsec_xxxxxxxxxxxxxxxx", "whsec_xxxxxxxxxxxxxxxxxxxxxxxx",
        "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sk_test_...", "sk_test_…", "sk_test_xxx", "sk_test_xxxxxxxx",
        "sk_test_changeme", "sk_test_replace_me", "sk_test_your_key", "sk_live_...", "sk_live_…", "sk_live_xxx",
        "sk_live_xxxxxxxx", "sk_live_changeme", "sk_live_replace_me", "sk_live_your_key",
    }
)  # fmt: skip

# ASCII digits alone: `int()` would take signs, underscores, spaces and the digits of other scripts.
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def strong_secret(secret: object, what: str) -> str:
    """The secret, without the white space that files and shells add. Raises Refused `secret_missing`, `secret_weak`."""
    text = secret.strip() if isinstance(secret, str) else ""
    if not text:
        raise Refused(f"{what} is missing", code="secret_missing", hint="Nothing starts with an empty secret.")
    if len(text.encode("utf-8", "replace")) < SHORTEST_SECRET_BYTES:
        raise Refused(
            f"{what} is shorter than {SHORTEST_SECRET_BYTES} bytes",
            code="secret_weak",
            hint="Copy it from the dashboard.",
        )
    if text.casefold() in SAMPLES or is_sample(text):
        raise Refused(f"{what} is a sample, known to everybody", code="secret_weak", hint="Copy it from the dashboard.")
    return text


def strong_secrets(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """The signing secrets as keys; several, so that one can be rolled. Raises Refused as `strong_secret`."""
    if isinstance(secrets, str) or not secrets:
        raise Refused(
            "the webhook secret is missing", code="secret_missing", hint="Give a list of secrets, the newest first."
        )
    return tuple(strong_secret(secret, "the webhook secret").encode("utf-8", "replace") for secret in secrets)


def why_forged(header: object, body: bytes, keys: Sequence[bytes], now: datetime) -> str | None:
    """Why the body is not believed to be Stripe's, or None when it is. Raises nothing."""
    if not isinstance(header, str) or not header:
        return "no signature"
    if len(header) > LONGEST_HEADER:
        return "the signature header is too long"
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for scheme, _, value in parts if scheme == "t"]
    signatures = [value.encode("utf-8", "replace") for scheme, _, value in parts if scheme == "v1"]
    # Two times would leave open which one was signed; Stripe sends one.
    if len(times) != 1 or not _SECONDS.fullmatch(times[0]):
        return "no single time in the signature header"
    if not signatures:
        return "no signature of the scheme v1"
    if not _is_signed(times[0].encode("ascii") + b"." + body, signatures, keys):
        return "no signature matches"
    # After the signature, so that an answer tells nobody without the key how far a clock is off.
    if abs(now.timestamp() - int(times[0])) > TOLERANCE_SECONDS:
        return "the time of the signature is more than five minutes away"
    return None


def _is_signed(signed: bytes, signatures: Sequence[bytes], keys: Sequence[bytes]) -> bool:
    """Whether one of the signatures is one of the keys'. Compares bytes: text that is not ASCII would raise."""
    found = False
    for key in keys:
        expected = hmac.digest(key, signed, "sha256").hex().encode("ascii")
        for signature in signatures:
            found |= hmac.compare_digest(expected, signature)
    return found
