"""Columns of a batch as PostgreSQL's binary arrays, packed at once instead of value by value, and plain single values.

The element's type comes from the cast that the SQL gives to the parameter (`%(ids)s::uuid[]`), so that a statement has
the same types whatever it is handed, an empty column and one of nothing but None included. A type without a packer goes
psycopg's own way. Integers travel as int8, and the server casts them: what does not fit is refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from struct import pack
from typing import Any, Final
from uuid import UUID

from psycopg import pq

_Encode = Callable[[Any], bytes]

_NULL: Final = pack(">i", -1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LENGTH_8: Final = pack(">i", 8)
_LENGTH_16: Final = pack(">i", 16)


def _text(value: str) -> bytes:
    raw = value.encode()
    return pack(">i", len(raw)) + raw


def _uuid(value: Any) -> bytes:
    return _LENGTH_16 + int(value.int).to_bytes(16, "big")


def _bytes(value: bytes) -> bytes:
    return pack(">i", len(value)) + value


def _integer(value: int) -> bytes:
    return _LENGTH_8 + value.to_bytes(8, "big", signed=True)


def _boolean(value: bool) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def _instant(value: datetime) -> bytes:
    return _LENGTH_8 + ((value - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True)


# Type as casts name it -> the element's type and the array's (pg_type.oid), and how a value becomes bytes.
_TYPES: Final[Mapping[str, tuple[int, int, _Encode]]] = {
    "text": (25, 1009, _text),
    "uuid": (2950, 2951, _uuid),
    "bytea": (17, 1001, _bytes),
    "bigint": (20, 1016, _integer),
    "integer": (20, 1016, _integer),
    "smallint": (20, 1016, _integer),
    "boolean": (16, 1000, _boolean),
    "timestamptz": (1184, 1185, _instant),
}
PACKED: Final = frozenset(_TYPES)
# A lone event sends columns of one value: what stands before it, and the whole of a column of one None.
_OF_ONE: Final = {
    kind: (pack(">iiiii", 1, 0, element, 1, 1), pack(">iiiii", 1, 1, element, 1, 1) + _NULL, encode)
    for kind, (element, _, encode) in _TYPES.items()
}


_Single = tuple[bytes | None, int, pq.Format]


def _single_text(value: str) -> _Single | None:
    # Untyped, as in handwritten SQL. libpq would end it at a NUL; psycopg refuses such a one.
    return None if "\0" in value else (value.encode(), 0, pq.Format.TEXT)


def _single_instant(value: datetime) -> _Single | None:
    return None if value.tzinfo is None else (_instant(value)[4:], 1184, pq.Format.BINARY)


# How a single value becomes a parameter, by its very type. None of these gives what psycopg would not give too.
_SINGLES: Final[Mapping[type, Callable[[Any], _Single | None]]] = {
    type(None): lambda value: (None, 0, pq.Format.TEXT),
    str: _single_text,
    UUID: lambda value: (value.bytes, 2950, pq.Format.BINARY),
    int: lambda value: (value.to_bytes(8, "big", signed=True), 20, pq.Format.BINARY),
    bool: lambda value: (b"\1" if value else b"\0", 16, pq.Format.BINARY),
    bytes: lambda value: (value, 17, pq.Format.BINARY),
    datetime: _single_instant,
}


def single_of(value: object) -> _Single | None:
    """The value as a parameter with its type (pg_type.oid; 0: the statement's own) and format; None: psycopg's way."""
    encode = _SINGLES.get(type(value))
    return None if encode is None else encode(value)


def oid_of(kind: str) -> int:
    """The array's type, by the name of its elements'."""
    return _TYPES[kind][1]


def packed(kind: str, values: Sequence[Any]) -> bytes:
    """The array of `values`, each of the type `kind` or None. Raises what encoding a wrong value raises."""
    if len(values) == 1:
        head, of_none, encode = _OF_ONE[kind]
        return of_none if values[0] is None else head + encode(values[0])
    element, _, encode = _TYPES[kind]
    if not values:
        return pack(">iii", 0, 0, element)
    if kind == "uuid":
        # Ids hardly ever repeat, and to look for it costs more than to encode them. They are not compared with None
        # either: theirs is a comparison written in Python.
        items = [_NULL if value is None else _LENGTH_16 + value.int.to_bytes(16, "big") for value in values]
        return pack(">iiiii", 1, _NULL in items, element, len(values), 1) + b"".join(items)
    has_null = None in values
    if kind == "bytea":
        # A body is too long to be copied twice.
        items = [part for value in values for part in ((_NULL,) if value is None else (pack(">i", len(value)), value))]
    else:
        # Most columns of a batch say the same thing many times; it is encoded once.
        known = {value: _NULL if value is None else encode(value) for value in set(values)}
        items = [known[value] for value in values]
    return pack(">iiiii", 1, has_null, element, len(values), 1) + b"".join(items)
