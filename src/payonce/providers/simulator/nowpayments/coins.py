"""What can be paid with, at rates that never move, so that the same payment is worth the same in every run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from payonce.providers.simulator.nowpayments.decimals import EXACT, down, product, ratio, up
from payonce.providers.simulator.nowpayments.errors import NowError


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin on a network. `least` is the least deposit that is carried out; `has_memo`: an address is not enough."""

    code: str
    network: str
    places: int
    dollars: Decimal
    least: Decimal
    begins: str
    has_memo: bool = False


@dataclass(frozen=True, slots=True)
class Fiat:
    """A currency in which prices are told."""

    code: str
    places: int
    dollars: Decimal


COINS: Final = {
    coin.code: coin
    for coin in (
        Coin("usdttrc20", "trx", 6, Decimal(1), Decimal("1"), "T"),
        Coin("btc", "btc", 8, Decimal(64_000), Decimal("0.00002"), "3"),
        Coin("eth", "eth", 18, Decimal(3_200), Decimal("0.0004"), "0x"),
        Coin("trx", "trx", 6, Decimal("0.125"), Decimal("8"), "T"),
        Coin("xrp", "xrp", 6, Decimal("0.5"), Decimal("2"), "r", has_memo=True),
        # A price of cents is a number with an exponent in this one: 0.01 USD are 1.5625e-7 of it.
        Coin("wbtc", "eth", 18, Decimal(64_000), Decimal("1e-8"), "0x"),
    )
}
FIATS: Final = {
    fiat.code: fiat
    for fiat in (
        Fiat("usd", 2, Decimal(1)),
        Fiat("eur", 2, Decimal("1.25")),
        Fiat("jpy", 0, Decimal("0.008")),
        Fiat("vnd", 0, Decimal("0.00004")),
    )
}


def find_coin(code: str, name: str) -> Coin:
    """The coin of a code in any case. Raises NowError 400 for parameter `name`."""
    coin = COINS.get(code.lower())
    if coin is None:
        raise NowError(f"{name}: currency {code:.20} was not found", code="CURRENCY_NOT_FOUND")
    return coin


def find_fiat(code: str, name: str) -> Fiat:
    """The currency of a code in any case. Raises NowError 400 for parameter `name`."""
    fiat = FIATS.get(code.lower())
    if fiat is None:
        raise NowError(f"{name}: currency {code:.20} was not found", code="CURRENCY_NOT_FOUND")
    return fiat


def quote(price: Decimal, fiat: Fiat, coin: Coin) -> Decimal:
    """How much of the coin a price is, rounded up to the coin's last place, so that paying it pays the price."""
    return up(ratio(product(price, fiat.dollars), coin.dollars), coin.places)


def worth(amount: Decimal, coin: Coin, fiat: Fiat) -> Decimal:
    """How much of the currency an amount of the coin is, rounded down to the currency's last place."""
    return down(ratio(product(amount, coin.dollars), fiat.dollars), fiat.places)


def exchanged(amount: Decimal, coin: Coin, into: Coin) -> Decimal:
    """How much of another coin an amount of this one is."""
    return down(ratio(product(amount, coin.dollars), into.dollars), into.places)


def in_minor(amount: Decimal, fiat: Fiat) -> int:
    """An amount of a currency in its minor units, rounded down."""
    return int(down(amount.scaleb(fiat.places, EXACT), 0))
