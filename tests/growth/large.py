"""A database as payonce leaves it after any number of orders, made inside the server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
# Rows as payonce makes them, one for each order and table: a shop that sold evenly, and a few of the last
# two days that are not finished. Ids carry the time, as the application makes them.
ROWS: Final = """
CREATE FUNCTION id_at(at timestamptz, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(i %% 4096), 3, '0')
        || '8' || substr(md5(i::text), 1, 15))::uuid $$;
SET session_replication_role = replica;
CREATE TEMPORARY TABLE n AS
SELECT i, id_at(at, i) AS id, at, i %% 50 = 0 AND at > %(now)s::timestamptz - interval '2 days' AS is_open
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
    first_seen_at, last_seen_at, deadline_at, resolved_at)
SELECT 'default', id, 'stuck_order', 'stuck_order:' || i, 'warning', 'support', 'resolved', 0, '{}', at, at, at, at
FROM n;
INSERT INTO event_keys SELECT 'default', 'stripe', 'main', 'e' || i, id, 'h' FROM n;
INSERT INTO payers (merchant_id, order_id, email) SELECT 'default', id, 'p' || i || '@example.org' FROM n;
INSERT INTO returns (merchant_id, provider, account, kind, ref, nature, capture_kind, capture_ref, attempt_id, order_id,
    status, amount_minor, returned_minor, currency, refund_id, first_seen_at)
SELECT 'default', 'stripe', 'main', 'refund', 're_' || i, 'refund', 'payment_intent', 'pi_' || i, id, id, 'succeeded',
    10, 10, 'USD', id, at FROM n WHERE NOT is_open AND i %% 20 = 1;
INSERT INTO refunds (merchant_id, refund_id, order_id, attempt_id, provider, account, capture_kind, capture_ref, serves,
    state, amount_minor, currency, reason, asked_by, staged_minor, ref_kind, ref, created_at, ended_at)
SELECT 'default', id, id, id, 'stripe', 'main', 'payment_intent', 'pi_' || i, 'order', 'succeeded', 10, 'USD', 'asked',
    'finance', 0, 'refund', 're_' || i, at, at FROM n WHERE NOT is_open AND i %% 20 = 1;
INSERT INTO money_records (merchant_id, provider, account, record_ref, day, nature, kind, object_kind, object_ref,
    object_minor, object_currency, amount_minor, fee_minor, currency, occurred_at, reading, first_seen_at, is_first)
SELECT 'default', 'stripe', 'main', 'txn_' || i, (at AT TIME ZONE 'UTC')::date, 'charge', 'charge', 'payment_intent',
    'pi_' || i, 100, 'USD', 100, 3, 'USD', at, 1, at, true FROM n WHERE NOT is_open;
INSERT INTO reconcile_windows (merchant_id, provider, account, day, from_at, to_at, state, read_from, read_until,
    comparison, rounds, records, began_at, compared_at)
SELECT 'default', 'stripe', 'main', day, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC',
    'closed', day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC' + interval '2 hours', 1, 1,
    1000, %(now)s::timestamptz, %(now)s::timestamptz
FROM (SELECT DISTINCT day FROM money_records) AS days;
INSERT INTO api_requests (merchant_id, idempotency_key, fingerprint, route, state, lease_until, order_id, status,
    answer, created_at)
SELECT 'default', 'k' || i, 'f', 'POST /v1/orders', 'done', at, id, 201, '', at FROM n;
INSERT INTO job_runs (run_id, job, slot_at, state, started_by, started_at, ended_at, fence)
SELECT id, 'monitor', at, 'done', 'timetable', at, at, i FROM n WHERE i %% 20 = 0;
SET session_replication_role = DEFAULT;
ANALYZE;
"""


def make(url: str, orders: int, days: float) -> None:
    """Fill an empty database with that many orders, sold evenly over the days before NOW."""
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(ROWS, {"start": NOW - timedelta(days=days), "now": NOW, "orders": orders})
