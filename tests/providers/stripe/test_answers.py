"""What an answer means. Not done is said on a clear no only; the rest is unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.base import ids
from payonce.domain.observation import Ref
from payonce.providers.contract import Call, Done, Handle, NotDone, Outcome, Unknown
from payonce.providers.transport import Answer
from tests.providers.stripe.samples import ATTEMPT, NOW, adapter, ask, intent, ok, payment, raw, refund, session

INTENT = Ref("payment_intent", "pi_1")
SESSION = Ref("checkout_session", "cs_1")
CREATE, CREATE_SESSION = adapter().create(ask()), adapter().create(ask("checkout_session"))
READ, READ_SESSION = adapter().read(INTENT), adapter().read(SESSION)
CLOSE, CLOSE_SESSION = adapter().close(INTENT, ATTEMPT), adapter().close(SESSION, ATTEMPT)
FIND = adapter().find("payment_intent", NOW, NOW, None)
CALLS = [CREATE, CREATE_SESSION, READ, READ_SESSION, CLOSE, CLOSE_SESSION, FIND]


def understood(call: Call, answer: Answer) -> Outcome:
    return adapter().understand(call, answer)


def done(call: Call, answer: Answer) -> Done:
    outcome = understood(call, answer)
    assert isinstance(outcome, Done), outcome
    return outcome


def error(status: int, kind: str = "invalid_request_error", code: str | None = None, **headers: str) -> Answer:
    return ok({"error": {"type": kind, "code": code, "message": "In Stripe's words."}}, status, **headers)


def test_a_created_intent_gives_the_payer_its_secret() -> None:
    outcome = done(CREATE, ok(intent()))
    assert outcome.handle == Handle(INTENT, client_secret="pi_1_secret_x")
    (observation,) = outcome.observations
    assert (observation.provider, observation.account, observation.source) == ("stripe", "main", "answer")
    assert observation.is_read
    assert payment(observation).attempt_id == ATTEMPT
    assert outcome.body == raw(intent())
    assert not outcome.replayed


def test_a_created_session_gives_the_payer_its_page_and_the_end_of_it() -> None:
    outcome = done(CREATE_SESSION, ok(session()))
    assert outcome.handle == Handle(
        SESSION, url="https://checkout.stripe.example/c/cs_1", expires_at=datetime(2026, 11, 20, 12, 35, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("call", "answer", "payable"),
    [
        (READ, intent("requires_action"), True),
        (READ, intent(last_payment_error={"code": "card_declined"}), True),
        (READ, intent("processing"), False),
        (READ, intent("requires_capture"), False),
        (READ, intent("succeeded"), False),
        (READ, intent("canceled"), False),
        (READ, intent(client_secret=None), False),
        (READ_SESSION, session(), True),
        (READ_SESSION, session(url=None), False),
        (READ_SESSION, session("complete", "paid"), False),
        (READ_SESSION, session("expired"), False),
        (READ_SESSION, session("complete", payment_intent=intent("requires_capture"), url="https://x.example"), False),
    ],
)
def test_a_payer_gets_a_handle_only_of_what_can_still_be_paid(
    call: Call, answer: dict[str, object], payable: bool
) -> None:
    assert (done(call, ok(answer)).handle is not None) is payable


def test_a_read_is_of_the_present_and_a_replay_says_that_it_is_not() -> None:
    """X3: a stored answer tells the past, so the object is read before it is used."""
    assert done(READ, ok(intent("succeeded"))).observations[0].source == "poll"
    assert done(CREATE, ok(intent(), Idempotent_Replayed="true")).replayed is False, "names come in lower case"
    assert done(CREATE, ok(intent(), idempotent_replayed="true")).replayed


@pytest.mark.parametrize(
    ("call", "answer", "code", "may_repeat"),
    [
        (CREATE, error(400, code="amount_too_small"), "amount_too_small", False),
        (CREATE, error(400), "invalid_request_error", False),
        (CREATE, error(402, "card_error", "card_declined"), "card_declined", False),
        (CREATE, error(404, code="resource_missing"), "resource_missing", False),
        (CREATE, error(400, code="lock_timeout", stripe_should_retry="true"), "lock_timeout", True),
        (CREATE, error(401), "provider_auth", False),
        (CREATE, error(403), "provider_auth", False),
        (READ, error(429, "invalid_request_error", "rate_limit"), "rate_limited", True),
        (CREATE, error(429, code="lock_timeout"), "rate_limited", True),
        (READ, error(404, code="resource_missing"), "not_found", False),
        (CLOSE, error(404), "not_found", False),
        (CLOSE, error(400, code="payment_intent_unexpected_state"), "not_closable", False),
        (CLOSE_SESSION, error(400), "not_closable", False),
        (FIND, error(400, code="parameter_unknown"), "parameter_unknown", False),
    ],
)
def test_a_clear_no_is_not_done(call: Call, answer: Answer, code: str, may_repeat: bool) -> None:
    """X7: a refused closing is read next, so it has one code of ours."""
    outcome = understood(call, answer)
    assert isinstance(outcome, NotDone), outcome
    assert (outcome.code, outcome.may_repeat) == (code, may_repeat)
    assert outcome.message


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        error(409, code="idempotency_key_in_use"),
        error(409),
        error(400, "idempotency_error"),
        error(400, code="idempotency_key_in_use"),
        error(500, "api_error"),
        error(500, "api_error", idempotent_replayed="true"),
        error(502),
        error(503),
        error(424),
        error(408),
        Answer(599, (), b""),
        Answer(400, (), b"<html>Bad Request</html>"),
        Answer(404, (), b"404: Not Found"),
        Answer(401, (), b"<html>Log in to the proxy</html>"),
        Answer(403, (), b"<html>Blocked</html>"),
        Answer(429, (), b"slow down"),
        Answer(400, (), b'{"error": "no object"}'),
        Answer(302, (("location", "https://elsewhere.example"),), b""),
        Answer(100, (), b""),
        Answer(0, (), b""),
        Answer(200, (), b""),
        Answer(204, (), b""),
        Answer(200, (), b"<html>OK</html>"),
        Answer(200, (), b"null"),
        Answer(200, (), b'{"id": "pi_1"'),
        Answer(200, (), b'{"id": "pi_1", "object": "payment_intent"}'),
        Answer(200, (), b'{"object": "list", "data": null, "has_more": false}'),
        Answer(200, (), b'{"object": "list", "data": [], "has_more": true}'),
        ok(intent(amount="135")),
        ok(intent(currency=None)),
        ok({"object": "customer", "id": "cus_1"}),
    ],
)
def test_an_answer_that_decides_nothing_is_unknown(call: Call, answer: Answer) -> None:
    """X3: it may have happened, so it is never taken for a no."""
    assert isinstance(understood(call, answer), Unknown)


def test_an_answer_about_another_object_is_unknown() -> None:
    assert isinstance(understood(READ, ok(intent(id="pi_2"))), Unknown)
    assert isinstance(understood(adapter().read(Ref("payment_intent", "pi_12")), ok(intent())), Unknown)
    assert isinstance(understood(CLOSE_SESSION, ok(session(id="cs_2"))), Unknown)
    other = ids.show(ids.ATTEMPT, ids.read(ids.ATTEMPT, "att_" + "0" * 26))
    assert isinstance(understood(CREATE, ok(intent(metadata={"payonce_attempt": other}))), Unknown)


def test_a_status_that_nobody_told_us_of_is_unknown_and_not_failed() -> None:
    (observation,) = done(READ, ok(intent("requires_something_new"))).observations
    assert payment(observation).status == "unknown"


def test_the_reason_of_a_refused_key_does_not_repeat_any_of_it() -> None:
    answer = ok(
        {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_****6789"}}, 401
    )
    outcome = understood(CREATE, answer)
    assert isinstance(outcome, NotDone)
    assert "sk_test" not in outcome.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("999999", 3600.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("Fri, 20 Nov 2026 12:00:00 GMT", None),
        ("٧", None),
    ],
)
def test_a_wait_that_stripe_asks_for_is_kept_within_reason(text: str, seconds: float | None) -> None:
    for answer in (error(429, retry_after=text), error(503, retry_after=text)):
        outcome = understood(CREATE, answer)
        assert isinstance(outcome, NotDone | Unknown)
        assert outcome.retry_after_seconds == seconds


def test_a_list_gives_what_is_ours_and_goes_on_after_the_last_object_whosever_it_is() -> None:
    """B7: what others made in the account is not ours to touch, and cannot hide what is."""
    data = [
        intent(),
        intent(id="pi_2", metadata={}),
        intent(id="pi_3", metadata={"payonce_attempt": "att_x"}),
        {"id": "pi_4", "object": "odd"},
    ]
    outcome = done(FIND, ok({"object": "list", "data": data, "has_more": True}))
    assert [one.seen.ref.id for one in outcome.observations] == ["pi_1"]
    assert outcome.next_page == "pi_4"
    assert done(FIND, ok({"object": "list", "data": data, "has_more": False})).next_page is None


def test_an_odd_object_of_ours_leaves_the_list_unknown_instead_of_missing() -> None:
    assert isinstance(
        understood(FIND, ok({"object": "list", "data": [intent(amount=None)], "has_more": False})), Unknown
    )


def test_a_refund_without_a_mode_of_its_own_has_the_account_s() -> None:
    call = adapter().read(Ref("refund", "re_1"))
    assert done(call, ok(refund())).observations[0].live_mode is False


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted({*intent(), *session(), "data", "has_more", "error", "type", "code"})
KINDS = some.sampled_from(["payment_intent", "checkout.session", "charge", "refund", "dispute", "list", "event", ""])


@given(
    some.sampled_from(CALLS),
    some.integers(-1, 700),
    some.binary(max_size=80),
    some.dictionaries(some.text(), some.text()),
)
def test_no_bytes_make_understanding_raise(call: Call, status: int, body: bytes, headers: dict[str, str]) -> None:
    assert isinstance(understood(call, Answer(status, tuple(headers.items()), body)), Done | NotDone | Unknown)


def test_not_even_an_answer_that_no_transport_may_give_makes_understanding_raise() -> None:
    odd: Any = (("idempotent-replayed", 7), ("retry-after", 7), ("stripe-should-retry", None))
    for status in (200, 400, 429, 500):
        assert isinstance(understood(CREATE, Answer(status, odd, raw(intent()))), Unknown)


@given(some.sampled_from(CALLS), KINDS, some.dictionaries(some.sampled_from(FIELDS), ANY_JSON))
def test_no_json_makes_understanding_raise(call: Call, kind: str, fields: dict[str, object]) -> None:
    for base in (intent(), session(), {}):
        body = json.dumps(base | {"object": kind} | fields).encode()
        for status in (200, 400):
            assert isinstance(understood(call, Answer(status, (), body)), Done | NotDone | Unknown)


@given(some.sampled_from(CALLS), some.integers(200, 299), some.binary(max_size=40))
def test_an_answer_that_cannot_be_read_is_never_a_no(call: Call, status: int, body: bytes) -> None:
    """X3: a success of any shape may have happened."""
    assert not isinstance(understood(replace(call), Answer(status, (), body)), NotDone)
