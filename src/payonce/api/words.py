"""What people are told: providers by the names that they have on their own pages, coins and networks as wallets do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from payonce.usecases.ways_to_pay import Way

# Providers write themselves so; of another one its name is written with a capital.
_NAMES: Final = {"zalopay": "ZaloPay", "nowpayments": "NOWPayments"}
# What a payer pays with there, where the name alone does not say it.
_MEANS: Final = {"stripe": "card and more", "nowpayments": "coins"}
# Coins that live on several networks; providers write the network behind the name (`usdttrc20`).
_STABLE: Final = ("usdt", "usdc", "dai", "tusd", "busd")


def name_of(provider: str) -> str:
    """`zalopay` → `ZaloPay`."""
    return _NAMES.get(provider, provider.replace("_", " ").title())


def listed(names: Iterable[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    *others, last = list(names) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def label_of(way: Way, among: list[Way]) -> str:
    """A way to pay as a payer chooses it; with its account's name where another one would read the same."""
    means = _MEANS.get(way.provider)
    label = f"{name_of(way.provider)} ({means})" if means else name_of(way.provider)
    twins = sum(other.provider == way.provider for other in among)
    return f"{label}, {way.account}" if twins > 1 else label


def coin(asset: str) -> str:
    """`usdttrc20` → `USDT TRC20`."""
    lowered = asset.lower()
    for stable in _STABLE:
        if lowered.startswith(stable) and lowered != stable:
            return f"{stable} {asset[len(stable) :].lstrip('-_ ')}".upper()
    return asset.upper()
