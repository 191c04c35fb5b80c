"""JSON with exact numbers: decimals in, decimals out, written as JavaScript would write them.

The provider's amounts have up to 18 decimals. They never become floats here, so what is signed is what was meant.
"""

from __future__ import annotations

import json
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn

# More digits than any amount, rate and product of them has.
EXACT: Final = Context(prec=80)
# JavaScript writes plain digits up to 21 places before the point and 6 zeros after it, and an exponent beyond.
MOST_PLAIN: Final = 21
LEAST_PLAIN: Final = -6
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def read(body: bytes) -> Any:
    """The value of a JSON text, its numbers as int or Decimal. Raises ValueError."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ArithmeticError, RecursionError):
        raise ValueError("nested too deeply, or a number beyond all bounds") from None


def write(value: Any, *, ordered: bool = False) -> str:
    """The JSON text of a value as `JSON.stringify` makes it; `ordered` sorts the names of every object."""
    if isinstance(value, dict):
        names = sorted(value, key=_place) if ordered else list(value)
        return "{" + ",".join(f"{_text(name)}:{write(value[name], ordered=ordered)}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(item, ordered=ordered) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Decimal):
        return number(value)
    if value is None:
        return "null"
    return str(value) if type(value) is int else json.dumps(value)


def number(value: Decimal) -> str:
    """The shortest text of a number, with an exponent where JavaScript uses one: `15`, `0.00001234`, `1e-7`."""
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    shift = int(exponent) + len(text) - len(text.rstrip("0"))
    text = text.rstrip("0")
    if not text:
        return "0"
    point = len(text) + shift
    return ("-" if sign else "") + _placed(text, point)


def _placed(digits: str, point: int) -> str:
    """Digits with the point after the first `point` of them."""
    if len(digits) <= point <= MOST_PLAIN:
        return digits.ljust(point, "0")
    if 0 < point <= MOST_PLAIN:
        return f"{digits[:point]}.{digits[point:]}"
    if LEAST_PLAIN < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{mantissa}e{point - 1:+d}"


def up(value: Decimal, places: int) -> Decimal:
    """`value` with at most so many decimals, never less than it was."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_CEILING, EXACT)


def down(value: Decimal, places: int) -> Decimal:
    """`value` with at most so many decimals, never more than it was."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR, EXACT)


def product(first: Decimal, *others: Decimal) -> Decimal:
    """All of them multiplied, exactly."""
    for other in others:
        first = EXACT.multiply(first, other)
    return first


def ratio(value: Decimal, of: Decimal) -> Decimal:
    """One number in terms of another, to 80 digits."""
    return EXACT.divide(value, of)


def _place(name: str) -> tuple[bool, int, bytes]:
    """Where an object of JavaScript has a name that was put in by order: numbers come first, others by UTF-16."""
    is_number = name.isascii() and name.isdigit() and name == str(int(name))
    return (not is_number, int(name) if is_number else 0, name.encode("utf-16-be", "surrogatepass"))


def _text(value: str) -> str:
    if value.isascii():
        return encode_basestring(value)
    # Half a character cannot be sent as UTF-8; JavaScript writes it as an escape.
    return _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half.group()):04x}", encode_basestring(value))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
