"""Where an account's requests go and whether its money is real, checked when the service starts.

Refuses keys that cannot work and a live key that would travel unencrypted.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from payonce.base.errors import Refused
from payonce.providers.contract import Mode

API_BASE: Final = "https://api.stripe.com"


def base_of(text: str) -> str:
    """The address of the API without a slash at its end. Raises Refused `api_base_invalid`."""
    base = text.strip().rstrip("/")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or "?" in base or "#" in base:
        raise Refused(f"{text!r:.80} is no address of an API", code="api_base_invalid", param="api_base")
    return base


def mode_of(key: str, base: str) -> Mode:
    """Test or live, by the key's prefix. Raises Refused `api_key_wrong` or `api_base_insecure`."""
    if key.startswith(("sk_live_", "rk_live_")):
        if not base.startswith("https://"):
            raise Refused("a live key would travel unencrypted", code="api_base_insecure", param="api_base")
        return "live"
    if key.startswith("pk_"):
        raise Refused(
            "the API key is the publishable one", code="api_key_wrong", hint="Give the secret one: sk_… or rk_…."
        )
    # A stand-in takes any key, and its money is play money; Stripe itself knows only these prefixes.
    if not key.startswith(("sk_test_", "rk_test_")) and _is_stripe(base):
        hint = "It begins with sk_test_, rk_test_, sk_live_ or rk_live_."
        raise Refused("the API key is none of Stripe's", code="api_key_wrong", hint=hint)
    return "test"


def _is_stripe(base: str) -> bool:
    host = urlsplit(base).hostname or ""
    return host == "stripe.com" or host.endswith(".stripe.com")
