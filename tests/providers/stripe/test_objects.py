"""A written row for every status: intents, sessions, charges, refunds and disputes."""

from __future__ import annotations

import typing

import pytest
import stripe

from payonce.domain.observation import PaymentStatus, Ref
from payonce.providers.stripe.payments import INTENT_STATUS
from payonce.providers.stripe.returns import DISPUTE_STATUS, REFUND_STATUS
from payonce.providers.stripe.sessions import WITH_INTENT, WITHOUT_INTENT
from tests.providers.stripe.samples import (
    ATTEMPT,
    MARKS,
    Object,
    adapter,
    back,
    charge,
    dispute,
    intent,
    payment,
    raw,
    refund,
    seen_again,
    session,
    unreadable,
)

INTENT = Ref("payment_intent", "pi_1")
DECLINE = {"code": "card_declined", "decline_code": "insufficient_funds"}


def literals(cls: type, field: str) -> set[str]:
    """The values that the SDK's annotation of a field lists."""
    found: set[str] = set()

    def walk(annotation: object) -> None:
        for part in typing.get_args(annotation):
            if isinstance(part, str):
                found.add(part)
            walk(part)

    walk(cls.__annotations__[field])
    return found


@pytest.mark.parametrize(
    ("status", "changes", "expected", "captured"),
    [
        ("requires_payment_method", {}, "open", 0),
        ("requires_payment_method", {"last_payment_error": DECLINE}, "asks_again", 0),
        ("requires_confirmation", {}, "open", 0),
        ("requires_action", {}, "action", 0),
        ("processing", {}, "pending", 0),
        ("requires_capture", {"amount_capturable": 135}, "action", 0),
        ("canceled", {}, "closed", 0),
        ("succeeded", {}, "paid", 135),
        ("succeeded", {"amount_received": 100}, "paid", 100),
        ("requires_action", {"amount_received": 35}, "action", 35),
        ("requires_nothing_known", {}, "unknown", 0),
        (None, {}, "unknown", 0),
    ],
)
def test_an_intent_is_seen_by_its_row_and_its_money_by_what_was_received(
    status: str, changes: Object, expected: PaymentStatus, captured: int
) -> None:
    """B8: authorised is not captured, and a decline is not the end."""
    seen = payment(seen_again(intent(status, **changes)))
    assert (seen.status, seen.captured_minor, seen.capture) == (expected, captured, INTENT)
    assert (seen.amount_minor, seen.currency, seen.attempt_id) == (135, "USD", ATTEMPT)


def test_a_stand_in_that_leaves_the_received_amount_out_means_all_of_it() -> None:
    for status, captured in [("succeeded", 135), ("processing", 0)]:
        found = intent(status)
        del found["amount_received"]
        assert payment(seen_again(found)).captured_minor == captured


@pytest.mark.parametrize("latest", ["ch_1", {"id": "ch_1", "object": "charge"}])
def test_the_charge_is_known_as_a_reference_whether_expanded_or_not(latest: object) -> None:
    assert payment(seen_again(intent("succeeded", latest_charge=latest))).related == (Ref("charge", "ch_1"),)


def test_why_a_method_failed_is_told_in_the_bank_s_words() -> None:
    assert payment(seen_again(intent(last_payment_error=DECLINE))).reason == "insufficient_funds"
    assert payment(seen_again(intent("canceled", cancellation_reason="abandoned"))).reason == "abandoned"
    assert payment(seen_again(intent(last_payment_error={"code": "x\n" * 500}))).reason == ""


@pytest.mark.parametrize("status", sorted(literals(stripe.PaymentIntent, "status")))
def test_every_intent_status_that_the_sdk_knows_has_a_row(status: str) -> None:
    """X2: every provider status has a written row."""
    assert status in INTENT_STATUS


@pytest.mark.parametrize("status", sorted(literals(stripe.Dispute, "status")))
def test_every_dispute_status_that_the_sdk_knows_has_a_row(status: str) -> None:
    """X2: all ten."""
    assert status in DISPUTE_STATUS


def test_the_sdk_s_lists_were_really_read() -> None:
    assert len(literals(stripe.PaymentIntent, "status")) == 7
    assert len(literals(stripe.Dispute, "status")) == 10
    assert len(literals(stripe.checkout.Session, "status")) == 3


@pytest.mark.parametrize(
    ("status", "payment_status", "expected"),
    [
        ("open", "unpaid", "open"),
        ("complete", "unpaid", "pending"),
        ("complete", "paid", "paid"),
        ("expired", "unpaid", "closed"),
        ("complete", "no_payment_required", "unknown"),
        ("open", "paid", "unknown"),
        ("expired", "paid", "unknown"),
        ("complete", "something_new", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_a_session_alone_never_says_failed(status: str, payment_status: str, expected: PaymentStatus) -> None:
    """X8: complete and unpaid is a delayed method at work."""
    seen = payment(seen_again(session(status, payment_status, payment_intent="pi_1")))
    assert seen.status == expected
    assert seen.captured_minor == (135 if expected == "paid" else 0)


def test_a_session_before_its_confirmation_has_no_intent_and_brings_nothing() -> None:
    seen = payment(seen_again(session()))
    assert (seen.ref, seen.capture, seen.captured_minor, seen.related) == (Ref("checkout_session", "cs_1"), None, 0, ())
    assert payment(seen_again(session("complete", "paid"))).captured_minor == 0, "paid, by nothing that can be counted"


@pytest.mark.parametrize("status", sorted(literals(stripe.checkout.Session, "status")))
@pytest.mark.parametrize("of_intent", sorted(literals(stripe.PaymentIntent, "status")))
def test_every_pair_of_session_and_intent_has_a_row_or_is_unknown(status: str, of_intent: str) -> None:
    """X2: the money is the intent's, whatever the session says."""
    seen = payment(seen_again(session(status, payment_intent=intent(of_intent))))
    assert seen.status == WITH_INTENT.get((status, of_intent), "unknown")
    assert (seen.captured_minor, seen.capture) == (135 if of_intent == "succeeded" else 0, INTENT)
    assert seen.related == (INTENT,)
    assert ((status, of_intent) in WITH_INTENT) is ((status, of_intent) != ("complete", "requires_confirmation"))


def test_a_read_proves_that_a_delayed_payment_failed() -> None:
    failed = session("complete", payment_intent=intent(last_payment_error=DECLINE, latest_charge="ch_1"))
    seen = payment(seen_again(failed))
    assert (seen.status, seen.reason) == ("failed", "insufficient_funds")
    assert seen.related == (INTENT, Ref("charge", "ch_1"))


def test_a_voucher_that_waits_to_be_paid_is_pending_and_not_dead() -> None:
    assert payment(seen_again(session("complete", payment_intent=intent("requires_action")))).status == "pending"


def test_an_open_page_on_which_a_card_was_declined_asks_again() -> None:
    assert payment(seen_again(session(payment_intent=intent(last_payment_error=DECLINE)))).status == "asks_again"


def test_only_complete_sessions_are_ever_failed_and_only_with_their_intent() -> None:
    assert {key for key, value in WITH_INTENT.items() if value == "failed"} == {("complete", "requires_payment_method")}
    assert "failed" not in WITHOUT_INTENT.values()
    assert "failed" not in INTENT_STATUS.values()


@pytest.mark.parametrize(
    ("changes", "attempt"),
    [
        ({}, ATTEMPT),
        ({"metadata": {}}, ATTEMPT),
        ({"client_reference_id": None}, ATTEMPT),
        ({"metadata": {"payonce_attempt": "basket-7"}, "client_reference_id": "basket-7"}, None),
        ({"metadata": None, "client_reference_id": 7}, None),
        ({"metadata": {}, "client_reference_id": None, "payment_intent": intent(metadata=MARKS)}, ATTEMPT),
    ],
)
def test_a_session_is_ours_by_any_of_its_marks(changes: Object, attempt: object) -> None:
    assert payment(seen_again(session(**changes))).attempt_id == attempt


def test_a_session_that_asks_no_money_is_read_and_is_not_ours() -> None:
    found = session(
        "complete",
        "no_payment_required",
        mode="setup",
        currency=None,
        amount_total=None,
        metadata={},
        client_reference_id=None,
    )
    seen = payment(seen_again(found))
    assert (seen.status, seen.amount_minor, seen.currency, seen.attempt_id) == ("unknown", None, None, None)


@pytest.mark.parametrize(
    ("found", "expected", "captured"),
    [
        (charge(), "paid", 135),
        (charge(amount_captured=100), "paid", 100),
        (charge(amount_refunded=135, refunded=True), "paid", 135),
        (charge(captured=False, amount_captured=0), "action", 0),
        (charge("pending"), "pending", 0),
        (charge("failed", failure_code="card_declined"), "asks_again", 0),
        (charge("failed", captured=True, amount_captured=135), "asks_again", 0),
        (charge("else"), "unknown", 0),
    ],
)
def test_a_charge_speaks_of_its_intent(found: Object, expected: PaymentStatus, captured: int) -> None:
    seen = payment(seen_again(found))
    assert (seen.ref, seen.capture, seen.related) == (INTENT, INTENT, (Ref("charge", "ch_1"),))
    assert (seen.status, seen.captured_minor, seen.attempt_id) == (expected, captured, ATTEMPT)


def test_an_authorised_charge_of_a_stand_in_that_leaves_the_captured_amount_out_captured_nothing() -> None:
    for captured, minor in [(True, 135), (False, 0)]:
        found = charge(captured=captured)
        del found["amount_captured"]
        assert payment(seen_again(found)).captured_minor == minor


def test_a_charge_without_an_intent_cannot_be_ours_and_says_nothing() -> None:
    verdict = adapter().again(raw(charge(payment_intent=None)), "poll")
    assert getattr(verdict, "observations", None) == ()


def test_the_refunds_that_a_charge_lists_are_seen_too() -> None:
    listed = {"object": "list", "data": [refund(payment_intent=None), refund("pending", id="re_2")]}
    verdict = adapter().again(raw(charge(refunds=listed)), "poll")
    found = [one.seen for one in getattr(verdict, "observations", ())]
    assert [one.ref.id for one in found] == ["pi_1", "re_1", "re_2"]
    assert {one.capture for one in found} == {INTENT}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("canceled", "failed"),
        ("else", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_refund_is_seen_by_its_row(status: str | None, expected: str) -> None:
    """B10: refunds are objects of their own."""
    seen = back(seen_again(refund(status)))
    assert (seen.ref, seen.status, seen.amount_minor, seen.currency) == (Ref("refund", "re_1"), expected, 100, "USD")
    assert seen.capture == INTENT
    assert (status in REFUND_STATUS) is (expected != "unknown")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("warning_needs_response", "warning"),
        ("warning_under_review", "warning"),
        ("warning_closed", "ended"),
        ("needs_response", "open"),
        ("under_review", "open"),
        ("appeal_needs_response", "open"),
        ("appeal_under_review", "open"),
        ("won", "won"),
        ("lost", "lost"),
        ("prevented", "ended"),
        ("else", "unknown"),
    ],
)
def test_a_dispute_is_seen_by_its_row(status: str, expected: str) -> None:
    """B10: an inquiry moves no money; from `open` on the bank has it."""
    seen = back(seen_again(dispute(status)))
    assert (seen.ref, seen.status, seen.capture, seen.amount_minor) == (Ref("dispute", "dp_1"), expected, INTENT, 135)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([], "ended"),
        ([{"amount": -135}], "lost"),
        ([{"amount": -135}, {"amount": 135}], "ended"),
        (None, "unknown"),
        ([{"amount": "-135"}], "unknown"),
        ([None], "unknown"),
    ],
)
def test_a_prevented_dispute_is_lost_only_where_the_money_left(moves: object, expected: str) -> None:
    assert back(seen_again(dispute("prevented", balance_transactions=moves))).status == expected


def test_a_refund_or_dispute_of_a_charge_without_intent_names_the_charge() -> None:
    assert back(seen_again(refund(payment_intent=None))).capture == Ref("charge", "ch_1")
    assert back(seen_again(dispute(payment_intent={"id": "pi_1"}))).capture == INTENT


@pytest.mark.parametrize(
    "found",
    [
        intent(id=None),
        intent(id="pi 1"),
        intent(amount=True),
        intent(amount_received=-1),
        intent(currency="$"),
        intent(latest_charge=7),
        session(id=""),
        session(amount_total=1.5),
        session(payment_intent=["pi_1"]),
        charge(id=None),
        charge(amount_captured="135"),
        refund(payment_intent=None, charge=None),
        refund(amount=None),
        dispute(charge=None, payment_intent=None),
        dispute(currency="US D"),
        {"object": "customer", "id": "cus_1"},
        {"id": "pi_1"},
    ],
)
def test_an_object_that_is_not_as_documented_is_not_half_understood(found: Object) -> None:
    assert unreadable(adapter().again(raw(found), "poll")).reason
