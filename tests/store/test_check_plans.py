"""What the monitor asks stays cheap as tables grow: no question reads a table of 100,000 rows from end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from payonce.base.ids import first_at
from payonce.store import queries
from payonce.store.database import Query
from payonce.usecases.monitor import ALL, monitor
from payonce.usecases.prove import SCOPE, SCOPED, _params
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.growth.compare import PAYMENT, TIMES, Grown, drop_index, filled, grown
from tests.growth.events import pages_of_a_payment
from tests.growth.large import NOW
from tests.growth.questions import asked as asked_there
from tests.growth.questions import every_question
from tests.support.databases import TestServer
from tests.support.house import House

pytestmark = pytest.mark.slow

ORDERS: Final = 100_000
NOUNS: Final = ("checks", "checks_of_providers", "monitor", "findings")
DAYS: Final = 20
START: Final = NOW - timedelta(days=DAYS)
LARGE: Final = {
    "orders", "attempts", "provider_refs", "captures", "settlements", "entries", "postings", "events", "effects",
    "deliveries", "audit", "findings",
}  # fmt: skip


@pytest.fixture(scope="module")
def large_url(postgres: TestServer) -> Iterator[str]:
    """A database with 100,000 orders, made once."""
    with filled(postgres, ORDERS, DAYS) as url:
        yield url


@pytest.fixture(scope="module")
def small_url(postgres: TestServer) -> Iterator[str]:
    """The same shop, of which a tenth is known."""
    with filled(postgres, ORDERS // TIMES, DAYS / TIMES) as url:
        yield url


def scans(connection: Any, query: Query, params: Mapping[str, Any]) -> set[str]:
    """Large tables that the plan reads from end to end."""
    [(plan,)] = connection.execute(f"EXPLAIN (FORMAT JSON) {query.sql}", params).fetchall()
    found: set[str] = set()

    def walk(node: Any) -> None:
        if node.get("Node Type") == "Seq Scan" and node.get("Relation Name") in LARGE:
            found.add(node["Relation Name"])
        for child in node.get("Plans", []):
            walk(child)

    walk((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    return found


def asked() -> dict[str, tuple[Query, dict[str, Any]]]:
    """Every question of the monitor with values as it gives them."""
    week, hour = NOW - timedelta(days=7), NOW - timedelta(hours=1)
    values: dict[str, Any] = {
        "merchant_id": DEFAULT_MERCHANT, "limit": 501, "now": NOW, "most": 4000, "provider": "stripe",
        "account": "main", "to_id": first_at(NOW), "from_id": first_at(hour), "in_doubt_before": hour,
        "pending_before": week, "overstayed_before": hour, "waiting_before": hour, "open_before": week,
        "due_before": hour, "owed_before": week, "usual_tries": 2, "resent": ["mail"], "repeats": 10, "since": hour,
        "intervals": 3, "at_least": 600.0, "providers": ["stripe"], "accounts": ["main"], "refs": ["pi_7"],
        "order_ids": [first_at(hour)] * 100, "ids": [first_at(hour)] * 100, "found_by": "invariants",
        "fingerprints": ["a"], "finding_id": first_at(hour), "order_id": first_at(hour),
    }  # fmt: skip
    found = {}
    for query in [
        *(query for noun in NOUNS for query in queries.load(noun)),
        SCOPE.subjects_of_orders,
    ]:
        if query.sql.lstrip().startswith(("INSERT", "UPDATE")) or "page_of" in query.name:
            continue
        after = "pi_" if "handle_ref >=" in query.sql else first_at(hour)
        found[query.name] = (query, {**values, "after": after})
    orders = [UUID(int=first_at(hour).int + number) for number in range(500)]
    for query in SCOPED.values():
        more = {"order_ids": orders, "subject_ids": orders * 4}
        found[query.name] = (query, {**_params(query, DEFAULT_MERCHANT, None, (), 20), **more})
    return found


def test_no_question_of_the_monitor_reads_a_large_table_from_end_to_end(large_url: str) -> None:
    """C20: the cost of a look is what happened since the last one, not what there is."""
    with psycopg.connect(large_url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        # As our own server has it; on another one it is its operator's, and docs/running.md says what to choose.
        connection.execute("SET random_page_cost = 1.1")
        found = {name: scans(connection, query, params) for name, (query, params) in asked().items()}
        whole = Query("whole", "SELECT order_id FROM orders WHERE created_at > %(now)s::timestamptz", "")
        assert scans(connection, whole, {"now": NOW}) == {"orders"}, "the test sees what it looks for"
    assert {name: tables for name, tables in found.items() if tables} == {}


def test_no_question_reads_more_where_the_past_is_ten_times_as_long(small_url: str, large_url: str) -> None:
    """C20, F6: lists, checks, jobs and a payment look at as many pages of 100,000 orders as of 10,000."""
    found = {each.name: each for each in grown(small_url, large_url)}
    assert len(found) == len(every_question()) + 1 and found[PAYMENT].before > 50
    assert [each for each in found.values() if not each.is_bounded] == []
    # The measure finds what it is for: without its index a question reads the whole past.
    name = "orders.captures_to_confirm"
    for url in (small_url, large_url):
        drop_index(url, "captures_held")
    assert not Grown(name, asked_there(small_url)[name], asked_there(large_url)[name]).is_bounded
    assert not Grown(PAYMENT, 100, 160).is_bounded


def test_a_payment_costs_the_same_while_thousands_of_findings_are_open(small_url: str) -> None:
    """F6: an incident opens them within minutes, long before the server's statistics know of them."""
    before = pages_of_a_payment(small_url)
    with psycopg.connect(small_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE findings SET state = 'open', resolved_at = NULL"
            " WHERE finding_id IN (SELECT finding_id FROM findings ORDER BY finding_id LIMIT 5000)"
        )
    assert pages_of_a_payment(small_url) < 1.2 * before


def test_a_look_at_what_was_never_looked_at_goes_on_where_it_ended(
    large_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C20: the first look at 100,000 orders goes as far as one look may, and the next one goes on behind it."""
    monkeypatch.setattr("payonce.usecases.look_at_invariants.MOST_STRETCHES", 1)
    house = House(large_url)
    house.clock.move((NOW - house.clock.now()).total_seconds() + 120)
    did = house.run(monitor(house.world, DEFAULT_MERCHANT))
    assert (did.checks, did.failed) == (len(ALL), {})
    marks = []
    for _ in range(2):
        [(mark,)] = house.rows("SELECT mark FROM monitor_checks WHERE name = 'invariants'")
        marks.append(UUID(mark.split(" ")[0]))
        house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    assert first_at(START) < marks[0] < marks[1] < first_at(NOW)
    house.close()
