"""ZaloPay's authentication codes: HMAC-SHA256 in lower-case hexadecimal digits, with two keys.

`key1` proves what we send: some fields, joined by `|`. `key2` proves what we are told: the callback's `data`, letter by
letter as it came; reading and writing it again would change the code. The code covers neither a time nor the callback's
`type`, so that a genuine callback stays genuine for ever: telling it again must change nothing, and does not.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

# What each call signs, in this order. `None` stands for key1 itself, which two calls sign as well.
SIGNED: Final[Mapping[str, tuple[str | None, ...]]] = {
    "/v2/create": ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item"),
    "/v2/query": ("app_id", "app_trans_id", None),
    "/v2/cancel": ("app_id", "app_trans_id", None),
    # Without `refund_fee_amount`, which would stand behind the amount and is never sent.
    "/v2/refund": ("app_id", "zp_trans_id", "amount", "description", "timestamp"),
    "/v2/query_refund": ("app_id", "m_refund_id", "timestamp"),
}

# What the payer's browser brings back is signed with key2 too: seven values joined by `|`. Payers see that code, so
# such a text is no callback, although its code is right; a callback's data is an object of JSON.
_REDIRECT: Final = re.compile(r"[^{|]*(?:\|[^|]*){6}", re.DOTALL)


def code(key: bytes, text: str) -> str:
    """The authentication code of the text."""
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def code_of_call(path: str, fields: Mapping[str, Any], key1: str) -> str:
    """The `mac` of a call's fields."""
    parts = [key1 if name is None else str(fields[name]) for name in SIGNED[path]]
    return code(key1.encode("utf-8"), "|".join(parts))


def why_forged(data: object, mac: object, keys: Sequence[bytes]) -> str | None:
    """Why the data of a callback is not believed to be ZaloPay's, or None when it is. Raises nothing."""
    if not isinstance(data, str) or not isinstance(mac, str) or not mac:
        return "no data with a mac"
    # Compares bytes: text that is not ASCII would raise. Every key is tried, so that one can be changed.
    told = mac.encode("utf-8", "surrogatepass")
    found = False
    for key in keys:
        found |= hmac.compare_digest(code(key, data).encode("ascii"), told)
    if not found:
        return "the mac is not equal"
    return "it is the checksum of a redirect" if _REDIRECT.fullmatch(data) else None
