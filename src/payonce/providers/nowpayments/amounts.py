"""What a payment in coins is worth in minor units of the order's currency, and by which rule.

`finished` proves no full price: a covering percentage, a wrong coin and a repeated deposit end in it as well. So the
coins that came count, at the rate of the payment's own price: price x actually_paid / pay_amount, rounded down. Where
the merchant is paid out in the currency of the price, the payment is worth at most what was paid out and what the
provider says it kept as fees ("check outcome_amount" is its own rule).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

from payonce.base.money import EXPONENTS, LARGEST_MINOR
from payonce.domain.observation import PaidIn
from payonce.providers.nowpayments.wire import Surprise, code_of, decimal, mapping, plain

# The rules by their names, as they are stored beside the money: what was asked came; more came; less came; the payout
# in the price's currency was lower than the coins' worth; nothing can be counted, because the payment does not say what
# came, or its price is in no currency of ISO 4217; nothing counts, because the coins are on their way, or failed.
Rule = Literal[
    "as_asked", "over_in_proportion", "under_in_proportion", "capped_by_payout", "not_countable", "not_counted"
]  # fmt: skip

_FEES: Final = ("depositFee", "withdrawalFee", "serviceFee")


@dataclass(frozen=True, slots=True)
class Worth:
    """What came: minor units of the price's currency, by `rule`."""

    minor: int
    rule: Rule


def price_of(payment: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """The price in minor units and its currency; nothing of a price that is not in a currency of ISO 4217."""
    currency = code_of(payment.get("price_currency")).upper()
    amount = decimal(payment.get("price_amount"), "the price")
    if currency not in EXPONENTS or amount is None:
        return None, None
    return _counted(_minor(amount, currency)), currency


def worth_of(payment: Mapping[str, Any]) -> Worth:
    """What the coins that came are worth; `not_countable` where the payment does not say it."""
    currency = code_of(payment.get("price_currency")).upper()
    price = decimal(payment.get("price_amount"), "the price")
    asked = decimal(payment.get("pay_amount"), "the amount to pay")
    came = decimal(payment.get("actually_paid"), "what was paid")
    if price is None or not asked or came is None or currency not in EXPONENTS:
        return Worth(0, "not_countable")
    worth = _minor(price, currency) * Fraction(came) / Fraction(asked)
    most = _payout(payment, currency)
    if most is not None and most < worth:
        return Worth(_counted(most), "capped_by_payout")
    rule: Rule = "as_asked" if came == asked else "over_in_proportion" if came > asked else "under_in_proportion"
    return Worth(_counted(worth), rule)


def paid_in(payment: Mapping[str, Any], rule: Rule) -> PaidIn | None:
    """The coins that came, kept beside the money; None where none came."""
    came = decimal(payment.get("actually_paid"), "what was paid")
    return PaidIn(code_of(payment.get("pay_currency")), plain(came), rule) if came else None


def _payout(payment: Mapping[str, Any], currency: str) -> Fraction | None:
    """What was paid out and kept as fees, where both are told in the currency of the price; else None."""
    outcome = decimal(payment.get("outcome_amount"), "the outcome")
    if outcome is None or code_of(payment.get("outcome_currency")).upper() != currency:
        return None
    fee = mapping(payment.get("fee"))
    told = [decimal(fee.get(kind), "a fee") or Decimal() for kind in _FEES]
    # Fees in a coin cannot be added to money; then the payout alone is what is certain.
    kept = told if code_of(fee.get("currency")).upper() == currency else []
    return sum((_minor(one, currency) for one in kept), _minor(outcome, currency))


def _minor(amount: Decimal, currency: str) -> Fraction:
    return Fraction(amount) * Fraction(10 ** EXPONENTS[currency])


def _counted(worth: Fraction) -> int:
    """Whole minor units, rounded down: nobody is credited with what did not come."""
    minor = worth.numerator // worth.denominator
    if minor > LARGEST_MINOR:
        raise Surprise("an amount is larger than any order")
    return minor
