"""JSON from strangers: a value, or one error; never anything else, whatever the bytes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payonce.base.errors import Refused
from payonce.base.strict_json import (
    DEEPEST_NESTING,
    LARGEST_BODY_BYTES,
    LONGEST_NUMBER,
    RawNumber,
    parse,
    parse_object,
)  # fmt: skip

HOSTILE = {
    "nothing": b"",
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "another encoding": '{"a": "ü"}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "an overlong encoding": b'{"a": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice, deep down": b'{"a": [{"b": {"c": 1, "c": 1}}]}',
    "a key twice, once escaped": b'{"a": 1, "\\u0061": 2}',
    "nesting of lists": b"[" * (DEEPEST_NESTING + 1) + b"]" * (DEEPEST_NESTING + 1),
    "nesting of objects": b'{"a":' * (DEEPEST_NESTING + 1) + b"1" + b"}" * (DEEPEST_NESTING + 1),
    "a bomb of brackets": b"[" * 500_000,
    "brackets behind a string that ends in a backslash": b'["\\\\",' + b"[" * 70 + b"]" * 70 + b"]",
    "NUL in a string": b'{"a": "\\u0000"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "a raw NUL": b'{"a": "\x00"}',
    "a lone surrogate": b'{"a": "\\ud83d"}',
    "a lone surrogate in a key": b'{"\\udc00": 1}',
    "surrogates in the wrong order": b'{"a": ["x", "\\udc00\\ud83d"]}',
    "a number with a million digits": b"[" + b"9" * 900_000 + b"]",
    "a number of a googol's size": b'{"a": 1e400}',
    "a number that no decimal can hold": b'{"a": 1e9999999999999999999}',
    "a number too small for any decimal": b'{"a": 0e-9999999999999999999}',
    "a number too small to hold": b'{"a": 1e-5000}',
    "a fraction that is too long": b'{"a": 0.' + b"1" * (LONGEST_NUMBER + 1) + b"}",
    "two values": b'{"a": 1} {"b": 2}',
    "a comma too much": b'{"a": 1,}',
    "an unfinished string": b'{"a": "b',
    "more than a mebibyte": b" " * LARGEST_BODY_BYTES + b"{}",
}
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcü", max_size=5), inner, max_size=4),
    max_leaves=20,
)


def outcome(body: bytes) -> str:
    """What becomes of the bytes; every other error passes through and fails the test."""
    try:
        parse(body)
    except Refused as refused:
        return refused.code
    return "a value"


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse(body)
    assert (refused.value.code, refused.value.status) == ("json_invalid", 400)
    assert 0 < len(refused.value.message) <= 200


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value_or_that_one_error(body: bytes) -> None:
    assert outcome(body) in ("a value", "json_invalid")


@given(st.lists(st.sampled_from('[]{},:" \\u0dé1e.-truefalsn'), max_size=200).map("".join))
def test_text_that_looks_like_json_gives_a_value_or_that_one_error(text: str) -> None:
    assert outcome(text.encode()) in ("a value", "json_invalid")


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.integers(1, DEEPEST_NESTING), st.text('[{"\\', max_size=80))
def test_brackets_in_strings_do_not_count_as_nesting(depth: int, text: str) -> None:
    body = "[" * depth + json.dumps(text) + "]" * depth
    value = parse(body.encode())
    for _ in range(depth):
        [value] = value
    assert value == text


def test_a_number_with_a_fraction_is_never_a_float() -> None:
    """B17: amounts are never floats."""
    found = parse(b'{"a": 1.10, "b": 1e2, "c": 12, "d": -0}')
    assert found == {"a": Decimal("1.10"), "b": Decimal(100), "c": 12, "d": 0}
    assert [type(value) for value in found.values()] == [Decimal, Decimal, int, int]


def test_a_raw_number_is_the_text_that_was_sent() -> None:
    """B16: a signature over numbers holds for the digits that were signed, and for no other spelling of them."""
    numbers = ["1e-7", "1E-7", "0.00001234", "1.10", "12", "-0", "0.09853637216235617", "123456789012345678901"]
    body = ('{"a": [' + ", ".join(numbers) + '], "b": "1e-7"}').encode()
    found = parse_object(body, raw_numbers=True)
    assert found["a"] == numbers
    assert all(type(value) is RawNumber for value in found["a"])
    assert type(found["b"]) is str, "a string of digits is no number"


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused_where_numbers_stay_raw_as_well(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse(body, raw_numbers=True)
    assert refused.value.code == "json_invalid"


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null", b"true"])
def test_an_object_is_an_object(body: bytes) -> None:
    parse(body)
    with pytest.raises(Refused):
        parse_object(body)
