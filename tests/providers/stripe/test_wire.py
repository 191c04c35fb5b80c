"""Amounts on the wire: Stripe's decimals are not always those of ISO 4217, and nothing is rounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.base.errors import Refused
from payonce.base.money import EXPONENTS, LARGEST_MINOR
from payonce.providers.stripe.wire import SMALLEST_MINOR, Surprise, form, from_wire, instant, to_wire

# Stripe's list of zero-decimal currencies, copied as it stands; UGX is taken out by the page's own special case.
ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()


@pytest.mark.parametrize(
    ("minor", "currency", "wire"),
    [
        (135, "USD", 135),
        (500, "JPY", 500),
        (135000, "VND", 135000),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (500, "MGA", 5),
        (17500, "HUF", 17500),
        (80045, "TWD", 80045),
        (5120, "KWD", 5120),
        (50, "BHD", 50),
    ],
)
def test_an_amount_goes_out_and_comes_back_in_the_decimals_of_its_side(minor: int, currency: str, wire: int) -> None:
    """B17: the examples of Stripe's own page on currencies."""
    assert to_wire(minor, currency) == wire
    assert from_wire(wire, currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency"), [(0, "USD"), (-1, "USD"), (501, "MGA"), (5124, "KWD"), (1, "OMR"), (1, "XYZ"), (1, "usd")]
)
def test_an_amount_that_stripe_cannot_charge_exactly_is_refused_and_never_rounded(minor: int, currency: str) -> None:
    """B17: a tenth of a fils more is another amount."""
    with pytest.raises(Refused) as refused:
        to_wire(minor, currency)
    assert refused.value.code == "amount_not_payable"


@given(some.integers(1, LARGEST_MINOR // 100), some.sampled_from(sorted(EXPONENTS)))
def test_what_can_be_charged_comes_back_as_it_went(minor: int, currency: str) -> None:
    """B17: for every currency of ISO 4217."""
    try:
        wire = to_wire(minor, currency)
    except Refused:
        assert currency == "MGA" or EXPONENTS[currency] == 3
        return
    assert from_wire(wire, currency) == minor


@pytest.mark.parametrize("currency", ZERO_DECIMAL)
def test_of_the_currencies_that_stripe_counts_whole_one_is_one(currency: str) -> None:
    assert to_wire(10 ** EXPONENTS[currency], currency) == 1


@pytest.mark.parametrize("amount", [None, "135", 1.5, True, -1, LARGEST_MINOR + 1, [135], {}])
def test_what_is_no_whole_amount_is_not_believed(amount: object) -> None:
    with pytest.raises(Surprise):
        from_wire(amount, "USD")


@pytest.mark.parametrize("currency", ["ISK", "UGX"])
def test_a_fraction_of_a_currency_without_fractions_is_not_believed(currency: str) -> None:
    with pytest.raises(Surprise):
        from_wire(550, currency)


def test_money_of_a_currency_that_iso_does_not_list_is_not_lost() -> None:
    assert from_wire(550, "USDC") == 550


def test_every_smallest_amount_can_be_charged() -> None:
    assert [currency for currency, minor in SMALLEST_MINOR.items() if to_wire(minor, currency) != minor] == []


def test_the_same_parameters_are_the_same_bytes_and_nothing_escapes_its_place() -> None:
    body = form([("metadata[a]", "x&amount=1"), ("name", "é ü")])
    assert body == b"metadata%5Ba%5D=x%26amount%3D1&name=%C3%A9+%C3%BC"


@pytest.mark.parametrize("value", [None, "1", -1, True, 10**15, 1.5])
def test_what_is_no_time_is_none(value: object) -> None:
    assert instant(value) is None
