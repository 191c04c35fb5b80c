"""ZaloPay's authentication codes: HMAC-SHA256 in hexadecimal, over a text as it stands or over values and bars."""

from __future__ import annotations

import hashlib
import hmac


def mac(key: str, text: str) -> str:
    """The code of a text."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def mac_of(key: str, *values: object) -> str:
    """The code of values joined by bars."""
    return mac(key, "|".join(str(value) for value in values))


def is_mac(given: str, wanted: str) -> bool:
    """Whether both are the same code, told in a time that does not depend on them."""
    return hmac.compare_digest(given.encode(), wanted.encode())
