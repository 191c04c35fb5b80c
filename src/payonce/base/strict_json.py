"""JSON from strangers: bytes in, plain values out, or one error. Refuses what `jsonb` would refuse or silently change.

No NaN or Infinity, no duplicate keys, no deep nesting, no lone surrogates; numbers with a fraction become Decimal, so
that an amount is never a float.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from payonce.base.errors import Refused

# A provider's event is a few kilobytes; one MiB leaves room and bounds the memory that one request can take.
LARGEST_BODY_BYTES: Final = 1024 * 1024
# Providers nest about eight deep. Python's own parser would recurse to its limit on a hostile body.
DEEPEST_NESTING: Final = 64
# Longer digits cost quadratic time to convert and fit no amount anywhere.
LONGEST_NUMBER: Final = 100


class RawNumber(str):
    """A number as it stood in the body, digit for digit: `1e-7` is neither `0.0000001` nor `1E-7`."""

    __slots__ = ()


def parse(body: bytes, *, raw_numbers: bool = False) -> Any:
    """The value in `body` (UTF-8). Raises Refused `json_invalid` with the reason, and nothing else, for any bytes.

    `raw_numbers`: numbers come as RawNumber, for signatures over text that is put together again.
    """
    if len(body) > LARGEST_BODY_BYTES:
        raise _invalid("the body is larger than 1 MiB")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid("the body is not UTF-8") from error
    if _nesting(text) > DEEPEST_NESTING:
        raise _invalid(f"the body nests deeper than {DEEPEST_NESTING}")
    try:
        value = (_RAW if raw_numbers else _PLAIN).decode(text)
        # Only an escape can bring what UTF-8 and JSON forbid in plain writing, so most bodies are not walked.
        if "\\u" in text:
            _refuse_unstorable(value)
        return value
    except ValueError as error:
        raise _invalid(f"the body is not JSON: {error}"[:200]) from error


def parse_object(body: bytes, *, raw_numbers: bool = False) -> dict[str, Any]:
    """The object in `body`. Raises Refused `json_invalid` for anything else."""
    value = parse(body, raw_numbers=raw_numbers)
    if not isinstance(value, dict):
        raise _invalid("the body is not a JSON object")
    return value


def _invalid(message: str) -> Refused:
    return Refused(message, code="json_invalid", status=400)


def _nesting(text: str) -> int:
    """How deep brackets stand in each other, counted without recursion; brackets inside strings do not count."""
    deepest = depth = 0
    in_string = escaped = False
    if text.count("[") + text.count("{") <= DEEPEST_NESTING:
        return 0
    for letter in text:
        if in_string:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                in_string = False
        elif letter == '"':
            in_string = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_unstorable(value: Any) -> None:
    """Refuse strings that PostgreSQL's text (NUL) or UTF-8 (a lone surrogate) cannot hold, at any depth."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError("a string holds a character that cannot be stored")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_unstorable(inner)


def _decimal(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise ValueError("a number is too long")
    try:
        number = Decimal(text)
    except InvalidOperation:
        # An exponent that not even the library can hold, of nineteen digits or more.
        raise ValueError("a number is out of range") from None
    if not number.is_finite() or abs(number.adjusted()) > LONGEST_NUMBER:
        raise ValueError("a number is out of range")
    return number


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(text)


def _raw_decimal(text: str) -> RawNumber:
    _decimal(text)
    return RawNumber(text)


def _raw_integer(text: str) -> RawNumber:
    _integer(text)
    return RawNumber(text)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


# Made once: `json.loads` makes one for every text, which takes a fifth of the reading.
_PLAIN: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)
_RAW: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_raw_decimal, parse_int=_raw_integer, parse_constant=_constant
)
