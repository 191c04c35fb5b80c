"""Stripe's units and spelling: amounts in its decimals, parameters as a form, values checked before they are believed.

Refuses amounts that Stripe cannot express exactly; nothing here rounds. What comes from Stripe and is not as documented
raises Surprise, which the doors of the adapter (`answers`, `events`) turn into an outcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from payonce.base import money
from payonce.base.errors import Refused
from payonce.base.money import EXPONENTS, show

# Where Stripe's decimals differ from ISO 4217 (docs.stripe.com/currencies, "Zero-decimal currencies", "Special
# cases"). ISK and UGX have no minor unit and go as two decimals that are always 00: "to charge 5 ISK, provide 500".
# The page also lists UGX among the zero-decimal ones; its worked example ("to charge 5 UGX, provide 500") decides.
# MGA has two by ISO and goes without.
WIRE_EXPONENTS: Final = {"ISK": 2, "UGX": 2, "MGA": 0}

# The last of three decimals must be 0, because Stripe's partners settle two (same page, "Three-decimal currencies").
THREE_DECIMALS_STEP: Final = 10

# The smallest charge by currency (same page, "Minimum and maximum charge amounts"), in minor units of ISO 4217. They
# hold for the currency that is paid out: a charge that is converted must reach that one's minimum, which only Stripe
# can tell; it then answers 400 `amount_too_small`.
SMALLEST_MINOR: Final[dict[str, int]] = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 30, "HKD": 400,
    "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200,
    "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip

# "The amount value supports up to eight digits" (API reference, `amount`), in Stripe's unit; some currencies take more.
# In minor units of ISO 4217.
LARGEST_MINOR: Final[dict[str, int]] = {
    "*": 99_999_999, "ISK": 999_999, "UGX": 999_999, "MGA": 9_999_999_900, "IDR": 999_999_999_999,
    "COP": 9_999_999_999, "HUF": 9_999_999_999, "INR": 999_999_999, "JPY": 9_999_999_999, "LBP": 99_999_999_999,
}  # fmt: skip
# Amounts that Stripe can express are multiples of this.
STEP_MINOR: Final[dict[str, int]] = {"MGA": 100} | {
    currency: THREE_DECIMALS_STEP for currency, exponent in EXPONENTS.items() if exponent == 3
}

# Stripe's ids are letters, digits and underscores of up to 255 characters (docs.stripe.com/upgrades); ours may be too.
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
# The last second that a datetime holds; Stripe's times are unix seconds.
_LAST_SECOND: Final = 253402300799


class Surprise(Exception):
    """A value from Stripe that is not what its documentation says. Never leaves this package."""


def to_wire(minor: int, currency: str) -> int:
    """The amount in Stripe's unit. Raises Refused `amount_not_payable` when Stripe has no such amount."""
    exponent = EXPONENTS.get(currency)
    if exponent is None or minor <= 0:
        raise _not_payable(minor, currency, "is no amount to charge")
    shift = WIRE_EXPONENTS.get(currency, exponent) - exponent
    wire, rest = _shifted(minor, shift)
    if rest:
        raise _not_payable(minor, currency, f"is finer than Stripe charges {currency}")
    if exponent == 3 and wire % THREE_DECIMALS_STEP:
        raise _not_payable(minor, currency, "must end in 0: Stripe charges two of the three decimals")
    return wire


def from_wire(amount: object, currency: str) -> int:
    """The amount in minor units of ISO 4217. Raises Surprise for what those cannot express.

    A currency that ISO 4217 does not list stays in Stripe's unit: it cannot be an order's, and must not be lost either.
    """
    wire = whole(amount, "an amount")
    if wire < 0:
        raise Surprise("an amount is below zero")
    if currency not in EXPONENTS:
        return wire
    shift = EXPONENTS[currency] - WIRE_EXPONENTS.get(currency, EXPONENTS[currency])
    minor, rest = _shifted(wire, shift)
    if rest:
        raise Surprise(f"an amount of {wire} cannot be {currency}")
    return minor


def form(parameters: Iterable[tuple[str, str]]) -> bytes:
    """The parameters as Stripe takes them, in the order given: the same parameters are the same bytes, always."""
    return urlencode(list(parameters)).encode("ascii")


def whole(value: object, what: str) -> int:
    """`value` as a whole number that a bigint holds. Raises Surprise."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > money.LARGEST_MINOR:
        raise Surprise(f"{what} is not a whole number")
    return value


def name(value: object, what: str) -> str:
    """`value` as an id of Stripe's. Raises Surprise."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Surprise(f"{what} is not an id")
    return value


def word(value: object, longest: int = 100) -> str:
    """`value` as a short text for a code or a reason, or nothing."""
    return value[:longest] if isinstance(value, str) and value.isprintable() else ""


def currency_of(value: object) -> str:
    """The code in capitals, as ISO 4217 writes it. Raises Surprise for what is no code at all."""
    if not isinstance(value, str) or not (3 <= len(value) <= 10 and value.isascii() and value.isalnum()):
        raise Surprise("a currency is not a code")
    return value.upper()


def instant(value: object) -> datetime | None:
    """Unix seconds as an instant, or None for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value, UTC)


def mapping(value: object) -> dict[str, Any]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _shifted(amount: int, shift: int) -> tuple[int, int]:
    """The amount with `shift` more decimals (fewer, if negative), and what is left over."""
    return (amount * int(10**shift), 0) if shift >= 0 else divmod(amount, int(10**-shift))


def _not_payable(minor: int, currency: str, why: str) -> Refused:
    return Refused(
        f"{show(minor, currency)} {why}", code="amount_not_payable", param="amount_minor",
        hint="See the currencies page of Stripe's documentation; another amount or another provider can take it.",
    )  # fmt: skip
