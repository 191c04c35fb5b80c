"""The notices: how each is named, what it says, and what becomes of those that are no payment."""

from __future__ import annotations

import hashlib
import json
import typing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.domain.observation import PaymentSeen, Ref
from payonce.providers.contract import Unreadable, Verified
from payonce.providers.nowpayments.payments import PAYMENT_STATUS
from tests.providers.nowpayments.samples import (
    NOW,
    Object,
    adapter,
    heard,
    invoice,
    page,
    payment,
    raw,
    signed,
    unreadable,
)  # fmt: skip

FIRST = Ref("payment", "5524759814")
Source = typing.Literal["webhook", "poll", "backfill"]


@pytest.mark.parametrize("status", sorted(PAYMENT_STATUS))
def test_every_status_is_a_notice_that_is_handled_and_is_a_snapshot(status: str) -> None:
    """B8: and nothing that a notice says counts as read."""
    verdict = heard(payment(status))
    assert (verdict.type, verdict.handled) == (f"payment.{status}", True)
    assert verdict.type in adapter().capabilities.handled_events
    assert verdict.observations
    assert not any(observation.is_read for observation in verdict.observations)
    assert adapter().capabilities.confirm_by_read


def test_a_status_that_nobody_told_us_of_leads_to_a_read_and_says_unknown() -> None:
    """B11: never failed, and never overlooked."""
    verdict = heard(payment("held_by_bank"))
    assert (verdict.type, verdict.handled) == ("payment.held_by_bank", True)
    (observation,) = verdict.observations
    assert isinstance(observation.seen, PaymentSeen)
    assert (observation.seen.status, observation.seen.reason) == ("unknown", "held_by_bank")


def test_a_notice_is_named_by_payment_status_and_content() -> None:
    """C5: a repetition has the same name, whatever the order of its fields; anything new has another one."""
    first = heard(payment("finished"))
    assert heard(dict(reversed(payment("finished").items()))).key == first.key
    others = [
        heard(payment("finished", payment_id=2)),
        heard(payment("confirmed")),
        heard(payment("finished", actually_paid=16)),
        heard(payment("finished", updated_at="2026-11-20T12:06:00.000Z")),
    ]
    assert len({first.key, *(one.key for one in others)}) == 5
    assert first.key.startswith("5524759814:finished:")
    assert max(len(one.key) for one in [first, *others]) < 120


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (1795176000123, datetime(2026, 11, 20, 12, 0, 0, 123000, tzinfo=UTC)),
        ("2026-11-20T12:00:00.123Z", datetime(2026, 11, 20, 12, 0, 0, 123000, tzinfo=UTC)),
        (None, None),
        ("2026-11-20T12:00:00", None),
        ("yesterday", None),
        ("9" * 50, None),
        (-1, None),
        (1.5, None),
        (10**16, None),
        ([1], None),
    ],
)
def test_the_time_of_a_notice_is_its_last_change_where_it_tells_one(when: object, expected: datetime | None) -> None:
    assert heard(payment("finished", updated_at=when)).created_at == expected


@pytest.mark.parametrize(("base", "live"), [("https://api.nowpayments.io", True), ("http://127.0.0.1:1", False)])
def test_a_notice_is_of_the_mode_of_its_account(base: str, live: bool) -> None:
    verdict = heard(payment("finished"), api_base=base, account="eu")
    assert (verdict.live_mode, verdict.account) == (live, None)
    (observation,) = verdict.observations
    assert (observation.live_mode, observation.account, observation.provider) == (live, "eu", "nowpayments")


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ({"id": "123456789", "batch_withdrawal_id": "987654321", "status": "CREATING", "amount": "50"}, "withdrawal"),
        ({"id": "1234567890", "status": "FINISHED", "currency": "trx", "amount": "12.171365564140688"}, "other"),
        ({}, "other"),
        ({"payment_id": 7}, "other"),
    ],
)
def test_a_notice_of_anything_else_is_genuine_and_not_handled(found: Object, kind: str) -> None:
    """B11: stored and counted, never an error."""
    verdict = heard(found)
    assert (verdict.type, verdict.handled, verdict.observations) == (kind, False, ())
    assert verdict.key == "sha256:" + hashlib.sha256(raw(found)).hexdigest()


@pytest.mark.parametrize("changes", [{"payment_id": None}, {"actually_paid": "x"}, {"payment_id": 1.5}])
def test_a_signed_notice_that_is_not_understood_is_kept_by_its_bytes(changes: Object) -> None:
    """B11: never lost, and never half applied."""
    body = raw(payment("finished", **changes))
    verdict = unreadable(adapter().verify(signed(body), body, NOW))
    assert verdict.key == "sha256:" + hashlib.sha256(body).hexdigest()
    assert verdict.reason


def test_an_old_notice_is_believed_again_which_is_why_it_proves_nothing() -> None:
    """C5: no time is under its signature, so the same name is all that tells a replay."""
    body = raw(payment("finished"))
    first = adapter().verify(signed(body), body, NOW)
    assert isinstance(first, Verified)
    assert adapter().verify(signed(body), body, NOW.replace(year=2036)) == first


def test_a_stored_notice_says_the_same_again() -> None:
    """C16: a replay needs no signature, because it was checked before it was stored."""
    assert adapter().again(raw(payment("finished")), "webhook") == heard(payment("finished"))


@pytest.mark.parametrize("source", ["poll", "backfill"])
@pytest.mark.parametrize(
    ("found", "refs"),
    [
        (payment("finished"), [FIRST]),
        (invoice(), [Ref("invoice", "4522625843")]),
(page(payment("finished"), payment(order_id="x"), payment(payment_id=2)), [FIRST, Ref("payment", "2")]),
    ],
)  # fmt: skip
def test_a_stored_answer_says_the_same_again_and_stays_a_read(found: Object, refs: list[Ref], source: Source) -> None:
    """C16: the bytes of a read are evidence like any other."""
    verdict = adapter().again(raw(found), source)
    assert isinstance(verdict, Verified)
    assert [one.seen.ref for one in verdict.observations] == refs
    assert all(one.is_read == (source == "poll") and one.source == source for one in verdict.observations)
    assert verdict.key == "sha256:" + hashlib.sha256(raw(found)).hexdigest()


@pytest.mark.parametrize("found", [{}, {"id": 7}, {"data": None}, {"message": "OK"}])
def test_what_is_neither_payment_invoice_nor_list_is_not_understood(found: Object) -> None:
    assert unreadable(adapter().again(raw(found), "poll")).reason == "neither payment, invoice nor list"


SOURCES = some.sampled_from(["webhook", "poll", "backfill"])
LEAVES = (
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text()
)
ANY_JSON = some.recursive(
    LEAVES, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=10
)
FIELDS = some.dictionaries(some.sampled_from(sorted({*payment(), *invoice(), *page()})), ANY_JSON, max_size=4)


@given(some.binary(), SOURCES)
def test_no_stored_bytes_make_a_replay_raise(body: bytes, source: Source) -> None:
    """C16: whatever was kept."""
    assert isinstance(adapter().again(body, source), Verified | Unreadable)


@given(some.sampled_from([payment("finished"), payment("refunded"), invoice(), page(payment())]), FIELDS, SOURCES)
def test_no_object_makes_a_replay_raise(found: Object, fields: Object, source: Source) -> None:
    """B11: any field may be anything."""
    assert isinstance(adapter().again(json.dumps(found | fields).encode(), source), Verified | Unreadable)
