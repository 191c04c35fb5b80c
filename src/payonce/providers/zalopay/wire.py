"""ZaloPay's units and spelling: whole dong, unix milliseconds, compact JSON, values checked before they are believed.

What comes from ZaloPay and is not as documented raises Surprise, which the doors of the adapter (`answers`,
`callbacks`) turn into an outcome. Nothing here rounds an amount.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from payonce.base import money
from payonce.base.errors import Refused, ensure

# Orders are in dong only, which have no decimals.
CURRENCY: Final = "VND"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# The last millisecond that a datetime holds.
_LAST_MILLISECOND: Final = 253402300799999
# A number in one place (int64) and text in another; up to 64 characters by the description of the callback.
_TRANSACTION: Final = re.compile(r"[1-9][0-9]{0,63}")
_APP_TRANS_ID: Final = re.compile(r"[!-~]{1,40}")


class Surprise(Exception):
    """A value from ZaloPay that is not what its documentation says. Never leaves this package."""


def compact(fields: Mapping[str, Any]) -> str:
    """The fields as JSON, in the order given: the same fields are the same text, always."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def milliseconds(when: datetime) -> int:
    """The instant as ZaloPay writes it, in whole unix milliseconds."""
    ensure(when.tzinfo is not None, "a time without zone was given to ZaloPay")
    return (when - _EPOCH) // _MILLISECOND


def instant(value: object) -> datetime | None:
    """Unix milliseconds as an instant, or None for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_MILLISECOND:
        return None
    return _EPOCH + value * _MILLISECOND


def payable(amount_minor: int, currency: str) -> int:
    """The amount in dong. Raises Refused `amount_not_payable` for another currency, and for nothing at all."""
    if currency != CURRENCY or amount_minor <= 0:
        raise Refused(
            f"{money.show(amount_minor, currency)} cannot be paid by ZaloPay", code="amount_not_payable",
            param="amount_minor", hint="ZaloPay takes Vietnamese dong (VND); another provider can take it.",
        )  # fmt: skip
    return amount_minor


def paid_amount(value: object) -> int:
    """An amount that was paid. Raises Surprise for anything but a whole number of dong above nothing."""
    amount = whole(value, "an amount")
    if amount <= 0:
        raise Surprise("an amount that was paid is nothing")
    return amount


def whole(value: object, what: str) -> int:
    """`value` as a whole number that a bigint holds. Raises Surprise."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > money.LARGEST_MINOR:
        raise Surprise(f"{what} is not a whole number")
    return value


def transaction_id(value: object) -> str:
    """A zp_trans_id as text, whichever way it was written. Raises Surprise."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not _TRANSACTION.fullmatch(text):
        raise Surprise("zp_trans_id is no number of a transaction")
    return text


def order_id(value: object) -> str:
    """An app_trans_id, ours or that of whoever else uses the application. Raises Surprise."""
    if not isinstance(value, str) or not _APP_TRANS_ID.fullmatch(value):
        raise Surprise("app_trans_id is not an id")
    return value


def word(value: object, longest: int = 100) -> str:
    """`value` as a short text for a reason, or nothing."""
    return value[:longest] if isinstance(value, str) and value.isprintable() else ""


def cut(text: str, longest: int) -> str:
    """The text in one line and at most `longest` UTF-16 units, which is how ZaloPay's platform counts characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    while len(line.encode("utf-16-le", "replace")) > 2 * longest:
        line = line[:-1]
    return line.strip()
