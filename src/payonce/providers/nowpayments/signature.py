"""Whether bytes come from NOWPayments: `x-nowpayments-sig` is the HMAC-SHA512, in hex, of the body written canonically.

Canonical: keys sorted at every level, no spaces, text as it is, numbers digit for digit as they were sent. Of lists
the official code and the official documents disagree (`[1,2]`, or `{"0":1,"1":2}`); both need the secret, so either is
believed. There is no time in it: an old notice can be sent again for ever, so a notice proves nothing by itself and
the payment is read before money is decided (`confirm_by_read`). Nothing here raises for any header or body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.base.strict_json import RawNumber

HEADER: Final = "x-nowpayments-sig"
# A notice is about two kilobytes. A mebibyte of numbers would take a second of everybody's time to be written
# canonically, and anybody can send one.
LARGEST_NOTICE_BYTES: Final = 64 * 1024
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")


def why_forged(header: object, body: bytes, keys: Sequence[bytes]) -> str | None:
    """Why the body is not believed to be NOWPayments', or None when it is. Raises nothing."""
    if not isinstance(header, str) or not header:
        return "no signature"
    if not _SIGNATURE.fullmatch(header):
        return "the signature is not 128 hexadecimal digits"
    if len(body) > LARGEST_NOTICE_BYTES:
        return "the body is larger than any notice"
    try:
        found = strict_json.parse_object(body, raw_numbers=True)
    except Refused as refused:
        # What is signed is made from the values, so bytes without values cannot have been signed.
        return f"nothing that could be signed: {refused.message}"
    forms = dict.fromkeys(canonical(found, indexed=indexed).encode("utf-8") for indexed in (False, True))
    return None if _is_signed(list(forms), header.encode("ascii"), keys) else "no signature matches"


def canonical(value: Any, *, indexed: bool = False) -> str:
    """The value as it is signed; its numbers are RawNumber. `indexed`: lists as objects with their places as keys."""
    if isinstance(value, dict):
        pairs = [(key, value[key]) for key in sorted(value, key=_order)]
    elif isinstance(value, list):
        if not indexed:
            return f"[{','.join(canonical(inner) for inner in value)}]"
        pairs = [(str(place), inner) for place, inner in enumerate(value)]
    elif isinstance(value, RawNumber):
        return str(value)
    else:
        return _text(value)
    return "{" + ",".join(f"{_text(key)}:{canonical(inner, indexed=indexed)}" for key, inner in pairs) + "}"


def _order(key: str) -> bytes:
    """What JavaScript sorts text by: units of UTF-16, which differ from letters beyond the first 65,536."""
    return key.encode("utf-16-be")


def _text(value: object) -> str:
    """A string, a truth value or null, as JavaScript writes it: only quotes, backslashes and controls are escaped."""
    return json.dumps(value, ensure_ascii=False)


def _is_signed(forms: Sequence[bytes], signature: bytes, keys: Sequence[bytes]) -> bool:
    """Whether the signature is one of the keys' over one of the forms."""
    found = False
    for key in keys:
        for form in forms:
            expected = hmac.new(key, form, hashlib.sha512).hexdigest().encode("ascii")
            found |= hmac.compare_digest(expected, signature)
    return found
