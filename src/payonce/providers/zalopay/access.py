"""Where an application's requests go, whether its money is real, and with which keys; checked when the service starts.

Refuses keys that are missing, short or known to everybody (B16), and real money that would travel unencrypted. The
keys that ZaloPay publishes for its sandbox are what one tries things out with: anybody can sign with them, so they are
refused where the money is real.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from payonce.base.errors import Refused
from payonce.base.samples import is_sample
from payonce.providers.contract import Mode

API_BASE: Final = "https://openapi.zalopay.vn"
LIVE_HOST: Final = "openapi.zalopay.vn"
# Keys are 32 letters and digits; stand-ins may have shorter ones.
SHORTEST_SECRET_BYTES: Final = 12

# Public sandbox applications 2553 and 2554 (docs.zalopay.vn and its samples).
PUBLISHED: Final = frozenset(
    {
        "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL", "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz",
        "sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn", "trMrHtvjo6myautxDUiAcYsVtaeQ8nhf",
    }
)  # fmt: skip
# What people leave in place. Compared as a whole, without case; what is shorter is refused for that.
SAMPLES: Final = frozenset(
    {
        "your-secret-here", "your_secret_here", "zalopay_key1", "zalopay_key2", "zalopay-key1", "zalopay-key2",
        "your_zalopay_key1", "your_zalopay_key2", "your-zalopay-key1", "your-zalopay-key2", "your-zalopay-key",
        "your_key1_here", "your_key2_here", "changemechangeme", "placeholder-key", "xxxxxxxxxxxx", "xxxxxxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    }
)  # fmt: skip

# ZaloPay's type is a 32-bit integer, which is ten ASCII digits at most; a refund's name has room for eleven.
_APP_ID: Final = re.compile(r"[1-9][0-9]{0,9}")


def app_id_of(text: str | int) -> str:
    """The number of the application. Raises Refused `app_id_wrong`."""
    number = str(text).strip()
    if not _APP_ID.fullmatch(number):
        raise Refused(
            f"{number!r:.40} is no number of a ZaloPay application", code="app_id_wrong", param="app_id",
            hint="Copy the App ID from the merchant portal.",
        )  # fmt: skip
    return number


def base_of(text: str) -> str:
    """The address of the API without a slash at its end. Raises Refused `api_base_invalid` or `api_base_insecure`."""
    base = text.strip().rstrip("/")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or "?" in base or "#" in base:
        raise Refused(f"{text!r:.80} is no address of an API", code="api_base_invalid", param="api_base")
    if mode_of(base) == "live" and not base.startswith("https://"):
        raise Refused("real payments would travel unencrypted", code="api_base_insecure", param="api_base")
    return base


def mode_of(base: str) -> Mode:
    """Live at ZaloPay's own address; its sandbox and every stand-in are test. Nothing else tells them apart."""
    return "live" if urlsplit(base).hostname == LIVE_HOST else "test"


def strong_key(key: object, what: str, mode: Mode) -> str:
    """The key, without the white space that files and shells add. Raises Refused `secret_missing`, `secret_weak`."""
    text = key.strip() if isinstance(key, str) else ""
    if not text:
        raise Refused(f"{what} is missing", code="secret_missing", hint="Nothing starts with an empty secret.")
    weak = None
    if len(text.encode("utf-8", "replace")) < SHORTEST_SECRET_BYTES:
        weak = f"is shorter than {SHORTEST_SECRET_BYTES} bytes"
    elif text.casefold() in SAMPLES or is_sample(text):
        weak = "is a sample, known to everybody"
    elif mode == "live" and text in PUBLISHED:
        weak = "is the published one of the sandbox, known to everybody"
    if weak:
        raise Refused(f"{what} {weak}", code="secret_weak", hint="Copy it from the merchant portal.")
    return text


def strong_keys(keys: Sequence[str], what: str, mode: Mode) -> tuple[bytes, ...]:
    """The keys that callbacks are checked with; several, so that one can be changed. Raises Refused as `strong_key`."""
    if isinstance(keys, str) or not keys:
        raise Refused(f"{what} is missing", code="secret_missing", hint="Give a list of keys, the newest first.")
    return tuple(strong_key(key, what, mode).encode("utf-8", "replace") for key in keys)
