"""What the database refuses by itself, whatever code writes to it: each promise of the rules, said a second time."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from tests.promises.acts import intent_of
from tests.support.databases import TestServer
from tests.support.house import House

# What is tried against the rows of one paid order (`fee:1`) and one open order with a session (`fee:2`), and the name
# of the rule that refuses it.
REFUSED = {
    "the same payment for a second attempt": (
        """INSERT INTO provider_refs (merchant_id, provider, account, kind, ref, attempt_id, order_id)
        SELECT merchant_id, provider, account, kind, ref, %(attempt)s, %(order)s FROM provider_refs
        WHERE kind = 'payment_intent'""",
        "reference_serves_one_attempt",
    ),
    "a second settlement": (
        """INSERT INTO settlements SELECT merchant_id, order_id, attempt_id, provider, account, kind, ref || '2',
        amount_minor, currency, settled_at FROM settlements""",
        "settlement_once_per_order",
    ),
    "one capture for two orders": (
        """INSERT INTO settlements SELECT merchant_id, %(order)s, attempt_id, provider, account, kind, ref,
        amount_minor,
        currency, settled_at FROM settlements""",
        "capture_settles_once",
    ),
    "a second posting of the same cause": (
        "INSERT INTO entries SELECT merchant_id, gen_random_uuid(), cause, order_id, currency, posted_at FROM entries",
        "entry_once_per_cause",
    ),
    "a second live attempt of a purpose": (
        """INSERT INTO attempts (merchant_id, attempt_id, order_id, purpose, number, provider, account, flow, state,
        amount_minor, currency, request_method, request_path, request_body, request_key, request_version, created_at)
        SELECT merchant_id, gen_random_uuid(), order_id, purpose, number + 1, provider, account, flow, 'creating',
        amount_minor, currency, 'POST', '/', '', 'k', 'v', created_at FROM attempts WHERE state = 'open'""",
        "attempt_one_live_per_purpose",
    ),
    "the same number twice": (
        "UPDATE attempts SET order_id = %(order)s, number = 1 WHERE state = 'paid'",
        "attempt_number_once",
    ),
    "a second open order of a purpose": (
        """INSERT INTO orders SELECT * FROM (SELECT (jsonb_populate_record(o, jsonb_build_object('order_id',
        gen_random_uuid(), 'reference', 'other', 'token', 'other'))).* FROM orders AS o WHERE purpose =
        'fee:2') AS x""",
        "order_purpose_held_once",
    ),
    "an effect owed twice": (
        """INSERT INTO effects SELECT merchant_id, gen_random_uuid(), key, kind, occasion, nature, order_id,
        state, reason,
        tries, fence, due_at, lease_until, owed_at, done_at FROM effects""",
        "effect_once_per_key",
    ),
    "paid without its money": ("UPDATE orders SET allocated_minor = 0", "order_paid_means_covered"),
    "paid by a word": ("UPDATE orders SET state = 'paid' WHERE state = 'open'", "order_paid_means_covered"),
    "money that serves twice": ("UPDATE captures SET surplus_minor = 1", "capture_serves_no_more_than_it_brought"),
    "more than the amount": ("UPDATE orders SET allocated_minor = amount_minor + 1", "order_allocated_within_amount"),
    "closed without reason": ("UPDATE orders SET state = 'closed' WHERE state = 'open'", "order_closed_has_a_reason"),
    "a disclosed attempt abandoned": (
        "UPDATE attempts SET state = 'abandoned' WHERE state = 'open'",
        "attempt_abandoned_undisclosed_or_with_consent",
    ),
    "an attempt of nothing": ("UPDATE attempts SET amount_minor = 0 WHERE state = 'open'", "attempt_amount_positive"),
    "a posting of nothing": ("UPDATE postings SET amount_minor = 0", "posting_moves_something"),
    "an event known twice": (
        """INSERT INTO event_keys SELECT merchant_id, provider, account, event_key, gen_random_uuid(), body_hash
        FROM event_keys""",
        "event_known_once",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def furnished(postgres: TestServer) -> Iterator[House]:
    """A house with one paid order and one open one."""
    name = postgres.create(postgres.template())
    built = House(postgres.server.dsn(name))
    paid = built.checkout(built.place("fee:1"))
    built.pay(paid)
    built.deliver_owed()
    built.checkout(built.place("fee:2"))
    assert intent_of(built, paid)
    yield built
    built.close()
    postgres.drop(name)


@pytest.mark.parametrize(("sql", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_the_database_refuses_by_the_name_of_the_rule(furnished: House, sql: str, rule: str) -> None:
    """A3: the provider's payment reference is unique per provider and account, by a constraint; A12: so is the rest."""
    [(attempt, order)] = furnished.rows("SELECT attempt_id, order_id FROM attempts WHERE state = 'open'")
    with psycopg.connect(furnished._database_url) as connection:
        with pytest.raises((errors.UniqueViolation, errors.CheckViolation)) as refused:
            connection.execute(sql, {"attempt": attempt, "order": order})
        connection.rollback()
    assert refused.value.diag.constraint_name == rule
