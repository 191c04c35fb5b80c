"""What the monitor asks stays cheap as tables grow: no question reads a table of 200,000 rows from end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
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
from tests.support.databases import TestServer
from tests.support.house import House

pytestmark = pytest.mark.slow

ORDERS: Final = 200_000
NOUNS: Final = ("checks", "checks_of_providers", "monitor", "findings")
START: Final = datetime(2026, 11, 1, tzinfo=UTC)
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
LARGE: Final = {
    "orders", "attempts", "provider_refs", "captures", "settlements", "entries", "postings", "events", "effects",
    "deliveries", "audit", "findings",
}  # fmt: skip
# Rows as payonce makes them, one for each order and table: a shop that sold evenly over twenty days, and a few that are
# not finished. Ids carry the time, as the application makes them.
ROWS: Final = """
CREATE FUNCTION id_at(at timestamptz, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(i %% 4096), 3, '0')
        || '8' || substr(md5(i::text), 1, 15))::uuid $$;
SET session_replication_role = replica;
CREATE TEMPORARY TABLE n AS
SELECT i, id_at(at, i) AS id, at, i %% 1000 = 0 AS is_open
FROM (
    SELECT i, %(start)s::timestamptz + i * (%(now)s::timestamptz - %(start)s::timestamptz) / %(orders)s AS at
    FROM generate_series(1, %(orders)s::bigint) AS i
) AS numbers;
INSERT INTO orders (merchant_id, order_id, reference, purpose, payer_reference, state, amount_minor, currency,
    received_minor, allocated_minor, token, success_url, cancel_url, created_at, opened_at, paid_at)
SELECT 'default', id, 'r' || i, 'p' || i, 'payer', CASE WHEN is_open THEN 'open' ELSE 'paid' END, 100, 'USD',
    CASE WHEN is_open THEN 0 ELSE 100 END, CASE WHEN is_open THEN 0 ELSE 100 END, 't' || i, 's', 'c', at, at,
    CASE WHEN is_open THEN NULL ELSE at END FROM n;
INSERT INTO attempts (merchant_id, attempt_id, order_id, purpose, number, provider, account, flow, state, amount_minor,
    currency, request_method, request_path, request_body, request_key, request_version, handle_kind, handle_ref,
    created_at, expires_at)
SELECT 'default', id, id, 'p' || i, 1, 'stripe', 'main', 'payment_intent',
    CASE WHEN is_open THEN 'open' ELSE 'paid' END, 100, 'USD', 'POST', '/', '', 'k', 'v', 'payment_intent', 'pi_' || i,
    at, at + interval '35 minutes' FROM n;
INSERT INTO provider_refs SELECT 'default', 'stripe', 'main', 'payment_intent', 'pi_' || i, id, id FROM n;
INSERT INTO captures (merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor,
    allocated_minor, surplus_minor, is_confirmed, captured_at)
SELECT 'default', 'stripe', 'main', 'payment_intent', 'pi_' || i, id, id, 'USD', 100, 100, 0, true, at
FROM n WHERE NOT is_open;
INSERT INTO settlements SELECT 'default', id, id, 'stripe', 'main', 'payment_intent', 'pi_' || i, 100, 'USD', at
FROM n WHERE NOT is_open;
INSERT INTO entries SELECT 'default', id, 'capture:' || i, id, 'USD', at FROM n WHERE NOT is_open;
INSERT INTO postings SELECT 'default', id, 1, 'clearing:stripe:main', 100 FROM n WHERE NOT is_open;
INSERT INTO postings SELECT 'default', id, 2, 'orders', -100 FROM n WHERE NOT is_open;
INSERT INTO events (merchant_id, event_id, provider, account, source, event_key, type, state, reason, order_id,
    received_at, occurred_at, body)
SELECT 'default', id, 'stripe', 'main', 'webhook', 'e' || i, 'payment_intent.succeeded', 'applied', 'settled', id, at,
    at, '' FROM n;
INSERT INTO effects (merchant_id, effect_id, key, kind, occasion, nature, order_id, state, tries, owed_at, done_at)
SELECT 'default', id, 'k' || i, 'invite', 'order.paid', 'fulfilment', id, 'done', CASE WHEN i %% 500 = 0 THEN 2 ELSE 1
    END, at, at FROM n WHERE NOT is_open;
INSERT INTO deliveries SELECT 'default', id, 1, 1, at, at, 'accepted' FROM n WHERE NOT is_open;
INSERT INTO audit SELECT 'default', id, at, 'webhook', 'order', id, 'open', 'covered', 'paid', 'e' FROM n
WHERE NOT is_open;
INSERT INTO findings (merchant_id, finding_id, kind, fingerprint, severity, owner, state, money_minor, detail,
    first_seen_at, last_seen_at, deadline_at)
SELECT 'default', id, 'stuck_order', 'stuck_order:' || i, 'warning', 'support', 'resolved', 0, '{}', at, at, at FROM n;
SET session_replication_role = DEFAULT;
ANALYZE;
"""


@pytest.fixture(scope="module")
def large_url(postgres: TestServer) -> Iterator[str]:
    """A database with 200,000 orders, made once."""
    name = postgres.create(postgres.template())
    url = postgres.server.dsn(name)
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(ROWS, {"start": START, "now": NOW, "orders": ORDERS})
    yield url
    postgres.drop(name)


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


def test_a_look_at_what_was_never_looked_at_goes_on_where_it_ended(
    large_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C20: the first look at 200,000 orders goes as far as one look may, and the next one goes on behind it."""
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
