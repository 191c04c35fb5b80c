"""Random histories once more, through the inbox, over real SQL: groups of any size, any order, any repetition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payonce.base import ids
from payonce.domain.attempt import Attempt
from payonce.domain.book import RefKey
from payonce.domain.invariants import INVARIANTS
from payonce.domain.observation import DisputeSeen, Observation, PaymentSeen
from payonce.domain.order import Order
from payonce.usecases.prove import Counterexample, prove
from tests.domain.histories import History, Told, histories
from tests.promises.acts import HOUR
from tests.promises.words import event, hear
from tests.support.databases import TestServer
from tests.support.house import House

INTENT = {
    "paid": "succeeded", "open": "requires_payment_method", "action": "requires_action", "pending": "processing",
    "asks_again": "requires_payment_method", "failed": "canceled", "closed": "canceled",
}  # fmt: skip
DISPUTE = {"warning": "warning_needs_response", "open": "needs_response"}
# Tables in which a history leaves rows.
TABLES = (
    "orders, attempts, provider_refs, captures, settlements, entries, postings, returns, event_keys, events, effects, "
    "findings, audit, receipts"
)
ASKED = [invariant for invariant in INVARIANTS if invariant.id in ("S1", "S2", "S3", "S4", "S5", "S6", "S9", "S21")]


@pytest.fixture(scope="module")
def told_house(postgres: TestServer) -> Iterator[House]:
    """One house for all histories, emptied before each."""
    name = postgres.create(postgres.template())
    built = House(postgres.server.dsn(name), kinds=())
    yield built
    built.close()
    postgres.drop(name)


def furnish(house: House, history: History) -> list[Attempt]:
    """Write the purpose as it stands at the beginning; its attempts."""
    book, attempts = history.book()
    with psycopg.connect(house._database_url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {TABLES} CASCADE")
        for order in book.orders.values():
            insert(connection, "orders", order, {"order_id": order.id, "success_url": "", "cancel_url": ""})
        for attempt in attempts:
            sent = {"request_method": "POST", "request_path": "/", "request_body": b"", "request_key": "k"}
            insert(connection, "attempts", attempt, sent | {"attempt_id": attempt.id, "request_version": "v"})
    return attempts


def insert(connection: psycopg.Connection[Any], table: str, row: Order | Attempt, more: dict[str, Any]) -> None:
    """Write the row of an order or attempt."""
    values = (
        {name: getattr(row, name) for name in type(row).__slots__ if name != "id"} | more | {"merchant_id": "default"}
    )
    if table == "orders":
        values["token"] = f"{row.id.int:026d}"[-26:]
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)


def written(house: House, attempt: Attempt, observation: Observation) -> dict[str, Any]:
    """The event that says the same."""
    seen = observation.seen
    if isinstance(seen, PaymentSeen):
        found = {
            "id": seen.ref.id, "object": "payment_intent", "status": INTENT[seen.status], "amount": 10_000,
            "amount_received": seen.captured_minor, "currency": str(seen.currency).lower(), "livemode": False,
            "latest_charge": None, "metadata": {"payonce_attempt": attempt_text(attempt)},
            "last_payment_error": {"code": "card_declined"} if seen.status == "asks_again" else None,
        }  # fmt: skip
        return event("payment_intent.processing", found, house)
    kind = "dispute" if isinstance(seen, DisputeSeen) else "refund"
    found = {
        "id": seen.ref.id, "object": kind, "status": DISPUTE.get(seen.status, seen.status), "charge": None,
        "amount": seen.amount_minor, "currency": seen.currency.lower(), "payment_intent": seen.capture.id,
        "metadata": {"payonce_attempt": attempt_text(attempt)}, "livemode": False,
    }  # fmt: skip
    return event("refund.updated" if kind == "refund" else "charge.dispute.updated", found, house)


def attempt_text(attempt: Attempt) -> str:
    """The id as it stands in the provider's metadata."""
    return ids.show(ids.ATTEMPT, attempt.id)


def broken(house: House) -> list[Counterexample]:
    """What speaks against the invariants of money and references. How the purpose came to stand as it stood at the
    beginning is not written down, so those of steps do not apply.
    """

    async def ask() -> list[Counterexample]:
        found = [proof async for proof in prove(house.world, invariants=ASKED)]
        return [one for proof in found for one in proof.counterexamples]

    return house.run(ask())


def tell(house: House, history: History, told: list[Told], sizes: list[int]) -> object:
    """Tell it in groups of those sizes, with every invariant proven after each; the sums in the end."""
    attempts = furnish(house, history)
    events = [written(house, attempts[place], observation) for place, observation in told]
    while events:
        size = sizes.pop() if sizes else 3
        received = hear(house, *events[:size])
        assert {one.verdict for one in received} <= {"accepted", "duplicate"}, received
        assert "group_failed" not in {one.reason for one in received}, received
        events = events[size:]
        assert broken(house) == []
    house.clock.move(HOUR)
    house.retry()
    assert broken(house) == []
    rows = house.rows("SELECT provider, account, kind, ref, captured_minor FROM captures")
    captured = {RefKey(*row[:4]): row[4] for row in rows}
    assert captured == history.most_captured(told)
    returned = house.rows("SELECT ref, status, amount_minor, returned_minor FROM returns ORDER BY ref")
    sums = house.rows("SELECT received_minor, refunded_minor, disputed_minor FROM orders ORDER BY order_id")
    return captured, returned, sums


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories(longest=10, is_plain=True), data=st.data())
def test_any_order_repetition_and_grouping_of_webhooks_gives_the_same_sums(
    told_house: House, history: History, data: st.DataObject
) -> None:
    """C6: whatever the order and repetition of the same events, the sums are the same and the invariants hold."""
    sizes = st.lists(st.integers(1, 6), max_size=8)
    first = tell(told_house, history, history.told, data.draw(sizes))
    more = data.draw(st.lists(st.sampled_from(history.told), max_size=5))
    second = tell(told_house, history, data.draw(st.permutations(history.told + more)), data.draw(sizes))
    assert second == first
