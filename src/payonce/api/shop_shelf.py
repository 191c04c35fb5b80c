"""What stands on the shelf of the demo shop, at prices in two currencies: each simulated provider has a use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from payonce.base.errors import Refused
from payonce.base.money import EXPONENTS

# The first is what a visitor sees who chose none.
CURRENCIES: Final = ("USD", "VND")


@dataclass(frozen=True, slots=True)
class Item:
    """Something on the shelf; its prices in minor units."""

    name: str
    title: str
    text: str
    prices: Mapping[str, int]


SHELF: Final = (
    Item("tea", "Mountain tea", "100 g of first flush, picked in April.", {"USD": 1250, "VND": 320_000}),
    Item("cup", "Porcelain cup", "Thin, white, and hard to put down.", {"USD": 1900, "VND": 490_000}),
    Item("pot", "Teapot for two", "Cast iron; keeps warm through a long talk.", {"USD": 6800, "VND": 1_750_000}),
)


@dataclass(frozen=True, slots=True)
class OwnAmount:
    """How an own amount is written: as the field checks it, and an example."""

    pattern: str
    example: str


OWN: Final = {
    "USD": OwnAmount(r"\d{1,5}([.,]\d{1,2})?", "12.50"),
    "VND": OwnAmount(r"\d{1,8}", "50000"),
}


def currency_wished(text: str) -> str:
    """The currency that was chosen, or the first."""
    return text if text in CURRENCIES else CURRENCIES[0]


def wished(form: Mapping[str, str]) -> tuple[str, int, str]:
    """What was chosen, its price in minor units and the currency. Raises Refused `amount_invalid` for an own amount
    that is none.
    """
    currency = currency_wished(form.get("currency", ""))
    for item in SHELF:
        if form.get("item") == item.name:
            return item.title, item.prices[currency], currency
    own, text = OWN[currency], form.get("amount", "").strip()
    if not text.isascii() or re.fullmatch(own.pattern, text) is None:
        raise Refused(f"write an amount like {own.example}", code="amount_invalid", param="amount")
    whole, _, part = text.replace(",", ".").partition(".")
    places = EXPONENTS[currency]
    return "Own amount", int(whole) * 10**places + int(part.ljust(places, "0") or "0"), currency
