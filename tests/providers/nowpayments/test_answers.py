"""What an answer means. Not done is said on a clear no only; the rest is unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.base import ids
from payonce.domain.observation import PaymentSeen, Ref
from payonce.providers.contract import Call, Done, Handle, NotDone, Outcome, Unknown, Unreadable, Verified
from payonce.providers.transport import Answer
from tests.providers.nowpayments.samples import (
    ATTEMPT,
    NOW,
    Object,
    adapter,
    ask,
    error,
    invoice,
    lister,
    made_payment,
    ok,
    page,
    payment,
    raw,
)  # fmt: skip

PAYMENT = Ref("payment", "5524759814")
INVOICE = Ref("invoice", "4522625843")
OTHER = ids.show(ids.ATTEMPT, ids.read(ids.ATTEMPT, "att_" + "0" * 26))


def call_of(call: Call | NotDone) -> Call:
    assert isinstance(call, Call)
    return call


CREATE, CREATE_PAYMENT = adapter().create(ask()), adapter().create(ask("payment"))
READ, READ_INVOICE = call_of(lister().read(PAYMENT)), call_of(lister().read(INVOICE))
FIND = lister().find("payment", NOW, NOW, None)
CALLS = [CREATE, CREATE_PAYMENT, READ, READ_INVOICE, FIND]


def understood(call: Call, answer: Answer) -> Outcome:
    return lister().understand(call, answer)


def done(call: Call, found: object) -> Done:
    outcome = understood(call, ok(found))
    assert isinstance(outcome, Done), outcome
    return outcome


def payments(outcome: Done) -> list[PaymentSeen]:
    return [one.seen for one in outcome.observations if isinstance(one.seen, PaymentSeen)]


def test_a_made_invoice_gives_the_payer_its_page() -> None:
    outcome = understood(CREATE, ok(invoice(), 201))
    assert isinstance(outcome, Done)
    assert outcome.handle == Handle(INVOICE, url="https://nowpayments.io/payment/?iid=4522625843")
    (observation,) = outcome.observations
    assert (observation.source, observation.seen.attempt_id) == ("answer", ATTEMPT)
    assert outcome.body == raw(invoice())
    assert not outcome.replayed


def test_a_made_payment_gives_the_payer_what_to_send_where() -> None:
    memo = made_payment(payin_extra_id="1047386", pay_amount=1e-7, pay_currency="xrp", network="xrp")
    handle = done(CREATE_PAYMENT, memo).handle
    assert handle is not None
    assert handle.ref == PAYMENT
    assert handle.instructions == {
        "address": "TNDFkiSmBQorNFacb3735q8MnT29sn8BLn", "amount": "0.0000001", "asset": "xrp", "network": "xrp",
        "memo": "1047386",
    }  # fmt: skip
    assert handle.expires_at == datetime(2026, 11, 20, 12, 20, 0, 123000, tzinfo=UTC)
    assert handle.url is None


def test_a_memo_is_told_as_it_came_or_nothing_is() -> None:
    """X3: coins without their memo arrive at somebody else's."""
    for memo in (1047386, "1047386"):
        handle = done(CREATE_PAYMENT, made_payment(payin_extra_id=memo)).handle
        assert handle is not None
        assert handle.instructions["memo"] == "1047386"
    odds: list[Object] = [
        {"payin_extra_id": ["1"]},
        {"payin_extra_id": "a\nb"},
        {"pay_address": "x\ty"},
        {"network": {}},
    ]
    for odd in odds:
        assert isinstance(understood(CREATE_PAYMENT, ok(made_payment(**odd))), Unknown)
    handle = done(CREATE_PAYMENT, made_payment(network=None)).handle
    assert handle is not None
    assert handle.instructions.keys() == {"address", "amount", "asset"}


@pytest.mark.parametrize(
    ("found", "payable"),
    [
        (payment(), True),
        (payment("confirming"), False),
        (payment("partially_paid", actually_paid=5), False),
        (payment("finished"), False),
        (payment("expired"), False),
        (payment("a_new_one"), False),
        (payment(pay_address=None), False),
        (payment(pay_amount=None), False),
        # Its payer goes on at the page of the invoice; a repeated deposit is there already.
        (payment(invoice_id="4522625843"), False),
        (payment(parent_payment_id=7), False),
    ],
)
def test_a_payer_gets_instructions_only_of_what_waits_for_coins(found: Object, payable: bool) -> None:
    assert (done(READ, found).handle is not None) is payable


def test_a_read_tells_the_present() -> None:
    outcome = done(READ, payment("finished"))
    assert [one.source for one in outcome.observations] == ["poll"]
    assert outcome.observations[0].is_read
    assert outcome.body == raw(payment("finished"))


@pytest.mark.parametrize(
    ("listed", "status", "count"),
    [
        ([], "open", 0),
        ([payment("waiting", invoice_id=4522625843)], "open", 1),
        ([payment("expired", invoice_id=4522625843), payment("failed", invoice_id=4522625843)], "open", 2),
        ([payment("expired", invoice_id=4522625843), payment("sending", invoice_id=4522625843)], "pending", 2),
        ([payment("finished", invoice_id=4522625843), payment("waiting", invoice_id=4522625843)], "paid", 2),
        ([payment("finished", invoice_id=4522625843), payment("confirmed", invoice_id=4522625843)], "pending", 2),
        ([payment("a_new_one", invoice_id="4522625843")], "unknown", 1),
        # Ours by the invoice alone, and by our mark alone, as documented lists have it.
        ([payment("finished", invoice_id=4522625843, order_id=None)], "paid", 1),
        ([{key: value for key, value in payment("finished").items() if key != "invoice_id"}], "paid", 1),
        # A list that was not filtered as it was asked to be.
        ([payment("finished", invoice_id=7), payment("finished", order_id=None)], "open", 0),
    ],
)
def test_an_invoice_is_as_its_payments_are(listed: list[Object], status: str, count: int) -> None:
    """C23: an invoice is never over by itself, because the payer can choose another coin there."""
    first, *rest = payments(done(READ_INVOICE, page(*listed)))
    assert (first.ref, first.status, first.captured_minor, first.capture) == (INVOICE, status, 0, None)
    assert len(rest) == count
    assert all(one.ref.kind == "payment" for one in rest)


def test_the_stored_list_of_an_invoice_says_the_same_again() -> None:
    """The list does not say whose it is, so it is stored with the invoice that it was asked for."""
    outcome = done(READ_INVOICE, page(payment("finished", invoice_id=4522625843)))
    again = adapter().again(outcome.body, "poll")
    assert isinstance(again, Verified) and again.observations == outcome.observations
    assert [one.seen.ref for one in again.observations] == [INVOICE, Ref("payment", "5524759814")]
    for spoilt in (b'{"payonce_invoice":"77"}', b'{"payonce_invoice":"77","answer":"{}"}'):
        assert isinstance(adapter().again(spoilt, "poll"), Unreadable)


def test_an_invoice_with_more_payments_than_a_page_holds_decides_nothing() -> None:
    outcome = understood(READ_INVOICE, ok(page(payment("finished", invoice_id=4522625843), pages=2)))
    assert isinstance(outcome, Unknown)
    assert outcome.is_too_much


def test_a_list_gives_what_is_ours_and_goes_on_to_the_next_page() -> None:
    """B7: what others made in the account is not ours to touch, and cannot hide what is."""
    listed: list[Any] = [
        payment("finished"),
        payment(payment_id=2, order_id="RGDBP-21314"),
        payment(payment_id=3, order_id=None, parent_payment_id=5524759814),
        {"payment_id": [], "order_id": None},
        "odd",
    ]
    outcome = done(FIND, page(*listed, pages=2))
    assert [one.seen.ref.id for one in outcome.observations] == ["5524759814", "3"]
    assert outcome.next_page == "1"
    second = lister().find("payment", NOW, NOW, "1")
    assert done(second, page(*listed[:1], number=1, pages=2)).next_page is None
    assert done(FIND, page(pages=0)).next_page is None


def test_another_page_than_was_asked_for_decides_nothing() -> None:
    assert isinstance(understood(FIND, ok(page(payment(), number=1, pages=2))), Unknown)


def test_an_odd_payment_of_ours_leaves_the_list_unknown_instead_of_missing() -> None:
    assert isinstance(understood(FIND, ok(page(payment(payment_id=None)))), Unknown)


@pytest.mark.parametrize(
    ("call", "answer", "code", "may_repeat"),
    [
        (CREATE, error(400), "invalid_request_params", False),
        (CREATE_PAYMENT, error(400, "AMOUNT_MINIMAL_ERROR"), "amount_minimal_error", False),
        (CREATE, error(401, "AUTH_REQUIRED"), "provider_auth", False),
        (CREATE, error(403, "INVALID_API_KEY"), "provider_auth", False),
        (CREATE, error(404, "CURRENCY_NOT_FOUND"), "currency_not_found", False),
        (READ, error(404, "PAYMENT_NOT_FOUND"), "not_found", False),
        (READ, error(429, "TOO_MANY_REQUESTS"), "rate_limited", True),
        (CREATE, error(429, "TOO_MANY_REQUESTS", retry_after="7"), "rate_limited", True),
        (FIND, error(401, "AUTH_REQUIRED"), "provider_auth", False),
        (FIND, error(400), "invalid_request_params", False),
    ],
)
def test_a_clear_no_is_not_done(call: Call, answer: Answer, code: str, may_repeat: bool) -> None:
    """X3: nothing was made, so another way may be tried."""
    outcome = understood(call, answer)
    assert isinstance(outcome, NotDone), outcome
    assert (outcome.code, outcome.may_repeat) == (code, may_repeat)
    assert outcome.message
    assert outcome.retry_after_seconds == (7.0 if answer.header("retry-after") else None)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        error(409, "CONFLICT"),
        error(408, "TIMEOUT"),
        error(500, "INTERNAL_ERROR"),
        error(502, "BAD_GATEWAY"),
        error(503, "UNAVAILABLE"),
        ok({"statusCode": 500, "code": "INTERNAL_ERROR", "message": "odd"}, 400),
        Answer(400, (), b"<html>Bad Request</html>"),
        Answer(403, (), b"<html>Blocked</html>"),
        Answer(403, (), b'{"message": "Forbidden"}'),
        Answer(404, (), b'{"message": "no Route matched"}'),
        Answer(429, (), b"slow down"),
        Answer(400, (), b'{"code": 7}'),
        Answer(302, (("location", "https://elsewhere.example"),), b""),
        Answer(100, (), b""),
        Answer(0, (), b""),
        Answer(200, (), b""),
        Answer(204, (), b""),
        Answer(200, (), b"<html>OK</html>"),
        Answer(200, (), b"null"),
        Answer(200, (), b'{"message": "OK"}'),
        Answer(200, (), b'{"payment_id": 5524759814'),
        ok({"data": None, "page": 0, "pagesCount": 0}),
        ok({"data": []}),
        ok({"data": [], "page": -1, "pagesCount": 1}),
        ok({"data": [], "page": 0, "pagesCount": "many"}),
    ],
)
def test_an_answer_that_decides_nothing_is_unknown(call: Call, answer: Answer) -> None:
    """X3: it may have happened, and a second create would be a second address."""
    assert isinstance(understood(call, answer), Unknown)


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (CREATE, invoice(order_id=OTHER)),
        (CREATE, made_payment()),
        (CREATE, page(payment())),
        (CREATE, invoice(invoice_url=None)),
        (CREATE, invoice(invoice_url="javascript:alert(1)")),
        (CREATE, invoice(id=None)),
        (CREATE_PAYMENT, made_payment(order_id=OTHER)),
        (CREATE_PAYMENT, invoice()),
        (READ, payment(payment_id=552475981)),
        (READ, invoice()),
        (READ, page(payment())),
        (FIND, payment()),
        (READ_INVOICE, payment()),
    ],
)
def test_an_answer_about_another_object_is_unknown(call: Call, found: Object) -> None:
    """C3: no echo of somebody else's is taken for an answer."""
    assert isinstance(understood(call, ok(found)), Unknown)


def test_a_status_that_nobody_told_us_of_is_unknown_and_not_failed() -> None:
    assert payments(done(READ, payment("held_by_bank")))[0].status == "unknown"


def test_the_reason_of_a_refused_key_does_not_repeat_any_of_it() -> None:
    answer = ok({"statusCode": 403, "code": "INVALID_API_KEY", "message": "Invalid key ABCDEFG"}, 403)
    outcome = understood(CREATE, answer)
    assert isinstance(outcome, NotDone)
    assert "ABCDEFG" not in outcome.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("999999", 3600.0), ("", None), ("-1", None), ("1.5", None), ("٧", None), ("soon", None)],
)
def test_a_wait_that_is_asked_for_is_kept_within_reason(text: str, seconds: float | None) -> None:
    for answer in (error(429, retry_after=text), error(503, retry_after=text)):
        outcome = understood(CREATE, answer)
        assert isinstance(outcome, NotDone | Unknown)
        assert outcome.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (error(401, "AUTH_REQUIRED"), "provider_auth"),
        (error(403, "INVALID_CREDENTIALS"), "provider_auth"),
        (error(400, "INVALID_REQUEST_PARAMS"), "invalid_request_params"),
        (error(429, "TOO_MANY_REQUESTS"), "rate_limited"),
    ],
)
def test_a_refused_sign_in_is_a_clear_no(answer: Answer, code: str) -> None:
    outcome = lister().token_of(answer)
    assert isinstance(outcome, NotDone)
    assert outcome.code == code


@pytest.mark.parametrize(
    "answer",
    [
        ok({}),
        ok({"token": ""}),
        ok({"token": None}),
        ok({"token": "a b"}),
        ok({"token": "a\r\nx-evil: 1"}),
        ok({"token": "ü"}),
        ok({"token": "x" * 5000}),
        Answer(200, (), b"token"),
        error(500, "INTERNAL_ERROR"),
        Answer(401, (), b"<html>Log in to the proxy</html>"),
    ],
)
def test_a_token_that_is_none_is_no_token(answer: Answer) -> None:
    """B16: nothing of an answer gets into a header but letters of a token."""
    assert isinstance(lister().token_of(answer), Unknown)


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted({*made_payment(), *invoice(), *page(), "statusCode", "code", "message", "token"})


@given(
    some.sampled_from(CALLS),
    some.integers(-1, 700),
    some.binary(max_size=80),
    some.dictionaries(some.text(), some.text()),
)
def test_no_bytes_make_understanding_raise(call: Call, status: int, body: bytes, headers: dict[str, str]) -> None:
    answer = Answer(status, tuple(headers.items()), body)
    assert isinstance(understood(call, answer), Done | NotDone | Unknown)
    assert isinstance(lister().token_of(answer), str | NotDone | Unknown)


def test_not_even_an_answer_that_no_transport_may_give_makes_understanding_raise() -> None:
    odd: Any = (("retry-after", 7),)
    for status in (400, 429, 500):
        assert isinstance(understood(CREATE, Answer(status, odd, raw(invoice()))), Unknown)
        assert isinstance(lister().token_of(Answer(status, odd, b"")), Unknown)


@given(some.sampled_from(CALLS), some.dictionaries(some.sampled_from(FIELDS), ANY_JSON))
def test_no_json_makes_understanding_raise(call: Call, fields: dict[str, object]) -> None:
    for base in (made_payment(), invoice(), page(payment("finished")), {}):
        body = json.dumps(base | fields).encode()
        for status in (200, 400):
            assert isinstance(understood(call, Answer(status, (), body)), Done | NotDone | Unknown)
            assert isinstance(lister().token_of(Answer(status, (), body)), str | NotDone | Unknown)


@given(some.sampled_from(CALLS), some.integers(200, 299), some.binary(max_size=40))
def test_an_answer_that_cannot_be_read_is_never_a_no(call: Call, status: int, body: bytes) -> None:
    """X3: a success of any shape may have happened."""
    assert not isinstance(understood(call, Answer(status, (), body)), NotDone)
