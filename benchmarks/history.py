"""A past of any size, made inside the database: paid orders, with all that settling them wrote and as much again.

An order has two events, two entries of two postings each, an effect that is done and two rows of audit. Bodies are
small, as those of old events that were erased. Foreign keys are not looked at while it is made.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

# Orders that are made in one transaction: without statistics the server joins larger ones row by row with each other.
CHUNK: Final = 2_000
_BODY: Final = b'{"id": "evt_of_the_past", "object": "event", "erased": true}'
_SECOND: Final = (
    """
    INSERT INTO event_keys (merchant_id, provider, account, event_key, event_id, body_hash)
    SELECT 'default', 'stripe', 'main', 'evt_second_' || n, bench_id(3, n), sha256(%(body)s)
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    """,
    """
    INSERT INTO events (
        merchant_id, event_id, provider, account, source, event_key, type, state, reason, order_id, attempt_id, tries,
        received_at, occurred_at, request_id, trace_id, body
    )
    SELECT 'default', bench_id(3, n), 'stripe', 'main', 'webhook', 'evt_second_' || n, 'charge.succeeded', 'ignored',
        'known', bench_id(1, n), bench_id(2, n), 1, now(), now(), 'req_of_the_past', '', %(body)s
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    """,
    """
    INSERT INTO entries (merchant_id, entry_id, cause, order_id, currency, posted_at)
    SELECT 'default', bench_id(4, n), 'second:' || n, bench_id(1, n), 'USD', now()
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    """,
    """
    INSERT INTO postings (merchant_id, entry_id, line, account, amount_minor)
    SELECT 'default', bench_id(4, n), line, 'second', CASE line WHEN 1 THEN 161 ELSE -161 END
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS lines (line)
    """,
    """
    UPDATE effects SET state = 'done', due_at = NULL, done_at = now(), tries = 1
    WHERE merchant_id = 'default' AND state = 'pending'
    """,
)


def make(connection: psycopg.Connection[Any], orders: int) -> None:
    """Make the orders 1 to `orders`, paid. The connection commits by itself."""
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET synchronous_commit = off")
    for first in range(1, orders + 1, CHUNK):
        last = min(first + CHUNK - 1, orders)
        given = {"first": first, "last": last, "body": _BODY}
        with connection.transaction():
            connection.execute("CALL bench_orders(%(first)s, %(last)s)", given)
            connection.execute("SELECT floor_set(%(first)s, %(last)s - %(first)s + 1, %(body)s)", given)
            for statement in _SECOND:
                connection.execute(statement, given)
    connection.execute("RESET session_replication_role")
    connection.execute("RESET synchronous_commit")
