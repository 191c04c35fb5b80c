"""What balance transactions say, and that nothing in them can raise or hide what is listed beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from payonce.base import ids
from payonce.domain.observation import Ref
from payonce.domain.reconciliation import MoneyRecord
from payonce.providers.contract import NotDone, Unknown
from payonce.providers.money import MoneyPage, TellsMoney
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.transport import Answer
from tests.support.clocks import HandClock, SeededChance

ADAPTER = StripeAdapter("sk_test_house_1234567890", ["whsec_of_the_house_1234567890"])
SINCE, UNTIL = datetime(2026, 11, 19, 22, tzinfo=UTC), datetime(2026, 11, 21, 2, tzinfo=UTC)
ATTEMPT = ids.Ids(HandClock(), SeededChance()).new()


def transaction(**more: Any) -> dict[str, Any]:
    """A usual charge of 45 dollars."""
    charge = {
        "id": "ch_1", "object": "charge", "amount": 4500, "amount_captured": 4500, "currency": "usd",
        "payment_intent": "pi_1", "metadata": {"payonce_attempt": ids.show(ids.ATTEMPT, ATTEMPT)},
    }  # fmt: skip
    return {
        "id": "txn_1", "object": "balance_transaction", "amount": 4500, "fee": 161, "currency": "usd",
        "created": 1795176000, "type": "charge", "reporting_category": "charge", "source": charge,
    } | more  # fmt: skip


def page(*rows: Any, more: bool = False, status: int = 200) -> MoneyPage | NotDone | Unknown:
    """What the adapter makes of a page with these rows."""
    body = json.dumps({"object": "list", "data": list(rows), "has_more": more}).encode()
    return ADAPTER.moved(ADAPTER.money(SINCE, UNTIL, None), Answer(status, (), body))


def only(row: dict[str, Any]) -> MoneyRecord:
    """The record of one row."""
    found = page(row)
    assert isinstance(found, MoneyPage)
    [record] = found.records
    return record


def test_the_call_names_window_page_and_sources() -> None:
    assert isinstance(ADAPTER, TellsMoney)
    path = ADAPTER.money(SINCE, UNTIL, "txn_9").path
    assert path.startswith("/v1/balance_transactions?limit=100&created%5Bgte%5D=")
    assert path.endswith("&expand%5B%5D=data.source&starting_after=txn_9")


def test_a_charge_is_the_payment_that_we_know_it_by() -> None:
    record = only(transaction())
    assert (record.ref, record.nature, record.object) == ("txn_1", "charge", Ref("payment_intent", "pi_1"))
    assert (record.amount_minor, record.fee_minor, record.object_minor, record.attempt_id) == (4500, 161, 4500, ATTEMPT)


def test_a_balance_in_another_currency_keeps_what_the_payer_paid() -> None:
    """B17: amounts are never compared across currencies."""
    source = transaction()["source"] | {"currency": "jpy", "amount_captured": 7000, "amount": 7000}
    record = only(transaction(source=source))
    assert (record.amount_minor, record.currency) == (4500, "USD")
    assert (record.object_minor, record.object_currency) == (7000, "JPY")


@pytest.mark.parametrize(
    ("category", "kind", "amount", "nature", "minor"),
    [
        ("refund", "refund", -1500, "refund", -1500),
        ("refund_failure", "refund", 1500, "refund", 1500),
        ("dispute", "dispute", -1500, "dispute", -1500),
        ("dispute_reversal", "dispute", 1500, "dispute", 1500),
    ],
)
def test_what_goes_back_is_below_zero(category: str, kind: str, amount: int, nature: str, minor: int) -> None:
    """B10: refunds, their failures, disputes and their ends."""
    source = {
        "id": "x_1",
        "object": kind,
        "amount": 1500,
        "currency": "usd",
        "payment_intent": "pi_1",
        "charge": "ch_1",
    }
    record = only(transaction(amount=amount, reporting_category=category, source=source))
    assert (record.nature, record.object_minor) == (nature, minor)
    assert (record.object, record.capture) == (Ref(kind, "x_1"), Ref("payment_intent", "pi_1"))


@pytest.mark.parametrize(
    "odd",
    [
        {"reporting_category": "payout", "source": "po_1"},
        {"reporting_category": "something_new"},
        {"source": None},
        {"source": "ch_1"},
        {"source": {"id": "ch_1", "object": "charge", "amount": "many", "currency": "usd"}},
        {"source": {"id": "ch 1", "object": "charge", "amount": 1, "currency": "usd"}},
        {"source": {"id": "du_1", "object": "dispute", "amount": 1, "currency": "usd"}},
    ],
)
def test_what_cannot_be_read_counts_in_the_sums_and_hides_nothing(odd: dict[str, Any]) -> None:
    found = page(transaction(**odd), transaction(id="txn_2"))
    assert isinstance(found, MoneyPage)
    assert [(record.nature, record.amount_minor) for record in found.records] == [("other", 4500), ("charge", 4500)]


def test_pages_go_on_behind_their_last_row() -> None:
    found = page(transaction(), transaction(id="txn_2"), more=True)
    assert isinstance(found, MoneyPage) and found.next_page == "txn_2"


def test_what_is_no_answer_decides_nothing() -> None:
    call = ADAPTER.money(SINCE, UNTIL, None)
    assert isinstance(page(more=True), Unknown)
    assert isinstance(page(transaction(amount="x")), Unknown)
    assert isinstance(page(transaction(created=None)), Unknown)
    assert isinstance(ADAPTER.moved(call, Answer(200, (), b"<html>")), Unknown)
    assert isinstance(ADAPTER.moved(call, Answer(500, (), b"{}")), Unknown)
    refused = Answer(401, (), b'{"error": {"type": "invalid_request_error", "message": "no"}}')
    assert isinstance(ADAPTER.moved(call, refused), NotDone)
