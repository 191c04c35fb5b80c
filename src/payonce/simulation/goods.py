"""What orders of a seed are for besides money: pieces of a limited stock, and shares of payees.

Half of the seeds have stock, half have payees.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from payonce.domain.payout import Share
from payonce.simulation.draw import Draw
from payonce.usecases.items import Item

SKUS: Final = ("cap", "racket", "shirt")
PAYEES: Final = ("coach", "hall", "club")
# From what a payout is made on, in minor units; 0: from the first.
THRESHOLDS: Final = {0: 2.0, 20_000: 1.0}


@dataclass(slots=True)
class Goods:
    """What a seed sells and whom it shares with. `said`: the numbers of pieces that were asked for, by sku."""

    skus: tuple[str, ...] = ()
    payees: tuple[str, ...] = ()
    threshold_minor: int = 0
    said: dict[str, list[int]] = field(default_factory=dict)
    # How many pieces of paid orders somebody said are back.
    returned: Counter[str] = field(default_factory=Counter)

    def items_of(self, draw: Draw, story: str) -> tuple[Item, ...]:
        """What the orders of a story take from stock."""
        if not self.skus or not draw.happens(0.6, story, "wants goods"):
            return ()
        wanted = [sku for sku in self.skus if draw.happens(0.5, story, "wants", sku)]
        return tuple(Item(sku, draw.whole(1, 2, story, "pieces", sku)) for sku in wanted)

    def shares_of(self, draw: Draw, story: str, amount_minor: int) -> tuple[Share, ...]:
        """What payees get of an order of the story."""
        if not self.payees or not draw.happens(0.7, story, "is shared"):
            return ()
        some = [payee for payee in self.payees if draw.happens(0.5, story, "shares with", payee)]
        shares = [(payee, int(amount_minor * draw.between(0.05, 0.33, story, "share", payee))) for payee in some]
        return tuple(Share(payee, minor) for payee, minor in shares if minor > 0)


def goods_of(draw: Draw) -> Goods:
    """What a seed sells and shares."""
    return Goods(
        SKUS if draw.happens(0.5, "goods", "stock") else (),
        PAYEES if draw.happens(0.5, "goods", "payees") else (),
        draw.choose(THRESHOLDS, "goods", "threshold"),
    )
