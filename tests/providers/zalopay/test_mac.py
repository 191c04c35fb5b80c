"""Authentication codes, held against the ones that the provider publishes; and that nothing is believed without one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.domain.observation import Ref
from payonce.providers.contract import Forged, Unreadable, Verified
from payonce.providers.zalopay.mac import code, code_of_call
from tests.providers.zalopay.samples import (
    CALLS,
    CREATE,
    KEY1,
    KEY2,
    LOOK,
    NAME,
    NOW,
    SEND_BACK,
    VECTOR,
    adapter,
    callback,
    mac_of,
    payment,
    raw,
    told,
)

PUBLISHED = raw({"data": VECTOR["callback"]["data"], "mac": VECTOR["callback"]["mac"], "type": 1})


def fields_of(text: str, names: str) -> dict[str, str]:
    return dict(zip(names.split(), text.split("|"), strict=True))


def test_the_published_callback_is_genuine() -> None:
    """B16: the provider's own bytes, with the provider's own key."""
    verdict = adapter().verify({}, PUBLISHED, NOW)
    assert isinstance(verdict, Verified)
    (observation,) = verdict.observations
    seen = payment(observation)
    assert (seen.ref, seen.capture) == (
        Ref("order", "200904_2553_1598435687208"),
        Ref("transaction", "200904000000389"),
    )
    assert (seen.status, seen.captured_minor, seen.currency, seen.attempt_id) == ("paid", 10_000, "VND", None)


def test_the_published_code_of_a_create_is_ours() -> None:
    """B16: seven fields in this order, under key1."""
    vector = VECTOR["create"]
    fields = fields_of(vector["input"], "app_id app_trans_id app_user amount app_time embed_data item")
    assert code_of_call("/v2/create", fields, KEY1) == vector["mac"]


def test_the_published_code_of_a_query_is_ours_and_a_cancel_is_signed_alike() -> None:
    """B16: the key itself is the last of what is signed."""
    vector = VECTOR["query"]
    fields = fields_of(vector["input"], "app_id app_trans_id key1")
    assert code_of_call("/v2/query", fields, KEY1) == vector["mac"]
    assert code_of_call("/v2/cancel", fields, KEY1) == vector["mac"]


def test_every_request_carries_the_code_of_its_fields() -> None:
    """B16: as the documentation writes each of them out."""
    inputs = {
        "create": "2553|{app_trans_id}|{app_user}|{amount}|{app_time}|{embed_data}|{item}",
        "read": "2553|{app_trans_id}|" + KEY1,
        "close": "2553|{app_trans_id}|" + KEY1,
        "refund": "2553|{zp_trans_id}|{amount}|{description}|{timestamp}",
        "look_for_refund": "2553|{m_refund_id}|{timestamp}",
    }
    for call in CALLS:
        sent = json.loads(adapter().request(call).body)
        assert sent["mac"] == mac_of(inputs[call.operation].format(**sent), KEY1), call.operation


def test_what_is_stored_holds_no_code_and_is_signed_by_the_key_of_the_day() -> None:
    """X3: the same stored bytes can be sent after the key was changed."""
    assert all(b"mac" not in call.body for call in CALLS)
    before = json.loads(adapter().request(CREATE).body)
    after = json.loads(adapter(key1="another-key-of-ours").request(CREATE).body)
    assert before.pop("mac") != after.pop("mac")
    assert before == after


def test_what_only_we_need_to_read_an_answer_is_not_sent() -> None:
    for call in (SEND_BACK, LOOK):
        assert any(name.startswith("_") for name in json.loads(call.body))
        assert not any(name.startswith("_") for name in json.loads(adapter().request(call).body))


@pytest.mark.parametrize(
    "changed",
    [
        PUBLISHED.replace(b"10000", b"10001"),
        PUBLISHED.replace(b"200904_2553", b"200905_2553"),
        raw({"data": json.dumps(json.loads(VECTOR["callback"]["data"])), "mac": VECTOR["callback"]["mac"], "type": 1}),
        raw({"data": VECTOR["callback"]["data"] + " ", "mac": VECTOR["callback"]["mac"], "type": 1}),
        raw({"data": VECTOR["callback"]["data"], "mac": VECTOR["callback"]["mac"].upper(), "type": 1}),
        raw({"data": VECTOR["callback"]["data"], "mac": VECTOR["callback"]["mac"][:-1], "type": 1}),
        raw({"data": VECTOR["callback"]["data"], "mac": "", "type": 1}),
        raw({"data": VECTOR["callback"]["data"], "mac": "ü" * 64, "type": 1}),
        raw({"data": VECTOR["callback"]["data"], "mac": None, "type": 1}),
        raw({"data": VECTOR["callback"]["data"], "type": 1}),
        raw({"data": json.loads(VECTOR["callback"]["data"]), "mac": VECTOR["callback"]["mac"], "type": 1}),
        raw({"data": None, "mac": mac_of(""), "type": 1}),
        raw({"mac": mac_of(""), "type": 1}),
        callback(told(), key=KEY1),
        PUBLISHED[:-1],
        PUBLISHED.decode().encode("utf-16"),
        b'{"data": "x", "data": "x", "mac": "", "type": 1}',
        b"null",
        b"[]",
        b"",
    ],
)
def test_what_is_not_signed_letter_by_letter_is_forged(changed: bytes) -> None:
    """B16: the data is checked as it came, never as it would be written again."""
    assert isinstance(adapter().verify({}, changed, NOW), Forged)


def test_while_a_key_is_changed_both_are_believed() -> None:
    both = adapter(key2s=("the-new-key-of-ours", KEY2))
    for key in ("the-new-key-of-ours", KEY2):
        assert isinstance(both.verify({}, callback(told(), key=key), NOW), Verified)
    assert isinstance(both.verify({}, callback(told(), key="any-other-key-there-is"), NOW), Forged)


def test_the_checksum_that_payers_see_in_their_browser_makes_no_callback() -> None:
    """B16: ZaloPay signs the way back with the same key, so the payer holds a right code of a text."""
    way_back = f"2553|{NAME}|38||50000|0|1"
    assert isinstance(adapter().verify({}, callback(way_back), NOW), Forged)


@given(some.text(alphabet=some.characters(exclude_categories=["Cs"]), max_size=60))
def test_signed_text_of_any_kind_is_kept_or_refused_and_never_raises(text: str) -> None:
    """B11: signed by the provider and not understood is kept."""
    assert isinstance(adapter().verify({}, callback(text), NOW), Unreadable | Forged)


@given(some.binary(), some.dictionaries(some.text(), some.text()))
def test_no_bytes_and_no_headers_make_the_verifier_raise_or_believe(body: bytes, headers: dict[str, str]) -> None:
    """B16: without the key nothing is accepted."""
    assert isinstance(adapter().verify(headers, body, NOW), Forged)


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


@given(some.dictionaries(some.sampled_from(["data", "mac", "type", "x"]), ANY_JSON))
def test_no_json_makes_the_verifier_raise_or_believe(found: dict[str, object]) -> None:
    """B16: neither does a callback's own shape."""
    assert isinstance(adapter().verify({}, raw(found), NOW), Forged)


@given(some.text(min_size=12, max_size=40), some.text(max_size=80))
def test_a_code_of_another_key_is_worth_nothing(key: str, text: str) -> None:
    """B16: whoever signs with something else has signed nothing."""
    forged = raw({"data": text, "mac": code(key.encode("utf-8", "surrogatepass"), text), "type": 1})
    assert key == KEY2 or isinstance(adapter().verify({}, forged, NOW), Forged)
