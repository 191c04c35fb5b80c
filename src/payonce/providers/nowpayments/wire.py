"""NOWPayments' values: numbers as text, numbers as numbers, ids as either; checked before they are believed.

Amounts are exact decimals from the digits that were sent; nothing here is a float and nothing rounds up. What is not
as documented raises Surprise, which the doors of the adapter (`answers`, `events`) turn into an outcome.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from payonce.base.errors import Refused
from payonce.base.money import EXPONENTS, LARGEST_MINOR, show
from payonce.base.strict_json import LONGEST_NUMBER, RawNumber

_NUMBER: Final = re.compile(r"[0-9]{1,60}(?:\.[0-9]{1,60})?(?:[eE][+-]?[0-9]{1,3})?")
_DIGITS: Final = re.compile(r"[0-9]{1,40}")
# Ids are digits today, as a number in one place and as text in another.
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The last millisecond that a datetime holds; times in notices are unix milliseconds.
_LAST_MILLISECOND: Final = 253402300799999


class Surprise(Exception):
    """A value from NOWPayments that is not what its documentation says. Never leaves this package."""


def price_text(minor: int, currency: str) -> str:
    """The amount in the currency's unit with its decimals, as a JSON number. Raises Refused `amount_not_payable`."""
    exponent = EXPONENTS.get(currency)
    if exponent is None or not 0 < minor <= LARGEST_MINOR:
        raise Refused(
            f"{show(minor, currency)} is no amount to charge", code="amount_not_payable", param="amount_minor"
        )
    digits = str(minor).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits


def decimal(value: object, what: str) -> Decimal | None:
    """`value`, a number or its digits as text, exactly; None for an empty field. Raises Surprise.

    Both forms occur, such as `0.1` and `"0.1"`; with raw numbers both are text, and mean the same.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise Surprise(f"{what} is not an amount")
    number = Decimal(value)
    if abs(number.adjusted()) > LONGEST_NUMBER:
        raise Surprise(f"{what} is out of range")
    return number


def plain(number: Decimal) -> str:
    """The number in plain digits, as a payer types it: `0.0000001`, never `1E-7`."""
    return format(number, "f")


def name(value: object, what: str) -> str:
    """`value` as the text of an id, whether it came as a number or as text. Raises Surprise."""
    pattern = _DIGITS if isinstance(value, RawNumber) else _ID
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Surprise(f"{what} is not an id")
    return str(value)


def name_or_none(value: object, what: str) -> str | None:
    """`value` as the text of an id, or None for an empty field. Raises Surprise."""
    return None if value is None or value == "" else name(value, what)


def word(value: object, longest: int = 100) -> str:
    """`value` as a short text for a code or a reason, or nothing."""
    return str(value[:longest]) if isinstance(value, str) and value.isprintable() else ""


def shown(value: object, what: str) -> str:
    """`value` as text that a payer copies, letter for letter; nothing for an empty field. Raises Surprise.

    A memo that is dropped or cut sends the coins to somebody else, so what cannot be shown is no instruction at all.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 500 or not value.isprintable():
        raise Surprise(f"{what} cannot be shown")
    return str(value)


def code_of(value: object) -> str:
    """A currency or coin in lower case, or nothing."""
    return word(value, 40).lower()


def whole(value: object, what: str) -> int:
    """`value` as a count. Raises Surprise."""
    if not isinstance(value, str) or not re.fullmatch("[0-9]{1,9}", value):
        raise Surprise(f"{what} is not a count")
    return int(value)


def instant(value: object) -> datetime | None:
    """Unix milliseconds or ISO text as an instant, or None for anything else."""
    if isinstance(value, RawNumber):
        if not _DIGITS.fullmatch(value) or int(value) > _LAST_MILLISECOND:
            return None
        seconds, milliseconds = divmod(int(value), 1000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def mapping(value: object) -> dict[str, Any]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}
