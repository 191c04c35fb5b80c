"""Items of an order: which pieces of stock a wish asks for, in a shape that the rest can rely on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from payonce.base.errors import Refused

# A basket is no warehouse's list; every item is a lock that others wait for.
MOST_ITEMS: Final = 100
MOST_PIECES: Final = 1_000_000
# It stands in addresses, so it begins with a letter or digit, and has no blanks and no slashes.
SKU: Final = re.compile(r"[^\W_][^\s/]{0,99}")


@dataclass(frozen=True, slots=True)
class Item:
    """So many pieces of one item of stock."""

    sku: str
    quantity: int


def checked_sku(sku: object, param: str = "sku") -> str:
    """The sku as it is. Raises Refused `sku_invalid` for what no item can be called."""
    if not isinstance(sku, str) or not SKU.fullmatch(sku) or not sku.isprintable():
        raise Refused(
            "a sku has 1 to 100 printable characters without blanks and slashes, and begins with a letter or digit",
            code="sku_invalid", param=param,
        )  # fmt: skip
    return sku


def checked_items(wished: Iterable[Item | Mapping[str, Any]]) -> tuple[Item, ...]:
    """The items by sku. Raises Refused `items_invalid`, `sku_invalid`."""
    items = [_item(each, place) for place, each in enumerate(wished)]
    if len(items) > MOST_ITEMS:
        raise _invalid(f"an order has at most {MOST_ITEMS} items")
    if len({item.sku for item in items}) < len(items):
        raise _invalid("a sku stands in the items twice; add its quantities up")
    return tuple(sorted(items, key=lambda item: item.sku))


def _item(wished: Item | Mapping[str, Any], place: int) -> Item:
    if isinstance(wished, Mapping):
        if wished.keys() != {"sku", "quantity"}:
            raise _invalid("an item is a sku and a quantity", place)
        wished = Item(wished["sku"], wished["quantity"])
    checked_sku(wished.sku, f"items.{place}.sku")
    if type(wished.quantity) is not int or not 1 <= wished.quantity <= MOST_PIECES:
        raise _invalid(f"a quantity is a whole number from 1 to {MOST_PIECES:,}", place)
    return wished


def _invalid(message: str, place: int | None = None) -> Refused:
    return Refused(message, code="items_invalid", param="items" if place is None else f"items.{place}.quantity")
