"""What callbacks say, how they are named and answered, and what is read of bytes that were stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.domain.observation import Ref
from payonce.providers.contract import Acknowledged, Acknowledgement, Unreadable, Verified
from tests.providers.zalopay.samples import (
    ATTEMPT,
    CLOSE,
    CREATE,
    LOOK,
    NAME,
    NOW,
    READ,
    REFUND,
    SEND_BACK,
    TRANSACTION,
    adapter,
    back,
    callback,
    done,
    made,
    ok,
    paid,
    payment,
    raw,
    told,
)


def heard(body: bytes) -> Verified:
    verdict = adapter().verify({}, body, NOW)
    assert isinstance(verdict, Verified), verdict
    return verdict


def test_a_callback_says_that_the_attempt_s_order_was_paid() -> None:
    verdict = heard(callback(told()))
    assert (verdict.type, verdict.handled, verdict.live_mode, verdict.account) == ("order", True, False, None)
    assert verdict.created_at == datetime(2026, 11, 20, 12, 1, 0, 123000, tzinfo=UTC)
    (observation,) = verdict.observations
    assert (observation.provider, observation.account, observation.source) == ("zalopay", "main", "webhook")
    assert not observation.is_read
    seen = payment(observation)
    assert (seen.status, seen.attempt_id, seen.ref) == ("paid", ATTEMPT, Ref("order", NAME))
    assert (seen.capture, seen.captured_minor) == (Ref("transaction", str(TRANSACTION)), 50_000)
    assert (seen.amount_minor, seen.currency) == (50_000, "VND")


def test_what_counts_is_the_amount_of_the_order_and_not_the_payer_s_share() -> None:
    """B17: ZaloPay's discounts and fees are between it and the payer."""
    (observation,) = heard(callback(told(discount_amount=10_000, user_fee_amount=500))).observations
    assert payment(observation).captured_minor == 50_000


def test_a_callback_is_named_by_order_and_transaction_however_it_is_written() -> None:
    """A3: it has no id of its own, and told again it is the same."""
    first = heard(callback(told()))
    assert first.key == f"order:{NAME}:{TRANSACTION}"
    assert heard(callback(told(zp_trans_id=str(TRANSACTION), channel=39))).key == first.key
    assert heard(callback(told(zp_trans_id=TRANSACTION + 1))).key != first.key
    assert heard(callback(told(app_trans_id="261120_another"))).key != first.key


def test_a_callback_of_any_age_is_genuine_because_its_code_covers_no_time() -> None:
    """X6: a replay says what was said before, under the same name; it changes nothing."""
    body = callback(told())
    assert adapter().verify({}, body, NOW + timedelta(days=3650)) == heard(body)


@pytest.mark.parametrize(("number", "kind"), [(2, "agreement"), (0, "type_0"), (3, "type_3"), (-1, "type_-1")])
def test_another_type_is_kept_unhandled_under_another_name(number: int, kind: str) -> None:
    """B11: the type is not signed, so it must never hide the payment that the same data tells with type 1."""
    verdict = heard(callback(told(), number))
    assert (verdict.type, verdict.handled, verdict.observations) == (kind, False, ())
    assert verdict.key.startswith(f"{kind}:sha256:")
    assert verdict.key != heard(callback(told())).key


def test_a_callback_about_another_application_names_it() -> None:
    """A3: two applications may share ids."""
    assert heard(callback(told(app_id=2554))).account == "app 2554"


def test_an_order_that_is_not_ours_by_its_name_carries_no_attempt() -> None:
    (observation,) = heard(callback(told(app_trans_id="261120_basket-17"))).observations
    assert payment(observation).attempt_id is None


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": "50000"},
        {"amount": True},
        {"amount": 10**16},
        {"amount": None},
        {"zp_trans_id": 0},
        {"zp_trans_id": "12a"},
        {"zp_trans_id": None},
        {"zp_trans_id": True},
        {"zp_trans_id": "9" * 65},
        {"app_trans_id": None},
        {"app_trans_id": ""},
        {"app_trans_id": "x" * 41},
        {"app_trans_id": "261120 1"},
        {"app_id": None},
        {"app_id": "2553"},
    ],
)
def test_signed_data_that_is_not_as_documented_is_kept_and_says_nothing(changes: dict[str, Any]) -> None:
    """B11: never an error, never money."""
    verdict = adapter().verify({}, callback(told(**changes)), NOW)
    assert isinstance(verdict, Unreadable)
    assert verdict.key.startswith("sha256:")


@pytest.mark.parametrize("data", ["", "null", "[]", "{", '{"amount":1,"amount":2}', "{}", "[" * 900, '{"a":NaN}'])
def test_signed_text_that_is_no_object_is_kept_under_its_own_name(data: str) -> None:
    """B11: whatever it is, a person can look at it."""
    assert isinstance(adapter().verify({}, callback(data), NOW), Unreadable)


@pytest.mark.parametrize("number", [None, "1", True, 1.5, [1]])
def test_a_callback_without_a_type_is_kept(number: object) -> None:
    assert isinstance(adapter().verify({}, callback(told(), number), NOW), Unreadable)


@given(
    some.dictionaries(some.sampled_from(sorted(told())), some.none() | some.integers() | some.floats() | some.text())
)
def test_no_signed_fields_make_the_reader_raise(fields: dict[str, Any]) -> None:
    verdict = adapter().verify({}, callback(json.dumps(told(**fields))), NOW)
    assert isinstance(verdict, Verified | Unreadable)


@pytest.mark.parametrize(("what", "code"), [("accepted", 1), ("duplicate", 2), ("retry", 0), ("forged", -1)])
def test_every_callback_is_answered_in_zalopay_s_numbers(what: Acknowledged, code: int) -> None:
    """B6: 0 has it told again; -1 ends it; HTTP is always 200."""
    answer = adapter().acknowledge(what)
    assert isinstance(answer, Acknowledgement)
    assert (answer.status, answer.content_type) == (200, "application/json")
    found = json.loads(answer.body)
    assert found["return_code"] == code
    assert found["return_message"]


def test_the_answer_to_an_accepted_callback_is_the_documented_one() -> None:
    assert adapter().acknowledge("accepted").body == b'{"return_code":1,"return_message":"success"}'


def test_a_stored_callback_says_the_same_again_whichever_way_it_comes() -> None:
    """X3: a replay of stored bytes needs no code, and stays a snapshot of the past."""
    body = callback(told())
    unsigned = raw({"data": json.dumps(told()), "mac": "", "type": 1})
    for source in ("webhook", "poll", "backfill"):
        assert adapter().again(body, source) == heard(body)
    assert adapter().again(unsigned, "webhook") == heard(body)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (CREATE, made()),
        (READ, paid()),
        (READ, ok(3, is_processing=True)),
        (READ, ok(2, -54)),
        (CLOSE, ok(1, 1)),
        (SEND_BACK, ok(1, 1, refund_id=7)),
        (LOOK, ok(1, 1)),
        (LOOK, ok(2, 0)),
    ],
)
def test_a_kept_answer_says_the_same_again(call: Any, answer: Any) -> None:
    """X3: answers name nothing, so each is kept with its question."""
    first = done(call, answer)
    again = adapter().again(first.body, "poll")
    assert isinstance(again, Verified), again
    assert [one.seen for one in again.observations] == [one.seen for one in first.observations]
    assert {one.source for one in again.observations} == {"poll"}
    assert again.handled
    assert again.type == f"poll:{call.operation}"


def test_a_kept_refund_still_names_attempt_refund_and_transaction() -> None:
    again = adapter().again(done(LOOK, ok(1, 1)).body, "backfill")
    assert isinstance(again, Verified)
    seen = back(again.observations[0])
    assert (seen.attempt_id, seen.refund_id, seen.amount_minor) == (ATTEMPT, REFUND, 20_000)
    assert seen.capture == Ref("transaction", str(TRANSACTION))


def test_an_answer_is_no_callback() -> None:
    """B16: what only we could have stored as an answer is never read as what a stranger delivered."""
    assert isinstance(adapter().again(done(READ, paid()).body, "webhook"), Unreadable)


@pytest.mark.parametrize(
    "found",
    [
        {"payonce_asked": None, "answer": ""},
        {"payonce_asked": {}, "answer": "{}"},
        {"payonce_asked": {"operation": "read", "path": "/v2/query", "body": "{}"}, "answer": None},
        {"payonce_asked": {"operation": "read", "path": "/v2/query", "body": 1}, "answer": "{}"},
        {"payonce_asked": {"operation": "other", "path": "/", "body": "{}"}, "answer": '{"return_code":1}'},
        {"payonce_asked": {"operation": "read", "path": "/v2/query", "body": "{}"}, "answer": '{"return_code":2}'},
        {},
    ],
)
def test_stored_bytes_that_say_nothing_are_unreadable(found: dict[str, Any]) -> None:
    assert isinstance(adapter().again(raw(found), "poll"), Unreadable)


@given(some.binary(), some.sampled_from(["webhook", "poll", "backfill"]))
def test_no_stored_bytes_make_reading_again_raise(body: bytes, source: Any) -> None:
    assert isinstance(adapter().again(body, source), Unreadable)
