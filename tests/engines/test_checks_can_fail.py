"""Every check fails on an engine that lacks just what it looks for: this tests the tests that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from payonce.conformance.attacks import ATTACKS, furnish
from payonce.conformance.catalogue import checks
from payonce.conformance.check import Check, Result, results
from payonce.conformance.declared import declared
from payonce.conformance.ground import Ground
from payonce.conformance.shops import open_shop
from tests.engines.planted import Plant, PlantedGround, run_beside
from tests.support.databases import TestServer

SEED = 1
CHECKS = {check.name: check for check in checks([SEED])}
NO_WAIT = ("SET LOCAL lock_timeout = '200ms'", "SELECT 1")
# check -> what the engine does otherwise, and what the check must say of it.
ENGINES: dict[str, tuple[Plant, str]] = {
    "version": (Plant([("SELECT current_setting('server_version_num')", "SELECT '140000'")]), "PostgreSQL 14"),
    "prepared_statements": (Plant(before="DEALLOCATE ALL"), "max_prepared_statements"),
    "session_settings": (Plant(before="RESET ALL"), "a pooler mixes sessions up"),
    "commit_status": (Plant([("pg_xact_status", "pg_xact_gone")]), "42883"),
    "notify": (Plant([("NOTIFY payonce_conformance, 'hello'", "SELECT 1")]), "reaches nobody"),
    # The tests' server keeps nothing: both are off.
    "fsync": (Plant(), "fsync is off"),
    "full_page_writes": (Plant(), "full_page_writes is off"),
    "synchronous_commit": (Plant(first=["SET synchronous_commit = off"]), "synchronous_commit is off"),
    "isolation": (Plant(first=["SET default_transaction_isolation = 'repeatable read'"]), "'repeatable read'"),
    "conditional_updates": (Plant([(" AND state = 'open'", "")]), "took the same row"),
    "for_update_waits": (Plant([(" FOR UPDATE", "")], never_waits=True), "did not wait"),
    "lock_timeout": (Plant([NO_WAIT]), "not answered within"),
    "statement_timeout": (Plant([("SET LOCAL statement_timeout = '200ms'", "SELECT 1")]), "not answered within"),
    "deadlocks": (
        Plant([("lock_timeout = '20s'", "lock_timeout = '300ms'")], ["SET deadlock_timeout = '60s'"]),
        "55P03",
    ),
    "serializable": (Plant([(" ISOLATION LEVEL SERIALIZABLE", "")]), "were both committed"),
    "skip_locked": (Plant([(" SKIP LOCKED", "")]), "55P03"),
    "unique_keys": (Plant([("CONSTRAINT conformance_named_once UNIQUE", "UNIQUE")]), "nobody can tell"),
    "partial_unique_indexes": (Plant([("CREATE UNIQUE INDEX", "CREATE INDEX")]), "does not refuse"),
    "foreign_keys": (
        Plant([("FOREIGN KEY (merchant_id, id)\n            REFERENCES payonce_conformance_parents (merchant_id, id)",
                "CHECK (id > 0)")]),
        "does not refuse",
    ),
    "checks_of_rows": (Plant([("CHECK (amount > 0)", "CHECK (amount > -9)")]), "does not refuse"),
    "on_conflict": (Plant([("WHERE payonce_conformance_parents.amount < 6", "")]), "ON CONFLICT answered"),
    "savepoints": (
        Plant([("ROLLBACK TO SAVEPOINT payonce", "ROLLBACK"), ("RELEASE SAVEPOINT payonce", "SELECT 1")]), "is lost",
    ),
    "read_only": (Plant([("BEGIN READ ONLY", "BEGIN")]), "has written"),
    "timestamps": (Plant([("::timestamptz)", "::timestamptz(3))")]), "microseconds instead"),
    "every_byte": (Plant([("VALUES (%s)", "VALUES (substr(%s, 2))")]), "not those that came"),
    "amounts": (Plant([("SELECT %s::bigint, %s::bigint", "SELECT %s::float8, %s::float8")]), "largest amounts"),
    "batches": (Plant([("ORDER BY b.id", "ORDER BY b.id DESC")]), "A batch of columns"),
    "documents": (Plant([("%s::jsonb", "(%s::jsonb || jsonb_build_object('list', 1))")]), "document's values"),
}  # fmt: skip
_FORGETS = "CREATE RULE forget AS ON {} DO INSTEAD NOTHING"
FORGETS_SETTLEMENTS = _FORGETS.format("INSERT TO settlements")


def without(*names: str) -> str:
    """The statements that drop rules of the schema."""
    return "; ".join(_dropping(name) for name in names)


def _dropping(rule: str) -> str:
    for table, name, _ in declared().rules:
        if name == rule:
            return f"ALTER TABLE {table} DROP CONSTRAINT {rule} CASCADE"
    return f"DROP INDEX {rule}"


# check -> what is done to a migrated database before it, and what the check must say of it.
DATABASES: dict[str, tuple[str, str]] = {
    "migrations_apply": ("SELECT 1", "migrated already"),
    "migrations_apply_once": (
        "DELETE FROM migrations WHERE number = 7; DROP TABLE cursors; DROP INDEX attempts_unpaid_by_age",
        "1 migrations were applied a second time",
    ),
    "columns": ("ALTER TABLE orders ALTER amount_minor TYPE integer", "orders.amount_minor"),
    "rules": (without("order_token_once"), "orders.order_token_once"),
    "indexes": ("DROP INDEX orders_by_payer", "orders.orders_by_payer"),
    "furnished": (FORGETS_SETTLEMENTS, ""),
    "killed_before_commit": (FORGETS_SETTLEMENTS, "recorded 0 times"),
    "commit_unread": (FORGETS_SETTLEMENTS, "recorded 0 times"),
    "commit_answer_lost": (FORGETS_SETTLEMENTS, "recorded 0 times"),
    "the_same_payment_twice": (FORGETS_SETTLEMENTS, "recorded 0 times"),
    "refunds_sent_twice": (_FORGETS.format("INSERT TO returns"), ""),
    "seed_1": (FORGETS_SETTLEMENTS, "violations"),
}  # fmt: skip
# The same of an engine that knows no locks of rows.
UNLOCKED: dict[str, tuple[str, str]] = {
    "fresh_clicks": (without("attempt_one_live_per_purpose", "attempt_number_once"), "two sessions"),
    "two_payments": (
        without("entry_once_per_cause", "settlement_once_per_order", "capture_settles_once", "effect_once_per_key"), "",
    ),
    "cancel_and_payment": ("SELECT 1", ""),
    "refunds_asked_twice": ("SELECT 1", "0 were refused"),
    "one_effect_two_workers": (without("delivery_once_per_try"), "two workers delivered"),
}  # fmt: skip


def tried(check: Check[Ground], ground: Ground) -> Result:
    """What comes of one check."""
    [result] = results([check], ground)
    return result


def assert_fails(check: Check[Ground], ground: Ground, says: str) -> None:
    """Fail unless the check fails, as something required or not, and says why."""
    result = tried(check, ground)
    assert result.state == ("failed" if check.is_required else "missing"), result
    assert says in result.says
    assert check.otherwise in result.says


def test_every_check_has_its_plant() -> None:
    assert CHECKS.keys() == ENGINES.keys() | DATABASES.keys() | UNLOCKED.keys() | ATTACKS.keys()


@pytest.fixture(scope="module")
def engine(postgres: TestServer) -> Iterator[str]:
    """An empty database for all faults of engines."""
    name = postgres.create()
    yield postgres.server.dsn(name)
    postgres.drop(name)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_that_lacks_it_is_found_out(engine: str, name: str) -> None:
    plant, says = ENGINES[name]
    assert_fails(CHECKS[name], PlantedGround(engine, plant), says)


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_that_is_not_what_it_should_be_is_found_out(database_url: str, name: str) -> None:
    text, says = DATABASES[name]
    run_beside(database_url, text)
    assert_fails(CHECKS[name], PlantedGround(database_url, Plant(), size=3, every=5), says)


@pytest.mark.parametrize("name", UNLOCKED)
def test_an_engine_without_locks_breaks_a_promise_in_a_race(database_url: str, name: str) -> None:
    text, says = UNLOCKED[name]
    run_beside(database_url, text)
    assert_fails(CHECKS[name], PlantedGround(database_url, Plant(never_locks=True)), says)


@pytest.fixture(scope="module")
def furnished(postgres: TestServer) -> Iterator[Ground]:
    """A database with what is attacked."""
    name = postgres.create(postgres.template())
    ground = PlantedGround(postgres.server.dsn(name), Plant())
    with open_shop(ground) as shop:
        ground.names = furnish(shop)
    yield ground
    postgres.drop(name)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_rule_that_is_gone_is_missed_by_its_attack(furnished: Ground, name: str) -> None:
    """A12: without the rule the row is accepted, or another rule refuses it."""
    rule, _ = ATTACKS[name]
    # In the session that attacks, before it does, and gone with it.
    ground = PlantedGround(furnished.dsn, Plant(first=["BEGIN", without(rule)]))
    ground.names = furnished.names
    assert_fails(CHECKS[name], ground, "")


def test_behind_a_gate_that_is_closed_nothing_is_tried(blank_url: str) -> None:
    gate = replace(CHECKS["migrations_apply"], run=lambda ground: (_ for _ in ()).throw(psycopg.DataError("no")))
    found = list(results([gate, CHECKS["columns"]], PlantedGround(blank_url, Plant())))
    assert [result.state for result in found] == ["failed", "not_tried"]
    assert not any(result.is_good for result in found)
