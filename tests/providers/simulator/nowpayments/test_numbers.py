"""Numbers and signatures: exact, written as JavaScript writes them, and signed as the provider's SDK signs them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payonce.providers.simulator.nowpayments import decimals
from payonce.providers.simulator.nowpayments.notices import signature, with_objects

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "nowpayments.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("0.000000", "0"),
        ("15", "15"),
        ("45.00", "45"),
        ("45.10", "45.1"),
        ("-0.5", "-0.5"),
        ("1E+3", "1000"),
        ("0.00001234", "0.00001234"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("0.00000015625", "1.5625e-7"),
        ("123456789012345678901", "123456789012345678901"),
        ("1234567890123456789012", "1.234567890123456789012e+21"),
        ("0.123456789012345678", "0.123456789012345678"),
    ],
)
def test_a_number_is_written_as_javascript_writes_it(value: str, text: str) -> None:
    assert decimals.number(Decimal(value)) == text
    assert decimals.read(text.encode()) == Decimal(value)


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b"{", b"\xff", b"[" * 100_000, b"1e99999999999999999999"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        decimals.read(body)


@pytest.mark.parametrize("name", sorted(name for name, row in VECTORS.items() if "signature" in row))
def test_the_signature_is_that_of_the_providers_sdk(name: str) -> None:
    row: dict[str, Any] = VECTORS[name]
    assert signature(row["secret"], decimals.read(row["body"].encode())) == row["signature"]


@pytest.mark.parametrize("name", sorted(name for name, row in VECTORS.items() if "also_accept" in row))
def test_an_array_can_be_signed_as_an_object_as_one_of_the_samples_does(name: str) -> None:
    row: dict[str, Any] = VECTORS[name]
    assert signature(row["secret"], with_objects(decimals.read(row["body"].encode()))) == row["also_accept"]


def test_names_are_sorted_at_every_level_and_other_alphabets_stay_as_they_are() -> None:
    told = {"b": [{"d": 1, "c": Decimal("1e-7")}], "a": "Tiệm trà"}
    assert decimals.write(told, ordered=True) == '{"a":"Tiệm trà","b":[{"c":1e-7,"d":1}]}'
    assert decimals.write(told) == '{"b":[{"d":1,"c":1e-7}],"a":"Tiệm trà"}'
