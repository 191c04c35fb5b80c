"""Money: whole minor units, and the decimals of each currency."""

from __future__ import annotations

import pytest

from payonce.base.errors import Bug, Refused
from payonce.base.money import EXPONENTS, Money, currency_of, show

# One row a currency that people get wrong; the rest has two decimals.
DECIMALS = {
    "USD": 2, "EUR": 2, "GBP": 2, "VES": 2, "XCG": 2, "ZWG": 2, "MGA": 2, "MRU": 2, "HUF": 2, "TWD": 2, "IDR": 2,
    "VND": 0, "JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "UGX": 0, "XOF": 0, "XAF": 0, "XPF": 0, "PYG": 0, "RWF": 0,
    "BIF": 0, "DJF": 0, "GNF": 0, "KMF": 0, "VUV": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip

SHOWN = [
    (135, "USD", "1.35 USD"), (5, "USD", "0.05 USD"), (0, "USD", "0.00 USD"), (-5, "EUR", "-0.05 EUR"),
    (-12345, "EUR", "-123.45 EUR"), (135, "VND", "135 VND"), (0, "JPY", "0 JPY"), (-1, "JPY", "-1 JPY"),
    (1, "KWD", "0.001 KWD"), (1234567, "BHD", "1234.567 BHD"), (100, "USD", "1.00 USD"),
]  # fmt: skip


@pytest.mark.parametrize(("currency", "decimals"), DECIMALS.items())
def test_a_currency_has_the_decimals_that_the_standard_gives_it(currency: str, decimals: int) -> None:
    """B17: an ISO 4217 currency and its exponent."""
    assert EXPONENTS[currency] == decimals


def test_all_other_currencies_have_two_decimals() -> None:
    """B17: a table of exponents in which the exceptions are named one by one."""
    assert {EXPONENTS[code] for code in EXPONENTS.keys() - DECIMALS.keys()} == {2}
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in EXPONENTS)


@pytest.mark.parametrize(("minor", "currency", "text"), SHOWN)
def test_an_amount_is_shown_with_the_decimals_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert show(minor, currency) == text
    assert str(Money(minor, currency)) == text


@pytest.mark.parametrize("code", ["", "US", "USDT", "XXX", "XAU", "BTC", "DM", "123", "usd "])
def test_what_is_no_currency_of_the_standard_is_refused(code: str) -> None:
    with pytest.raises(Refused) as refused:
        currency_of(code)
    assert (refused.value.code, refused.value.param) == ("currency_unknown", "currency")


def test_a_currency_in_small_letters_is_taken_in_capitals() -> None:
    assert currency_of("usd") == "USD"


def test_amounts_of_two_currencies_are_never_added() -> None:
    assert Money(1, "USD") + Money(2, "USD") == Money(3, "USD")
    with pytest.raises(Bug):
        Money(1, "USD") + Money(1, "VND")
