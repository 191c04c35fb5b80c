"""What an account of NOWPayments is reached and proven by, checked when the service starts.

Refuses secrets that are missing, short or a known sample (B16), half a pair of credentials, and an address at which
real credentials would travel unencrypted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from payonce.base.errors import Refused
from payonce.base.samples import is_sample
from payonce.providers.contract import Mode

API_BASE: Final = "https://api.nowpayments.io"
# Where the money is play money; any other host of theirs is taken for the real one.
SANDBOX_HOST: Final = "api-sandbox.nowpayments.io"
SHORTEST_SECRET_BYTES: Final = 12

# What people leave in place: our own placeholders and those of common guides. Compared as a whole, without case: a
# secret is never refused for containing one of them, nor for containing "test".
SAMPLES: Final = frozenset(
    {
        "changeme", "change-me", "change_me", "secret", "password", "placeholder", "example", "your-secret-here",
        "your_secret_here", "your_api_key", "your-api-key", "<your_api_key>", "{{your_api_key}}", "{{api-key}}",
        "api_key_here", "your_api_key_here", "your_ipn_secret", "your-ipn-secret", "your_ipn_secret_key",
        "your_ipn_secret_here", "ipn_secret_key", "<your_ipn_secret>", "your_nowpayments_api_key",
        "your-nowpayments-api-key", "your_nowpayments_ipn_secret", "your-nowpayments-ipn-secret",
        "nowpayments_api_key", "nowpayments_ipn_secret", "your_sandbox_api_key", "your_sandbox_api_key_here",
        "xxxxxxx-xxxxxxx-xxxxxxx-xxxxxxx",
    }
)  # fmt: skip

# A coin with its network as NOWPayments writes it: `btc`, `usdttrc20`, `bnbmainnet`.
_COIN: Final = re.compile(r"[a-z0-9]{2,32}")


def base_of(text: str) -> str:
    """The address of the API without `/v1` and without a slash at its end. Raises Refused `api_base_invalid`."""
    base = text.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or "?" in base or "#" in base:
        raise Refused(f"{text!r:.80} is no address of an API", code="api_base_invalid", param="api_base")
    return base


def mode_of(base: str) -> Mode:
    """Live at NOWPayments itself, test at its sandbox and at a stand-in. Raises Refused `api_base_insecure`.

    Keys look the same in both, so the address decides.
    """
    parts = urlsplit(base)
    host = parts.hostname or ""
    is_theirs = host == "nowpayments.io" or host.endswith(".nowpayments.io")
    if is_theirs and parts.scheme != "https":
        raise Refused("the API key would travel unencrypted", code="api_base_insecure", param="api_base")
    return "live" if is_theirs and host != SANDBOX_HOST else "test"


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


def strong_secrets(secrets: str | Sequence[str]) -> tuple[bytes, ...]:
    """The IPN secret as a key; several, separated by commas or as a list, while one is changed. Raises Refused."""
    found = secrets.split(",") if isinstance(secrets, str) else list(secrets) or [""]
    return tuple(strong_secret(one, "the IPN secret").encode("utf-8", "replace") for one in found)


def credentials_of(email: str, password: str) -> tuple[str, str] | None:
    """E-mail and password of the dashboard, or None where neither is given. Raises Refused `credentials_incomplete`."""
    mail = email.strip()
    if bool(mail) != bool(password):
        missing = "password" if mail else "email"
        raise Refused(
            f"of e-mail and password only one is given; the {missing} is missing",
            code="credentials_incomplete",
            hint="Give both, and payments can be listed; or neither.",
            param=missing,
        )
    return (mail, password) if mail else None


def coin_of(text: str) -> str:
    """A coin as NOWPayments names it, in lower case. Raises Refused `pay_currency_invalid`."""
    coin = text.strip().lower()
    if not _COIN.fullmatch(coin):
        raise Refused(
            f"{text!r:.40} is no coin of NOWPayments",
            code="pay_currency_invalid",
            hint="Such as btc, eth or usdttrc20.",
            param="pay_currency",
        )
    return coin
