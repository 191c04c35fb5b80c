"""Columns of a batch as parameters: lists of the few types that our statements take, as PostgreSQL's binary arrays.

The bytes are those that psycopg makes (a test compares them), made faster: it asks of every list anew what is in it,
and of every element how it is written. Texts are UTF-8. Whatever is no flat list of one of these types is left to it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import pq

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NULL: Final = b"\xff\xff\xff\xff"
_head: Final = struct.Struct("!IIIII").pack
_length: Final = struct.Struct("!I").pack
_int8: Final = struct.Struct("!Iq").pack
_bool: Final = {True: b"\0\0\0\1\1", False: b"\0\0\0\1\0"}


class Packed(NamedTuple):
    """One parameter as it is sent: its bytes, the type that it is declared as (0: the server decides), and its form."""

    value: bytes
    type: int
    format: pq.Format


def _text(value: str) -> bytes:
    data = value.encode()
    return _length(len(data)) + data


def _uuid(value: UUID) -> bytes:
    return b"\0\0\0\x10" + value.bytes


def _instant(value: datetime) -> bytes:
    # One without a time zone is another type, and raises TypeError here.
    return _int8(8, (value - _EPOCH) // _MICROSECOND)


def _bytes(value: bytes) -> bytes:
    return _length(len(value)) + value


def _whole(value: int) -> bytes:
    return _int8(8, value)


# Type -> (type of the element, type of the array, how one element is written behind its length).
_WAYS: Final[dict[type, tuple[int, int, Callable[[Any], bytes]]]] = {
    str: (25, 1009, _text),
    UUID: (2950, 2951, _uuid),
    int: (20, 1016, _whole),
    bool: (16, 1000, _bool.__getitem__),
    datetime: (1184, 1185, _instant),
    bytes: (17, 1001, _bytes),
}


def packed(values: Sequence[Any]) -> Packed | None:
    """The list as a parameter, or None where psycopg has to find out."""
    kinds = set(map(type, values))
    has_null = type(None) in kinds
    kinds.discard(type(None))
    if not kinds:
        # Nothing says what it is an array of: as text, which the server reads as what the statement wants.
        return Packed(b"{%s}" % b",".join([b"NULL"] * len(values)), 0, pq.Format.TEXT)
    way = _WAYS.get(kinds.pop())
    if way is None or kinds:
        return None
    element, array, write = way
    head = _head(1, has_null, element, len(values), 1)
    try:
        items = [_NULL if value is None else write(value) for value in values] if has_null else map(write, values)
        return Packed(head + b"".join(items), array, pq.Format.BINARY)
    except (TypeError, struct.error, UnicodeEncodeError):
        return None
