"""The verifier: bytes in, verdict out. The official samples and Node itself are the judges of what is genuine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.base import strict_json
from payonce.base.strict_json import DEEPEST_NESTING
from payonce.providers.contract import Forged, Unreadable, Verified
from payonce.providers.nowpayments.adapter import NowPaymentsAdapter
from payonce.providers.nowpayments.signature import canonical, why_forged
from tests.providers.nowpayments.samples import KEY, NOW, SECRET, adapter, payment, raw, rewritten, signed

BODY = raw(payment("finished"))
KEYS = (SECRET.encode(),)
GENUINE = signed(BODY)["x-nowpayments-sig"]
VECTORS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "nowpayments.json").read_text("utf-8")
)
SIGNATURES = [
    pytest.param(vector["body"], vector["secret"], vector[form], id=f"{name}-{form}")
    for name, vector in VECTORS.items()
    for form in ("signature", "also_accept")
    if form in vector
]
# JSON of all kinds: letters that are written or sorted in their own ways, and numbers in every spelling.
TEXT = some.text('aZ9 é"\\/\n\x1f\x7f\u2028\uff5e\U0001f600', max_size=5)
NUMBERS = some.builds(
    "{}{}{}".format,
    some.integers(-(10**20), 10**20),
    some.sampled_from(["", ".0", ".10", ".000001234"]),
    some.sampled_from(["", "e-7", "E+21", "e05"]),
)
LEAVES = some.one_of(some.sampled_from(["true", "false", "null", "-0"]), NUMBERS, TEXT.map(json.dumps))


def listed(inner: list[str]) -> str:
    return f"[{','.join(inner)}]"


def keyed(inner: dict[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in inner.items()) + "}"


JSON = some.recursive(
    LEAVES,
    lambda inner: some.one_of(
        some.lists(inner, max_size=12).map(listed), some.dictionaries(TEXT, inner, max_size=4).map(keyed)
    ),
    max_leaves=12,
)
BODIES = some.dictionaries(TEXT, JSON, max_size=4).map(keyed).map(str.encode)


@pytest.mark.parametrize(("body", "secret", "signature"), SIGNATURES)
def test_what_the_official_code_and_node_sign_is_genuine(body: str, secret: str, signature: str) -> None:
    """B16: nested fees, lists in either form, small numbers, letters of every alphabet."""
    assert why_forged(signature, body.encode(), (secret.encode(),)) is None
    assert why_forged(signature, body.encode(), (b"another-secret",)) == "no signature matches"


def test_the_vectors_hold_what_official_samples_get_wrong() -> None:
    """B16: a nested object, lists in both forms, numbers below 1e-4, letters beyond ASCII."""
    bodies = {name: vector["body"] for name, vector in VECTORS.items()}
    assert '"fee":{' in bodies["doc_sample"]
    assert "1e-7" in bodies["small_numbers"]
    assert not bodies["non_ascii"].isascii()
    assert {name for name, vector in VECTORS.items() if "also_accept" in vector} == {"array", "key_order", "long_list"}


@given(BODIES, some.booleans())
def test_the_canonical_form_is_the_one_that_an_independent_writer_makes(body: bytes, indexed: bool) -> None:
    """B16: whatever the values, down to the digits of each number."""
    found = strict_json.parse_object(body, raw_numbers=True)
    assert canonical(found, indexed=indexed) == rewritten(body, indexed=indexed)


@given(BODIES, some.booleans(), some.text("abcdefghij0123456789_", min_size=12))
def test_whatever_is_signed_is_genuine_and_only_with_that_secret(body: bytes, indexed: bool, secret: str) -> None:
    """B16: in either form of its lists."""
    header = signed(body, secret, indexed=indexed)["x-nowpayments-sig"]
    assert why_forged(header, body, (secret.encode(),)) is None
    assert why_forged(header, body, (secret.encode() + b"x",)) == "no signature matches"


def test_another_order_of_the_same_fields_is_the_same_signature() -> None:
    found = payment("finished")
    turned = raw(dict(reversed(found.items())))
    assert turned != BODY
    assert why_forged(GENUINE, turned, KEYS) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"finished"', b'"finishee"'),
        (b"1.35", b"1.350"),
        (b"1.35", b'"1.35"'),
        (b"1.234e-05", b"0.00001234"),
        (b'"btc"', b'"BTC"'),
        (b"null", b"false"),
        (b'"fee": {', b'"fees": {'),
    ],
)
def test_any_other_value_or_spelling_changes_everything(old: bytes, new: bytes) -> None:
    """B16: also deep down, and also where a number stays the same number."""
    assert old in BODY
    assert why_forged(GENUINE, BODY.replace(old, new), KEYS) == "no signature matches"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, "no signature"),
        ("", "no signature"),
        (7, "no signature"),
        (GENUINE[:-1], "128 hexadecimal digits"),
        (GENUINE + "0", "128 hexadecimal digits"),
        (GENUINE.upper(), "128 hexadecimal digits"),
        (f" {GENUINE}", "128 hexadecimal digits"),
        (f"{GENUINE}\n", "128 hexadecimal digits"),
        ("ü" * 128, "128 hexadecimal digits"),
        ("\ud800" * 128, "128 hexadecimal digits"),
        ("٠" * 128, "128 hexadecimal digits"),
        ("0" * 128, "no signature matches"),
        (hashlib.sha512(BODY).hexdigest(), "no signature matches"),
    ],
)
def test_of_a_header_that_is_not_genuine_the_reason_is_told_and_nothing_is_raised(header: object, why: str) -> None:
    """B16: whatever a stranger sends."""
    assert why in (why_forged(header, BODY, KEYS) or "")


HOSTILE = [b"", b"null", b"[]", b"7", b"{", b"\xff\xfe", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 5000, b'{"a":' * 5000]


@pytest.mark.parametrize("body", HOSTILE)
def test_bytes_that_hold_no_values_cannot_have_been_signed(body: bytes) -> None:
    """B16: not even by whoever has the secret, because what is signed is made of the values."""
    header = {"x-nowpayments-sig": GENUINE}
    assert isinstance(adapter().verify(header, body, NOW), Forged)


def test_nesting_as_deep_as_it_is_taken_is_verified_without_falling_over() -> None:
    body = ('{"a":' * DEEPEST_NESTING + "1" + "}" * DEEPEST_NESTING).encode()
    assert why_forged(signed(body)["x-nowpayments-sig"], body, KEYS) is None


@pytest.mark.parametrize("secrets", ["the-new-secret-1,test-ipn-secret", ["the-new-secret-1", SECRET]])
def test_while_a_secret_is_changed_both_are_believed(secrets: Any) -> None:
    both = NowPaymentsAdapter(KEY, secrets)
    for secret in ("the-new-secret-1", SECRET):
        assert isinstance(both.verify(signed(BODY, secret), BODY, NOW), Verified)
    assert isinstance(both.verify(signed(BODY, "the-other-secret"), BODY, NOW), Forged)


@given(some.binary(), some.text(), some.dictionaries(some.text(), some.text()))
def test_no_bytes_and_no_headers_make_the_verifier_raise_or_believe(
    body: bytes, header: str, headers: dict[str, str]
) -> None:
    """B16: without the secret nothing is accepted."""
    assert isinstance(adapter().verify(headers | {"x-nowpayments-sig": header}, body, NOW), Forged)


@given(BODIES, some.one_of(some.just(GENUINE), some.binary(min_size=64, max_size=64).map(bytes.hex)))
def test_a_signature_that_was_seen_once_proves_nothing_of_another_body(body: bytes, header: str) -> None:
    """B16: nor does any other one that is well formed."""
    assert isinstance(adapter().verify({"x-nowpayments-sig": header}, body, NOW), Forged)


@given(BODIES)
def test_whatever_is_signed_is_understood_or_kept_and_never_raises(body: bytes) -> None:
    """B11: what the provider signed is never lost."""
    assert isinstance(adapter().verify(signed(body), body, NOW), Verified | Unreadable)
