"""Identifiers: UUIDv7 inside, TypeID text (`ord_01k…`) at the edges.

UUIDv7 sorts by time of creation, so the newest rows share pages of an index; UUIDv4 would spread every insert over the
whole index. Ids are made in the application, outside of transactions, so that a transaction that runs again uses
the same ones.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.base.errors import Refused

# Crockford's base 32 in lower case, as the TypeID specification (0.3) writes the 128 bits of a UUID in 26 characters.
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
VALUE: Final = {letter: value for value, letter in enumerate(ALPHABET)}

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
        tail = int.from_bytes(self._chance.token(8), "big") & ((1 << 62) - 1)
        milliseconds, counter = self._last >> 12, self._last & 0xFFF
        return UUID(int=milliseconds << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail)

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
    number, text = value.int, ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        text = ALPHABET[digit] + text
    return f"{prefix}_{text}"


def read(prefix: str, text: str, *, param: str = "id") -> UUID:
    """The id behind TypeID text. Raises Refused `id_invalid` (404: such an id cannot exist) for any other text."""
    found = read_or_none(prefix, text)
    if found is None:
        raise Refused(f"{text!r:.60} is not an id of the kind {prefix}_…", code="id_invalid", param=param, status=404)
    return found


def read_or_none(prefix: str, text: str) -> UUID | None:
    """The id behind TypeID text, or None when the text is none."""
    head, _, body = text.rpartition("_")
    if head != prefix or len(body) != 26 or body[0] > "7":
        return None
    number = 0
    for letter in body:
        if letter not in VALUE:
            return None
        number = number * 32 + VALUE[letter]
    return UUID(int=number)
