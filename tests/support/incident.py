"""The resync incident as rows: orders that are stuck beside paid siblings, by the ten thousand, put in at once.

Written as an import writes them, in sets; every invariant holds for them.
"""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

import psycopg

from payonce.base.ids import ATTEMPT, show
from tests.support.house import House

# One row for each number; ids are made from the number, so that tests can name any of them.
_ID = "('00000000-0000-7000-8000-' || '{letter}' || lpad(to_hex(n), 11, '0'))::uuid"

_ORDERS = """
INSERT INTO orders (merchant_id, order_id, reference, purpose, payer_reference, state, amount_minor, currency,
    received_minor, allocated_minor, token, success_url, cancel_url, created_at, opened_at, paid_at)
SELECT 'default', {id}, '{letter}/' || n, '{letter}:' || n, 'player ' || n, '{state}', 4500, 'USD', {paid}, {paid},
    '{letter}' || n, 'https://shop.example/', 'https://shop.example/', %(at)s::timestamptz, %(at)s::timestamptz,
    {paid_at}
FROM generate_series(1, %(count)s::integer) AS n
"""
_ATTEMPTS = """
INSERT INTO attempts (merchant_id, attempt_id, order_id, purpose, number, provider, account, flow, state, amount_minor,
    currency, request_method, request_path, request_body, request_key, request_version, handle_kind, handle_ref,
    created_at, opened_at, disclosed_at)
SELECT 'default', {id}, {id}, '{letter}:' || n, 1, 'stripe', 'main', 'payment_intent', '{state}', 4500, 'USD', 'POST',
    '/v1/payment_intents', '', '{letter}' || n, '', 'payment_intent', 'pi_imported' || n, %(at)s::timestamptz,
    %(at)s::timestamptz, %(at)s::timestamptz
FROM generate_series(1, %(count)s::integer) AS n
"""
_STEP = """
INSERT INTO audit (merchant_id, audit_id, at, actor, subject, subject_id, source, event, target, cause)
SELECT 'default', gen_random_uuid(), %(at)s::timestamptz, 'import', '{subject}', {id}, '{source}', '{event}', '{state}',
    'import'
FROM generate_series(1, %(count)s::integer) AS n
"""
_PAID = (
    """
    INSERT INTO provider_refs
    SELECT 'default', 'stripe', 'main', 'payment_intent', 'pi_imported' || n, {id}, {id}
    FROM generate_series(1, %(count)s::integer) AS n
    """,
    """
    INSERT INTO captures
    SELECT 'default', 'stripe', 'main', 'payment_intent', 'pi_imported' || n, {id}, {id}, 'USD', 4500, 4500, 0, true,
        %(at)s::timestamptz
    FROM generate_series(1, %(count)s::integer) AS n
    """,
    """
    INSERT INTO settlements
    SELECT 'default', {id}, {id}, 'stripe', 'main', 'payment_intent', 'pi_imported' || n, 4500, 'USD',
        %(at)s::timestamptz
    FROM generate_series(1, %(count)s::integer) AS n
    """,
    """
    INSERT INTO entries
    SELECT 'default', {id}, 'capture:stripe:main:payment_intent:pi_imported' || n || ':4500', {id}, 'USD',
        %(at)s::timestamptz
    FROM generate_series(1, %(count)s::integer) AS n
    """,
    """
    INSERT INTO postings
    SELECT 'default', {id}, line, account, amount
    FROM generate_series(1, %(count)s::integer) AS n
    CROSS JOIN (VALUES (1, 'clearing:stripe:main', 4500), (2, 'orders', -4500)) AS two (line, account, amount)
    """,
)


def import_paid(house: House, count: int) -> None:
    """Orders that are paid, each with all that was recorded of its payment."""
    _run(house, count, "a", _ORDERS, state="paid", paid="4500", paid_at="%(at)s::timestamptz")
    for sql in (_ATTEMPTS, *_PAID):
        _run(house, count, "a", sql, state="paid")
    _run(house, count, "a", _STEP, subject="attempt", source="creating", event="paid", state="paid")
    _run(house, count, "a", _STEP, subject="order", source="open", event="covered", state="paid")


def import_stuck(house: House, count: int) -> None:
    """Orders that are open beside them: each names the payment of the paid one with its number."""
    _run(house, count, "b", _ORDERS, state="open", paid="0", paid_at="NULL")
    _run(house, count, "b", _ATTEMPTS, state="open")
    _run(house, count, "b", _STEP, subject="attempt", source="creating", event="created", state="open")


def pay_at_stripe(house: House, count: int) -> None:
    """Give each stuck order a payment of its own, which succeeded at the provider and was never told."""
    handles = []
    for n in range(1, count + 1):
        form = {
            "amount": "4500", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa",
            "payment_method_types[0]": "card", "metadata[payonce_attempt]": show(ATTEMPT, stuck(n)),
        }  # fmt: skip
        key = [("authorization", "Bearer sk_test_house_1234567890")]
        reply = house.stripe.handle("POST", "/v1/payment_intents", "", tuple(key), urlencode(form).encode())
        assert reply.status == 200, reply.body
        handles.append(list(house.stripe.books.intents)[-1])
    house.rows(
        "UPDATE attempts AS a SET handle_ref = new.ref FROM unnest(%s::uuid[], %s::text[]) AS new (id, ref)"
        " WHERE a.attempt_id = new.id RETURNING 1", [stuck(n) for n in range(1, count + 1)], handles,
    )  # fmt: skip


def stuck(n: int) -> UUID:
    """The id of a stuck order, and of its attempt."""
    return UUID(f"00000000-0000-7000-8000-b{n:011x}")


def ran_before(house: House, runs: int, took_up: int) -> None:
    """A history of the job `resolve`: so many runs, each of which took up and told so many."""
    house.rows(
        """
        WITH registered AS (
            INSERT INTO jobs (job, why, is_worker, notify, timetable_seconds, registered_at)
            VALUES ('resolve', 'a test', false, 'send', 2, %(at)s::timestamptz)
            ON CONFLICT DO NOTHING
        ), runs AS (
            INSERT INTO job_runs (run_id, job, slot_at, state, started_by, started_at, ended_at, fence, taken)
            SELECT ('00000000-0000-7000-8000-c' || lpad(to_hex(n), 11, '0'))::uuid, 'resolve',
                %(at)s::timestamptz - n * interval '1 hour', 'done', 'timetable', %(at)s::timestamptz,
                %(at)s::timestamptz, 1, %(took_up)s
            FROM generate_series(1, %(runs)s::integer) AS n
            RETURNING run_id
        )
        INSERT INTO run_tallies (run_id, job, touched, messages, at)
        SELECT run_id, 'resolve', %(took_up)s, %(took_up)s, %(at)s::timestamptz FROM runs RETURNING 1
        """,
        at=house.clock.now(), runs=runs, took_up=took_up,
    )  # fmt: skip


def _run(house: House, count: int, letter: str, sql: str, **words: str) -> None:
    words |= {"letter": letter, "id": _ID.format(letter=letter)}
    with psycopg.connect(house._database_url, autocommit=True) as connection:
        connection.execute(sql.format(**words).encode(), {"count": count, "at": house.clock.now()})
