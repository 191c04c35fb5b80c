"""Identifiers: UUIDv7 inside, TypeID text (`ord_01k…`) at the edges.

UUIDv7 sorts by time of creation, so the newest rows share pages of an index; UUIDv4 would spread every insert over the
whole index. Ids are made in the application, outside of transactions, so that a transaction that runs again uses
the same ones.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from uuid import UUID, SafeUUID

from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.base.errors import Refused

# Crockford's base 32 in lower case, as the TypeID specification (0.3) writes the 128 bits of a UUID in 26 characters.
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
# Two letters at once: a settled webhook shows five ids, and their letters one by one cost more than its signature.
_PAIRS: Final = tuple(first + second for first in ALPHABET for second in ALPHABET)
_BODY: Final = re.compile(f"[0-7][{ALPHABET}]{{25}}")
# To the digits that Python reads a number to the base of 32 by.
_DIGITS: Final = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")

ORDER: Final = "ord"
ATTEMPT: Final = "att"
EVENT: Final = "evt"
SETTLEMENT: Final = "stl"
ENTRY: Final = "led"
EFFECT: Final = "eff"
FINDING: Final = "fnd"
REFUND: Final = "rfd"
PAYOUT: Final = "pay"
RUN: Final = "run"
REQUEST: Final = "req"
ALERT: Final = "alr"
SILENCE: Final = "sil"


_TAIL: Final = (1 << 62) - 1
_UNKNOWN: Final = SafeUUID.unknown
_VERSION_7: Final = 0x7 << 76 | 0b10 << 62


def _uuid(number: int) -> UUID:
    """`UUID(int=number)` of a number that is known to have 128 bits: without its looks at six ways to make one, which
    take three times as long."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", _UNKNOWN)
    return made


class Ids:
    """Makes UUIDv7 values from a clock and a source of randomness, never twice the same, rising within a process."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._last = 0

    def new(self) -> UUID:
        """A new UUIDv7: 48 bits of unix milliseconds, then 12 bits of counting, then 62 random bits (RFC 9562, 5.7)."""
        # Milliseconds and 12 bits below them are one number that only rises, so that a clock that stands still or steps
        # back for a moment neither repeats an id nor sorts a later one first.
        wanted = int(self._clock.now().timestamp() * 1000) << 12
        self._last = max(wanted, self._last + 1)
        tail = int.from_bytes(self._chance.token(8), "big") & _TAIL
        return _uuid(self._last >> 12 << 80 | (self._last & 0xFFF) << 64 | _VERSION_7 | tail)

    def token(self) -> str:
        """A secret of 128 bits for a link, 26 characters of lower-case letters and digits."""
        return spell(self._chance.token(16))


def spell(raw: bytes) -> str:
    """Text of lower-case letters and digits for `raw`, safe in URLs and easy to read out."""
    number, text = int.from_bytes(raw, "big"), ""
    for _ in range((len(raw) * 8 + 4) // 5):
        number, digit = divmod(number, 32)
        text = ALPHABET[digit] + text
    return text


def first_at(at: datetime) -> UUID:
    """The smallest id that is made at that instant: rows that were made since have larger ones."""
    return UUID(int=max(0, int(at.timestamp() * 1000)) << 80)


def show(prefix: str, value: UUID) -> str:
    """The TypeID text of `value`: `ord_01k…`."""
    n, pairs = value.int, _PAIRS
    return (
        f"{prefix}_{pairs[n >> 120]}{pairs[n >> 110 & 1023]}{pairs[n >> 100 & 1023]}{pairs[n >> 90 & 1023]}"
        f"{pairs[n >> 80 & 1023]}{pairs[n >> 70 & 1023]}{pairs[n >> 60 & 1023]}{pairs[n >> 50 & 1023]}"
        f"{pairs[n >> 40 & 1023]}{pairs[n >> 30 & 1023]}{pairs[n >> 20 & 1023]}{pairs[n >> 10 & 1023]}"
        f"{pairs[n & 1023]}"
    )


def read(prefix: str, text: str, *, param: str = "id") -> UUID:
    """The id behind TypeID text. Raises Refused `id_invalid` (404: such an id cannot exist) for any other text."""
    found = read_or_none(prefix, text)
    if found is None:
        raise Refused(f"{text!r:.60} is not an id of the kind {prefix}_…", code="id_invalid", param=param, status=404)
    return found


def read_or_none(prefix: str, text: str) -> UUID | None:
    """The id behind TypeID text, or None when the text is none."""
    head, _, body = text.rpartition("_")
    if head != prefix or not _BODY.fullmatch(body):
        return None
    return _uuid(int(body.translate(_DIGITS), 32))
