"""What an answer means: a row for every documented code. Not done is said on a clear no only; the rest is unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.domain.observation import PaymentStatus, Ref, RefundStatus
from payonce.providers.contract import Call, Done, Handle, NotDone, Unknown
from payonce.providers.transport import Answer
from payonce.providers.zalopay import codes
from tests.providers.zalopay.samples import (
    ATTEMPT,
    CALLS,
    CLOSE,
    CREATE,
    LOOK,
    NAME,
    PAGE,
    READ,
    REFUND,
    SEND_BACK,
    TRANSACTION,
    back,
    body,
    done,
    made,
    ok,
    paid,
    payment,
    raw,
    refused,
    silent,
    understood,
)


def test_a_created_order_gives_the_payer_its_page_and_the_end_of_it() -> None:
    """D8: the end is what was asked for, since the answer names none."""
    outcome = done(CREATE, made())
    assert outcome.handle == Handle(Ref("order", NAME), url=PAGE, expires_at=datetime(2026, 11, 20, 12, 35, tzinfo=UTC))
    (observation,) = outcome.observations
    assert (observation.source, observation.is_read, observation.live_mode) == ("answer", True, False)
    seen = payment(observation)
    assert (seen.status, seen.attempt_id, seen.captured_minor, seen.capture) == ("open", ATTEMPT, 0, None)
    assert (seen.amount_minor, seen.currency) == (50_000, "VND")


@pytest.mark.parametrize(
    "page", [None, "", 7, "javascript:alert(1)", "ftp://x.example", "https://x.example/\n", "https://" + "x" * 2048]
)
def test_an_order_without_a_page_to_pay_it_on_is_unknown_and_not_failed(page: object) -> None:
    """X3: it was made, so it may be paid."""
    silent(CREATE, made(order_url=page))


@pytest.mark.parametrize("answer", [ok(2, -68), ok(-68), ok(-68, -68)])
def test_a_name_that_is_taken_means_that_the_order_exists_and_its_page_is_lost(answer: Answer) -> None:
    """X3: an earlier sending arrived after all; repeating gives nothing any more, only looking does."""
    assert silent(CREATE, answer).key_is_spent


# Row: the call, the two codes, what is said, whether the same request can succeed later.
NOES = [
    (CREATE, -401, "illegal_data", False),
    (CREATE, -402, "provider_auth", False),
    (CREATE, -429, "rate_limited", True),
    (READ, -101, "not_found", False),
    (READ, -401, "illegal_data", False),
    (READ, -402, "provider_auth", False),
    (READ, -429, "rate_limited", True),
    (CLOSE, -101, "not_closable", False),
    (CLOSE, -54, "not_closable", False),
    (CLOSE, -402, "not_closable", False),
    (CLOSE, -12345, "not_closable", False),
    (CLOSE, None, "not_closable", False),
    (SEND_BACK, -2, "refund_type_invalid", False),
    (SEND_BACK, -4, "method_not_refundable", False),
    (SEND_BACK, -13, "refund_too_late", False),
    (SEND_BACK, -14, "refund_amount_invalid", False),
    (SEND_BACK, -24, "refund_id_invalid", False),
    (SEND_BACK, -25, "refund_id_invalid", False),
    (SEND_BACK, -26, "refund_id_invalid", False),
    (SEND_BACK, -32, "not_refundable", False),
    (SEND_BACK, -101, "transaction_unknown", False),
    (SEND_BACK, -401, "illegal_data", False),
    (SEND_BACK, -402, "provider_auth", False),
    (SEND_BACK, -429, "rate_limited", True),
    (LOOK, -101, "not_found", False),
    (LOOK, -402, "provider_auth", False),
    (LOOK, -429, "rate_limited", True),
]


@pytest.mark.parametrize(("call", "sub", "code", "may_repeat"), NOES)
def test_a_documented_no_is_not_done(call: Call, sub: int | None, code: str, may_repeat: bool) -> None:
    """X7: a refused closing is read next, so it has one code of ours."""
    outcome = refused(call, ok(2, sub))
    assert (outcome.code, outcome.may_repeat) == (code, may_repeat)
    assert f"2/{sub}" in outcome.message


@pytest.mark.parametrize("status", [404, 405])
def test_a_closing_that_zalopay_does_not_have_is_refused_like_any_other(status: int) -> None:
    """X7: its path is not established; the order is read, and expires by itself."""
    assert refused(CLOSE, Answer(status, (), b"<html>Not Found</html>")).code == "not_closable"
    silent(READ, Answer(status, (), b"<html>Not Found</html>"))


# Row: the answer to a query -> the status of the order.
ORDERS: list[tuple[int, int | None, bool | None, PaymentStatus]] = [
    (3, None, None, "open"),
    (3, 3, False, "open"),
    (3, 1, True, "pending"),
    (2, -54, None, "closed"),
    (2, -54, False, "closed"),
    (2, -54, True, "pending"),
    (2, -63, True, "pending"),
    *((2, sub, None, "asks_again") for sub in codes.TRY_FAILED),
]


@pytest.mark.parametrize(("code", "sub", "at_work", "status"), ORDERS)
def test_every_code_of_an_unpaid_order_has_its_status(
    code: int, sub: int | None, at_work: bool | None, status: PaymentStatus
) -> None:
    """B8: a try that failed leaves the order payable, so it is not over."""
    processing = {} if at_work is None else {"is_processing": at_work}
    outcome = done(READ, ok(code, sub, amount=0, zp_trans_id=0, **processing))
    (observation,) = outcome.observations
    assert (observation.source, outcome.handle) == ("poll", None)
    seen = payment(observation)
    assert (seen.status, seen.ref, seen.attempt_id) == (status, Ref("order", NAME), ATTEMPT)
    assert (seen.capture, seen.captured_minor) == (None, 0)


def test_the_documented_failures_of_a_try_are_all_there() -> None:
    """B8: nothing that the documentation calls a failed payment is taken for the end of the order."""
    limits = [*range(-1333, -1329), *range(-1343, -1339)]
    assert sorted(sub for sub in codes.TRY_FAILED if sub is not None) == sorted([-63, -217, -332, -333, *limits])


def test_a_paid_order_brings_its_amount_by_its_transaction() -> None:
    """B17: whole dong, as received."""
    (observation,) = done(READ, paid(discount_amount=10_000, server_time=1795176060123)).observations
    assert (observation.source, observation.is_read) == ("poll", True)
    seen = payment(observation)
    assert (seen.status, seen.attempt_id, seen.ref) == ("paid", ATTEMPT, Ref("order", NAME))
    assert (seen.capture, seen.captured_minor) == (Ref("transaction", str(TRANSACTION)), 50_000)
    assert (seen.amount_minor, seen.currency) == (50_000, "VND")


@pytest.mark.parametrize(
    "fields", [{"amount": 0}, {"amount": "1"}, {"amount": None}, {"zp_trans_id": 0}, {"amount": 1.5}]
)
def test_a_paid_order_without_amount_or_transaction_decides_nothing(fields: dict[str, Any]) -> None:
    silent(READ, paid(**fields))


def test_a_cancelled_order_is_closed() -> None:
    """X7: "once an order is cancelled, it can no longer be paid"."""
    seen = payment(done(CLOSE, ok(1, 1)).observations[0])
    assert (seen.status, seen.ref, seen.attempt_id, seen.captured_minor) == ("closed", Ref("order", NAME), ATTEMPT, 0)


@pytest.mark.parametrize("answer", [ok(1, 1, refund_id=260320000000123), ok(3), ok(3, 2), ok(3, -1)])
def test_a_refund_that_was_taken_on_is_pending_whatever_the_success_says(answer: Answer) -> None:
    """X6: "the answer only confirms that the request was received"."""
    (observation,) = done(SEND_BACK, answer).observations
    seen = back(observation)
    assert (observation.source, seen.status, seen.refund_id, seen.attempt_id) == ("answer", "pending", REFUND, ATTEMPT)
    assert seen.ref == Ref("refund", SEND_BACK.idempotency_key or "")
    assert (seen.capture, seen.amount_minor, seen.currency) == (Ref("transaction", str(TRANSACTION)), 20_000, "VND")


@pytest.mark.parametrize("answer", [ok(2, -23), ok(-23)])
def test_a_refund_whose_name_is_taken_exists(answer: Answer) -> None:
    """X6: taken for a no, a second one would be sent."""
    assert silent(SEND_BACK, answer).key_is_spent


# Row: the answer to a query of a refund -> its status.
REFUNDS: list[tuple[int, int | None, RefundStatus, str]] = [
    (1, 1, "succeeded", ""),
    (3, None, "pending", ""),
    (3, -1, "pending", ""),
    (3, 2, "pending", ""),
    (2, -16, "pending", ""),
    (2, 0, "failed", "refund_failed"),
    (2, -2, "failed", "refund_type_invalid"),
    (2, -13, "failed", "refund_too_late"),
    (2, -14, "failed", "refund_amount_invalid"),
    (2, -32, "failed", "not_refundable"),
]


@pytest.mark.parametrize(("code", "sub", "status", "reason"), REFUNDS)
def test_every_code_of_a_refund_has_its_status(code: int, sub: int | None, status: RefundStatus, reason: str) -> None:
    """X6: only the query says how a refund ended."""
    (observation,) = done(LOOK, ok(code, sub)).observations
    seen = back(observation)
    assert (observation.source, seen.status, seen.reason) == ("poll", status, reason)
    assert (seen.ref, seen.refund_id, seen.attempt_id) == (
        Ref("refund", SEND_BACK.idempotency_key or ""),
        REFUND,
        ATTEMPT,
    )
    assert (seen.capture, seen.amount_minor, seen.currency) == (Ref("transaction", str(TRANSACTION)), 20_000, "VND")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        *(ok(code) for code in (-401, -402, -429, -500, -999, -1, 0, 4, 7)),
        ok(-402, -402),
        ok("1"),
        ok(True),
        ok(None),
        ok(1.0),
        ok(2, "-101"),
        Answer(500, (), raw(body(2, -101))),
        Answer(502, (), b"<html>Bad Gateway</html>"),
        Answer(400, (), raw(body(2, -402))),
        Answer(401, (), b"<html>Log in to the proxy</html>"),
        Answer(403, (), b""),
        Answer(429, (), b"slow down"),
        Answer(302, (("location", "https://elsewhere.example"),), b""),
        Answer(201, (), raw(body(1, 1))),
        Answer(0, (), b""),
        Answer(200, (), b""),
        Answer(200, (), b"<html>OK</html>"),
        Answer(200, (), b"null"),
        Answer(200, (), b"[1]"),
        Answer(200, (), b'{"return_code": 1'),
        Answer(200, (), b'{"return_code": 1, "return_code": 1}'),
        Answer(200, (), b"\xff\xfe"),
        Answer(200, (), b"{}"),
    ],
)
def test_an_answer_that_decides_nothing_is_unknown(call: Call, answer: Answer) -> None:
    """X3: it may have happened, so it is never taken for a no; negative codes in front are the system's errors."""
    assert not silent(call, answer).key_is_spent


@pytest.mark.parametrize("call", [CREATE, READ, SEND_BACK, LOOK])
@pytest.mark.parametrize("sub", [None, 1, -1, -49, -92, -500, -503, -999, -12345])
def test_a_failure_that_nobody_told_us_of_is_unknown_and_not_failed(call: Call, sub: int | None) -> None:
    """X3: -49 of older documents "may have been successful"."""
    assert f"2/{sub}" in silent(call, ok(2, sub)).reason


def test_an_answer_to_a_call_that_is_not_ours_is_unknown() -> None:
    assert isinstance(understood(Call("subscriptions", "POST", "/v2/query", b"{}"), ok(1, 1)), Unknown)
    assert isinstance(understood(Call("read", "POST", "/v2/query", b"not json"), paid()), Unknown)
    assert isinstance(understood(Call("look_for_refund", "POST", "/v2/query_refund", b"{}"), ok(1, 1)), Unknown)


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = some.sampled_from(
    "return_code sub_return_code return_message sub_return_message amount zp_trans_id is_processing order_url".split()
)


@given(some.sampled_from(CALLS), some.integers(-1, 700), some.binary(max_size=80))
def test_no_bytes_make_understanding_raise(call: Call, status: int, found: bytes) -> None:
    assert isinstance(understood(call, Answer(status, (), found)), Done | NotDone | Unknown)


@given(some.sampled_from(CALLS), some.sampled_from([1, 2, 3]), some.dictionaries(FIELDS, ANY_JSON))
def test_no_json_makes_understanding_raise(call: Call, code: int, fields: dict[str, object]) -> None:
    found = json.dumps(body(code) | fields).encode()
    assert isinstance(understood(call, Answer(200, (), found)), Done | NotDone | Unknown)


@given(some.sampled_from(CALLS), some.binary(max_size=40))
def test_an_answer_that_cannot_be_read_is_never_a_no(call: Call, found: bytes) -> None:
    """X3: a success of any shape may have happened."""
    assert not isinstance(understood(call, Answer(200, (), found)), NotDone)


@given(some.sampled_from([2, 3, 0, -1]), some.integers(-2000, 10), some.booleans())
def test_no_code_but_success_ever_brings_money(code: int, sub: int, at_work: bool) -> None:
    """B17: an amount beside a failure or a payment under way is not money that came."""
    outcome = understood(READ, paid(return_code=code, sub_return_code=sub, is_processing=at_work))
    assert not isinstance(outcome, Done) or payment(outcome.observations[0]).captured_minor == 0
