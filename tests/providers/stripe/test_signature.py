"""The verifier: bytes in, verdict out. The official SDK signs, and is the judge of what is genuine."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as some

from payonce.providers.contract import Forged, Unreadable, Verified
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.stripe.signature import why_forged
from tests.providers.stripe.samples import KEY, NOW, SECRET, adapter, event, intent, raw, signed

BODY = raw(event("payment_intent.succeeded", intent("succeeded")))
KEYS = (SECRET.encode(),)
GENUINE = signed(BODY)["stripe-signature"]
TIME, _, SIGNATURE = GENUINE.partition(",v1=")
VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "stripe.json").read_text("utf-8"))


def test_the_published_vector_is_genuine() -> None:
    """B16: equal to the header that the official SDK makes."""
    at = datetime.fromtimestamp(VECTOR["timestamp"], UTC)
    assert why_forged(VECTOR["header"], VECTOR["body"].encode(), (VECTOR["secret"].encode(),), at) is None
    assert signed(VECTOR["body"].encode(), at, VECTOR["secret"])["stripe-signature"] == VECTOR["header"]


@given(some.text(alphabet=some.characters(exclude_categories=["Cs"])), some.text("abcdefghij0123456789_", min_size=12))
def test_whatever_the_official_sdk_signs_is_genuine_and_it_agrees(body: str, secret: str) -> None:
    """B16: both verifiers believe the same signature."""
    header = signed(body.encode(), NOW, secret)["stripe-signature"]
    assert why_forged(header, body.encode(), (secret.encode(),), NOW) is None
    assert stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, "no signature"),
        ("", "no signature"),
        (SIGNATURE, "no single time"),
        (f"t=,v1={SIGNATURE}", "no single time"),
        (f"t=-1,v1={SIGNATURE}", "no single time"),
        (f"t=+{TIME[2:]},v1={SIGNATURE}", "no single time"),
        (f"t=1_0,v1={SIGNATURE}", "no single time"),
        (f"t=١٧٩٥,v1={SIGNATURE}", "no single time"),
        (f"t={'9' * 400},v1={SIGNATURE}", "no single time"),
        (f"{TIME},{TIME},v1={SIGNATURE}", "no single time"),
        (TIME, "no signature of the scheme v1"),
        (f"{TIME},v0={SIGNATURE}", "no signature of the scheme v1"),
        (f"{TIME},v1=", "no signature matches"),
        (f"{TIME},v1={SIGNATURE[:-1]}", "no signature matches"),
        (f"{TIME},v1={SIGNATURE}=", "no signature matches"),
        (f"{TIME},v1={SIGNATURE.upper()}", "no signature matches"),
        (f"{TIME},v1=ü{SIGNATURE}", "no signature matches"),
        (f"{TIME},v1=\ud800", "no signature matches"),
        (f"{GENUINE}," + "v1=0," * 2000, "too long"),
    ],
)
def test_of_a_header_that_is_not_genuine_the_reason_is_told_and_nothing_is_raised(header: str | None, why: str) -> None:
    """B16: including the ones on which the official verifier raises something else."""
    assert why in (why_forged(header, BODY, KEYS, NOW) or "")


def test_one_byte_of_the_body_changes_everything() -> None:
    """B16: the signature is over the raw bytes."""
    assert why_forged(GENUINE, BODY + b" ", KEYS, NOW) == "no signature matches"
    assert why_forged(GENUINE, BODY.replace(b"135", b"136"), KEYS, NOW) == "no signature matches"


def test_other_schemes_are_ignored_and_any_of_several_signatures_counts() -> None:
    assert why_forged(f"{TIME},v0=x,v1={'0' * 64},v1={SIGNATURE},v2=y", BODY, KEYS, NOW) is None


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_clock_may_be_off_by_five_minutes_either_way(seconds: int) -> None:
    assert why_forged(GENUINE, BODY, KEYS, NOW + timedelta(seconds=seconds)) is None


@pytest.mark.parametrize("seconds", [-301, 301, -86400, 86400 * 365])
def test_an_old_signature_is_a_replay_and_a_future_one_is_no_better(seconds: int) -> None:
    """B16: the official verifier takes any future time."""
    assert "five minutes" in (why_forged(GENUINE, BODY, KEYS, NOW + timedelta(seconds=seconds)) or "")


def test_while_a_secret_is_rolled_both_are_believed() -> None:
    both = StripeAdapter(KEY, ["whsec_the_new_one", SECRET])
    for secret in ("whsec_the_new_one", SECRET):
        assert isinstance(both.verify(signed(BODY, secret=secret), BODY, NOW), Verified)
    assert isinstance(both.verify(signed(BODY, secret="whsec_another_one"), BODY, NOW), Forged)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"null", b"[]", b"", b"{", b'{"id":1}', b'{"a":1,"a":2}', b"[" * 5000])
def test_signed_bytes_that_are_no_event_are_kept_under_their_own_name(body: bytes) -> None:
    """B11: the official verifier raises on most of these."""
    stamp = str(int(NOW.timestamp()))
    digest = hmac.new(KEYS[0], stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    verdict = adapter().verify({"stripe-signature": f"t={stamp},v1={digest}"}, body, NOW)
    assert isinstance(verdict, Unreadable)
    assert verdict.key == "sha256:" + hashlib.sha256(body).hexdigest()


@given(some.binary(), some.text(), some.dictionaries(some.text(), some.text()))
def test_no_bytes_and_no_headers_make_the_verifier_raise_or_believe(
    body: bytes, header: str, headers: dict[str, str]
) -> None:
    """B16: without the key nothing is accepted."""
    assert isinstance(adapter().verify(headers | {"stripe-signature": header}, body, NOW), Forged)


@given(
    some.lists(
        some.sampled_from(["t=1795176000", f"v1={SIGNATURE}", "v1=", "t=", "v0=a", "=", ",", "v1=ß"]), max_size=8
    ),
    some.binary(max_size=64),
)
def test_parts_of_a_genuine_header_prove_nothing_of_another_body(parts: list[str], body: bytes) -> None:
    """B16: a signature that was seen once signs one body only."""
    verdict = adapter().verify({"stripe-signature": ",".join(parts)}, body, NOW)
    assert isinstance(verdict, Forged)
