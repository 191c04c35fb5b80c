"""The events: which are handled, what each says, and what becomes of the others."""

from __future__ import annotations

import hashlib
import json
import re
import typing
from datetime import UTC, datetime

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as some

from payonce.domain.observation import Observation, PaymentSeen, Ref
from payonce.providers.contract import Unreadable, Verified
from payonce.providers.stripe.events import HANDLED, ROWS
from tests.providers.stripe.samples import (
    ATTEMPT,
    KEY,
    NOW,
    SECRET,
    Object,
    adapter,
    back,
    charge,
    dispute,
    event,
    heard,
    intent,
    payment,
    raw,
    refund,
    session,
    signed,
    unreadable,
)  # fmt: skip

DECLINE = {"code": "card_declined"}
SAMPLE = {
    "payment_intent": intent, "checkout.session": session, "charge": charge, "refund": refund, "dispute": dispute,
}  # fmt: skip


def one(verdict: Verified) -> Observation:
    (observation,) = verdict.observations
    return observation


@pytest.mark.parametrize(
    ("kind", "found", "status", "captured"),
    [
        ("payment_intent.created", intent(), "open", 0),
        ("payment_intent.requires_action", intent("requires_action"), "action", 0),
        ("payment_intent.processing", intent("processing"), "pending", 0),
        ("payment_intent.amount_capturable_updated", intent("requires_capture", amount_capturable=135), "action", 0),
        ("payment_intent.partially_funded", intent("requires_action", amount_received=35), "action", 35),
        ("payment_intent.succeeded", intent("succeeded"), "paid", 135),
        ("payment_intent.payment_failed", intent(last_payment_error=DECLINE), "asks_again", 0),
        ("payment_intent.payment_failed", intent(), "asks_again", 0),
        ("payment_intent.payment_failed", intent("canceled"), "closed", 0),
        ("payment_intent.payment_failed", intent("succeeded"), "paid", 135),
        ("payment_intent.canceled", intent("canceled"), "closed", 0),
        ("checkout.session.completed", session("complete", "paid", payment_intent="pi_1"), "paid", 135),
        ("checkout.session.completed", session("complete", payment_intent="pi_1"), "pending", 0),
        ("checkout.session.async_payment_succeeded", session("complete", "paid", payment_intent="pi_1"), "paid", 135),
        ("checkout.session.async_payment_failed", session("complete", payment_intent="pi_1"), "asks_again", 0),
        ("checkout.session.expired", session("expired"), "closed", 0),
        ("charge.pending", charge("pending"), "pending", 0),
        ("charge.succeeded", charge(), "paid", 135),
        ("charge.succeeded", charge(captured=False, amount_captured=0), "action", 0),
        ("charge.captured", charge(amount_captured=100), "paid", 100),
        ("charge.failed", charge("failed"), "asks_again", 0),
        ("charge.refunded", charge(amount_refunded=135), "paid", 135),
    ],
)
def test_an_event_of_a_payment_says_how_it_is_and_what_came_in(
    kind: str, found: Object, status: str, captured: int
) -> None:
    """B9: a decline is a hint that another method is asked for, and never an end."""
    verdict = heard(kind, found)
    seen = payment(one(verdict))
    assert verdict.handled
    assert (seen.status, seen.captured_minor, seen.attempt_id) == (status, captured, ATTEMPT)


@pytest.mark.parametrize("kind", ["charge.refund.updated", "refund.created", "refund.updated", "refund.failed"])
def test_an_event_of_a_refund_carries_the_refund(kind: str) -> None:
    """B10: whatever the event is called."""
    seen = back(one(heard(kind, refund("failed"))))
    assert (seen.ref, seen.status, seen.capture) == (Ref("refund", "re_1"), "failed", Ref("payment_intent", "pi_1"))


@pytest.mark.parametrize("step", ["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"])
def test_an_event_of_a_dispute_carries_the_dispute(step: str) -> None:
    """B10: its status counts, not the name of the event."""
    assert back(one(heard(f"charge.dispute.{step}", dispute("won")))).status == "won"


def test_every_handled_event_is_one_that_stripe_sends_and_has_a_sentence() -> None:
    """B8: and a table with one row for each type."""
    known = set(re.findall(r"'([a-z_]+(?:\.[a-z_]+)+)'", str(stripe.Event.__annotations__["type"])))
    assert {"payment_intent.succeeded", "refund.failed"} <= known
    assert set(HANDLED) - known == set()
    assert len(HANDLED) == len(ROWS)
    assert [row.type for row in ROWS if not row.says] == []
    assert tuple(HANDLED) == adapter().capabilities.handled_events


@pytest.mark.parametrize("kind", sorted(HANDLED))
def test_every_handled_event_is_understood_and_is_a_snapshot(kind: str) -> None:
    """B8: nothing that an event says counts as read."""
    verdict = heard(kind, SAMPLE[HANDLED[kind].object]())
    assert verdict.handled
    assert verdict.observations
    assert not any(observation.is_read for observation in verdict.observations)


@pytest.mark.parametrize("kind", sorted(HANDLED))
def test_no_event_alone_proves_that_a_payment_failed(kind: str) -> None:
    """B9: `failed` is the end of an attempt, so only a read says it."""
    statuses = [
        "requires_payment_method",
        "processing",
        "canceled",
        "open",
        "complete",
        "expired",
        "pending",
        "failed",
        "x",
    ]
    for status in statuses:
        for observation in heard(kind, SAMPLE[HANDLED[kind].object](status)).observations:
            assert not (isinstance(observation.seen, PaymentSeen) and observation.seen.status == "failed")


@pytest.mark.parametrize(
    "kind",
    ["customer.created", "payout.paid", "radar.early_fraud_warning.created", "made.up.tomorrow", "charge.expired"],
)
def test_an_event_that_is_not_handled_is_genuine_and_says_nothing(kind: str) -> None:
    """B11: stored and counted, never an error, whatever it carries."""
    for found in ({}, {"object": "customer"}, intent(amount="odd")):
        verdict = heard(kind, found)
        assert not verdict.handled
        assert (verdict.type, verdict.observations) == (kind, ())


def test_a_thin_event_is_genuine_and_not_handled() -> None:
    """B11: the official verifier raises on it."""
    thin = {
        "id": "evt_test_65R", "object": "v2.core.event", "type": "payment_intent.succeeded", "livemode": False,
        "created": "2026-11-20T12:00:00.000Z", "related_object": {"id": "pi_1", "type": "payment_intent"},
    }  # fmt: skip
    verdict = adapter().verify(signed(raw(thin)), raw(thin), NOW)
    assert isinstance(verdict, Verified)
    assert (verdict.handled, verdict.observations, verdict.created_at) == (False, (), NOW)


def test_the_envelope_names_the_event_its_time_its_mode_and_its_account() -> None:
    verdict = heard("payment_intent.succeeded", intent("succeeded"), account="acct_9")
    assert (verdict.key, verdict.type, verdict.account) == ("evt_1", "payment_intent.succeeded", "acct_9")
    assert verdict.created_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert verdict.live_mode is False


def test_what_the_object_says_of_its_mode_counts_for_the_object() -> None:
    verdict = heard("payment_intent.succeeded", intent("succeeded", livemode=True))
    assert (verdict.live_mode, one(verdict).live_mode) == (False, True)
    assert one(heard("refund.created", refund(), livemode=True)).live_mode is True, "refunds name no mode of their own"


def test_the_official_sdk_reads_the_same_event() -> None:
    body = raw(event("payment_intent.succeeded", intent("succeeded")))
    theirs = stripe.StripeClient(KEY).construct_event(body, signed(body)["stripe-signature"], SECRET, tolerance=10**9)
    ours = heard("payment_intent.succeeded", intent("succeeded"))
    assert (theirs.id, theirs.type, theirs.livemode) == (ours.key, ours.type, ours.live_mode)


@pytest.mark.parametrize(
    "found",
    [
        event("payment_intent.succeeded", refund()),
        event("payment_intent.succeeded", intent(amount=None)),
        event("payment_intent.succeeded", {}),
        event("payment_intent.succeeded", intent(), data=None),
        event("payment_intent.succeeded", intent(), id=None),
        event("payment_intent.succeeded", intent(), id="evt 1"),
        event("payment_intent.succeeded", intent(), livemode=None),
        event("payment_intent.succeeded", intent(), type=7),
        event("payment_intent.succeeded", intent(), object="list"),
        event("payment_intent.succeeded", intent(), account=["acct"]),
        {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded"},
    ],
)
def test_a_signed_event_that_is_not_understood_is_kept_by_its_bytes(found: Object) -> None:
    """B11: never lost, and never half applied."""
    verdict = unreadable(adapter().verify(signed(raw(found)), raw(found), NOW))
    assert verdict.key == "sha256:" + hashlib.sha256(raw(found)).hexdigest()
    assert verdict.reason


def test_a_stored_event_says_the_same_again_and_stays_a_snapshot() -> None:
    """C16: a replay needs no signature, because it was checked before it was stored."""
    body = raw(event("payment_intent.succeeded", intent("succeeded")))
    first = heard("payment_intent.succeeded", intent("succeeded"))
    assert adapter().again(body, "webhook") == first
    assert adapter().again(body, "backfill") == first, "an event of the event list is no read of the present"
    assert adapter().again(body, "poll") == first


@pytest.mark.parametrize("source", ["poll", "backfill"])
def test_a_stored_answer_says_the_same_again_and_stays_a_read(source: typing.Literal["poll", "backfill"]) -> None:
    body = raw(session("complete", payment_intent=intent(last_payment_error=DECLINE)))
    verdict = adapter().again(body, source)
    assert isinstance(verdict, Verified)
    assert (one(verdict).source, one(verdict).is_read, payment(one(verdict)).status) == (
        source,
        source == "poll",
        "failed",
    )
    assert verdict.key == "sha256:" + hashlib.sha256(body).hexdigest()


def test_an_object_is_no_event() -> None:
    assert unreadable(adapter().again(raw(intent()), "webhook")).reason == "it is no event"


SOURCES = some.sampled_from(["webhook", "poll", "backfill"])
LEAVES = some.none() | some.booleans() | some.integers() | some.floats() | some.text()
ANY_JSON = some.recursive(
    LEAVES, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=10
)


@given(some.binary(), SOURCES)
def test_no_stored_bytes_make_a_replay_raise(
    body: bytes, source: typing.Literal["webhook", "poll", "backfill"]
) -> None:
    assert isinstance(adapter().again(body, source), Verified | Unreadable)


@given(some.sampled_from(sorted(HANDLED)), some.data())
def test_no_object_makes_an_event_raise(kind: str, data: some.DataObject) -> None:
    """B11: any field of the object and of the envelope may be anything."""
    found = SAMPLE[HANDLED[kind].object]()
    found |= data.draw(some.dictionaries(some.sampled_from(sorted(found)), ANY_JSON, max_size=3))
    envelope = event(kind, found)
    envelope |= data.draw(some.dictionaries(some.sampled_from(sorted(envelope)), ANY_JSON, max_size=2))
    body = json.dumps(envelope).encode()
    verdict = adapter().verify(signed(body), body, NOW)
    assert isinstance(verdict, Verified | Unreadable)
