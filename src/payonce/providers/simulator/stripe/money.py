"""Stripe's currencies, its smallest and largest amounts, and how an amount reads on a page."""

from __future__ import annotations

from typing import Final

from payonce.providers.simulator.stripe.errors import StripeError
from payonce.providers.simulator.stripe.params import Params

ZERO_DECIMAL: Final = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL: Final = frozenset("bhd jod kwd omr tnd".split())
# These go over the wire with two decimals although they have none: amounts are multiples of 100.
NO_FRACTION: Final = frozenset({"isk", "ugx"})
TWO_DECIMAL: Final = frozenset(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc "
    "cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr "
    "kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk "
    "php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd "
    "uyu uzs wst xcd yer zar zmw".split()
)
CURRENCIES: Final = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL

# Stripe's published minimum charges, in minor units; what is not listed has none here.
SMALLEST: Final = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
# Eight digits, in any currency.
LARGEST: Final = 99_999_999


def read_currency(params: Params, name: str = "currency") -> str:
    """The currency in lower case. Raises StripeError for one that Stripe does not know."""
    value = params.text(name, required=True).lower()
    if value not in CURRENCIES:
        raise StripeError(f"Invalid currency: {value:.20}.", param=params.name(name))
    return value


def check_amount(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount that Stripe could not collect."""
    if amount < max(1, SMALLEST.get(currency, 1)):
        text = f"Amount must be at least {show(SMALLEST.get(currency, 1), currency)}"
        raise StripeError(text, code="amount_too_small", param=param)
    if amount > LARGEST:
        text = f"Amount must be no more than {show(LARGEST, currency)}"
        raise StripeError(text, code="amount_too_large", param=param)
    if (currency in THREE_DECIMAL and amount % 10) or (currency in NO_FRACTION and amount % 100):
        raise StripeError(f"Invalid amount: {amount} {currency} has more decimals than Stripe takes.", param=param)


def exponent(currency: str) -> int:
    """How many decimals an amount of this currency has on the wire."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def show(amount: int, currency: str) -> str:
    """`12.30 USD`, for people."""
    places = exponent(currency)
    sign, digits = "-" if amount < 0 else "", str(abs(amount)).rjust(places + 1, "0")
    whole = f"{int(digits[: len(digits) - places]):,}"
    return f"{sign}{whole}{'.' + digits[-places:] if places else ''} {currency.upper()}"
