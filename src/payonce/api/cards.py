"""Card numbers never enter: a request that holds one is refused before anything of it is stored or logged.

What counts is a run of 13 to 19 digits that begins like a card and whose check digit is right (Luhn), plain or in the
groups that cards are printed in. A number behind a plus sign is a telephone's. What a shop calls an item by is often
the number of its bar code, of which every tenth would pass for a card's: where that is right as a GTIN, it is one.
"""

from __future__ import annotations

import re
from typing import Any, Final

from payonce.base.errors import Refused

# No card begins with 0; what begins with 1, 7 or 9 in this length is a timestamp or an account, not a payment card; 8
# only as 81 and 82, and 9 only as 9792.
_BEGINNING: Final = r"(?:[2-6]|8[12]|9792)"
_PLAIN: Final = re.compile(rf"(?<![\d+])(?={_BEGINNING})\d{{13,19}}(?!\d)")
# 4-4-4-4(-3) and 4-6-5 or 4-6-4, with blanks or hyphens.
_GROUPED: Final = re.compile(
    rf"(?<![\d+])(?={_BEGINNING})\d{{4}}[ -]"
    r"(?:\d{4}[ -]\d{4}[ -]\d{1,4}(?:[ -]\d{1,3})?|\d{6}[ -]\d{4,5})(?!\d)"
)
# The names of members that hold what items are called by.
_ITEMS: Final = frozenset({"sku", "skus"})


def refuse_cards(value: Any) -> None:
    """Raise Refused `card_data_refused` when any text, number or key in `value` holds a card number."""
    if isinstance(value, str):
        _refuse_text(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_text(key)
            for each in inner if isinstance(inner, list) else [inner]:
                if not (key in _ITEMS and isinstance(each, str) and is_gtin(each)):
                    refuse_cards(each)
    elif isinstance(value, list):
        for inner in value:
            refuse_cards(inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        _refuse_text(str(value))


def _refuse_text(text: str) -> None:
    for pattern in (_PLAIN, _GROUPED):
        for found in pattern.finditer(text):
            if luhn(re.sub(r"\D", "", found[0])):
                raise Refused(
                    "the request holds what looks like a card number", code="card_data_refused",
                    hint="Cards are entered on the provider's page only. Leave the number out, also from metadata.",
                )  # fmt: skip


def is_gtin(text: str) -> bool:
    """Whether it is a GTIN-13 or GTIN-14 with its check digit (GS1 General Specifications, 7.9)."""
    if len(text) not in (13, 14) or not (text.isascii() and text.isdigit()):
        return False
    return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(reversed(text))) % 10 == 0


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
