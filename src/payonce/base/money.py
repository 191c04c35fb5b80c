"""Money: a whole number of minor units and an ISO 4217 code. No floats, no arithmetic across currencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from payonce.base.errors import Refused, ensure

# The largest amount that a bigint column holds with room for sums over many orders.
LARGEST_MINOR: Final = 10**15

# ISO 4217 (list one, 2026): how many decimals the currency has. Codes that are not here are refused.
_TWO: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE "
    "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR "
    "ZMW ZWG "
)
EXPONENTS: Final[dict[str, int]] = (
    dict.fromkeys(_TWO.split(), 2)
    | dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0)
    | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (`135` USD is 1.35 dollars, `135` VND is 135 dong) and its currency in capitals."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        ensure(self.currency == other.currency, "amounts of two currencies were added")
        return Money(self.minor + other.minor, self.currency)

    def __str__(self) -> str:
        return show(self.minor, self.currency)


def currency_of(text: str, *, param: str = "currency") -> str:
    """The code in capitals. Raises Refused `currency_unknown` for anything that ISO 4217 does not list."""
    code = text.upper()
    if code not in EXPONENTS:
        raise Refused(f"{text!r:.20} is no currency of ISO 4217", code="currency_unknown", param=param)
    return code


def show(minor: int, currency: str) -> str:
    """The amount for people, with the decimals of its currency: `1.35 USD`, `135 VND`, `-0.05 EUR`."""
    exponent = EXPONENTS.get(currency, 0)
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor))
    if exponent == 0:
        return f"{sign}{digits} {currency}"
    digits = digits.rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]} {currency}"
