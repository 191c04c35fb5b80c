"""A day of any number of payments at both sides, made inside the database, with differences of every class planted.

The day is 2026-11-19 of the account stripe/main. Foreign keys are not looked at while it is made: orders and attempts
of matched payments are not needed to compare them, and would double the time.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

DAY: Final = "2026-11-19"
# How many of each are planted, wherever they fall.
PLANTED: Final = {"differs": 7, "only_there": 5, "only_here": 6, "duplicate": 4, "timing": 3}
FOREIGN: Final = 2

_OURS: Final = """
INSERT INTO captures (
    merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor,
    surplus_minor, is_confirmed, captured_at
)
SELECT 'default', 'stripe', 'main', 'payment_intent', 'pi_' || md5(n::text), gen_random_uuid(), gen_random_uuid(),
    CASE n %% 2 WHEN 0 THEN 'USD' ELSE 'JPY' END, 100 + n %% 900, 100 + n %% 900, 0, true,
    timestamptz '2026-11-19 00:00:00+00' + n * (interval '23 hours' / %(payments)s::integer)
FROM generate_series(1, %(payments)s::integer) AS n
"""
_THEIRS: Final = """
INSERT INTO money_records (
    merchant_id, provider, account, record_ref, day, nature, kind, object_kind, object_ref, object_minor,
    object_currency, amount_minor, fee_minor, currency, occurred_at, reading, first_seen_at, is_first
)
SELECT 'default', 'stripe', 'main', 'txn_' || n, date '2026-11-19', 'charge', 'charge', 'payment_intent',
    'pi_' || md5(n::text), 100 + n %% 900, CASE n %% 2 WHEN 0 THEN 'USD' ELSE 'JPY' END, 100 + n %% 900, 3,
    CASE n %% 2 WHEN 0 THEN 'USD' ELSE 'JPY' END,
    timestamptz '2026-11-19 00:00:00+00' + n * (interval '23 hours' / %(payments)s::integer), 1,
    timestamptz '2026-11-20 03:00:00+00', true
FROM generate_series(1, %(payments)s::integer) AS n
"""
_WINDOW: Final = """
INSERT INTO reconcile_windows (
    merchant_id, provider, account, day, from_at, to_at, state, read_from, read_until, comparison, rounds, records,
    began_at
)
VALUES (
    'default', 'stripe', 'main', '2026-11-19', '2026-11-19 00:00+00', '2026-11-20 00:00+00', 'comparing_theirs',
    '2026-11-18 22:00+00', '2026-11-20 02:00+00', 1, 1, %(payments)s::integer, '2026-11-20 03:00+00'
)
"""
# Where each class begins among the numbers of payments: spread over the day, and none twice.
_DIFFERS: Final = "UPDATE captures SET captured_minor = captured_minor + 1 WHERE ref = ANY(%(refs)s)"
_ONLY_HERE: Final = "DELETE FROM money_records WHERE object_ref = ANY(%(refs)s)"
_ONLY_THERE: Final = """
INSERT INTO money_records (
    merchant_id, provider, account, record_ref, day, nature, kind, object_kind, object_ref, object_minor,
    object_currency, attempt_id, amount_minor, fee_minor, currency, occurred_at, reading, first_seen_at, is_first
)
SELECT 'default', 'stripe', 'main', 'txn_there_' || ref, date '2026-11-19', 'charge', 'charge', 'payment_intent', ref,
    500, 'USD', CASE WHEN %(ours)s::boolean THEN gen_random_uuid() END, 500, 3, 'USD',
    timestamptz '2026-11-19 12:00+00', 1, timestamptz '2026-11-20 03:00+00', true
FROM unnest(%(refs)s::text[]) AS ref
"""
_DUPLICATE: Final = """
INSERT INTO money_records (
    merchant_id, provider, account, record_ref, day, nature, kind, object_kind, object_ref, object_minor,
    object_currency, amount_minor, fee_minor, currency, occurred_at, reading, first_seen_at, is_first
)
SELECT merchant_id, provider, account, record_ref || '_again', day, nature, kind, object_kind, object_ref, object_minor,
    object_currency, amount_minor, fee_minor, currency, occurred_at, reading, first_seen_at, false
FROM money_records
WHERE object_ref = ANY(%(refs)s)
"""
_NOT_ALONE: Final = "UPDATE money_records SET is_first = false WHERE object_ref = ANY(%(refs)s)"
# Seen in the last hour before the end of what was read of a day whose next one is not known.
_TIMING: Final = """
INSERT INTO captures (
    merchant_id, provider, account, kind, ref, attempt_id, order_id, currency, captured_minor, allocated_minor,
    surplus_minor, is_confirmed, captured_at
)
SELECT 'default', 'stripe', 'main', 'payment_intent', ref, gen_random_uuid(), gen_random_uuid(), 'USD', 700, 700, 0,
    true, timestamptz '2026-11-19 23:59:59+00'
FROM unnest(%(refs)s::text[]) AS ref
"""


def make_big_day(connection: psycopg.Connection[Any], payments: int) -> dict[str, set[str]]:
    """Make the day; the payments that are planted, by class. `payments` is at least a few hundred."""
    refs = _choose(connection, payments)
    # A whole second's read less than an hour beyond midnight makes what came just before it a matter of timing.
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_WINDOW, {"payments": payments})
        cursor.execute("UPDATE reconcile_windows SET read_until = '2026-11-20 00:30+00'")
        for statement in (_OURS, _THEIRS):
            cursor.execute(statement, {"payments": payments})
        cursor.execute(_DIFFERS, {"refs": list(refs["differs"])})
        cursor.execute(_ONLY_HERE, {"refs": list(refs["only_here"])})
        cursor.execute(_ONLY_THERE, {"refs": list(refs["only_there"]), "ours": True})
        cursor.execute(_ONLY_THERE, {"refs": [f"pi_foreign_{n}" for n in range(FOREIGN)], "ours": False})
        cursor.execute(_DUPLICATE, {"refs": list(refs["duplicate"])})
        cursor.execute(_NOT_ALONE, {"refs": list(refs["duplicate"])})
        cursor.execute(_TIMING, {"refs": list(refs["timing"])})
        cursor.execute("SET session_replication_role = DEFAULT")
    connection.commit()
    return refs


def lines_of(url: str) -> dict[str, set[str]]:
    """What a comparison found open, by class."""
    found: dict[str, set[str]] = {}
    with psycopg.connect(url) as connection:
        for name, ref in connection.execute("SELECT class, object_ref FROM reconcile_lines WHERE state = 'open'"):
            found.setdefault(name, set()).add(ref)
    return found


def _choose(connection: psycopg.Connection[Any], payments: int) -> dict[str, set[str]]:
    """Names of payments for each class: of the day where both sides are needed, else new ones."""
    chosen: dict[str, set[str]] = {}
    for place, name in enumerate(("differs", "only_here", "duplicate")):
        numbers = [1 + place + step * (payments // 10) for step in range(PLANTED[name])]
        rows = connection.execute("SELECT 'pi_' || md5(n::text) FROM unnest(%s::integer[]) AS n", (numbers,))
        chosen[name] = {ref for (ref,) in rows}
    for name in ("only_there", "timing"):
        chosen[name] = {f"pi_planted_{name}_{number}" for number in range(PLANTED[name])}
    return chosen
