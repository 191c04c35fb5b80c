"""The SQL of the store keeps to what PostgreSQL, Citus, YugabyteDB and CockroachDB all understand (decision 52)."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.project.test_sql import MIGRATIONS, STORE, queries, without_comments
from tests.project.tree import texts

# What is looked for, and why it must not be there. Each was found missing, or different, in at least one of them.
NOT_PORTABLE: Final[dict[str, str]] = {
    r"\bPLPGSQL\b|\bDO\s+\$": "code in the database cannot be tested and moved like ours",
    r"\bCREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE|AGGREGATE)\b": "code in the database",
    r"\bCREATE\s+(OR\s+REPLACE\s+)?(CONSTRAINT\s+)?(TRIGGER|RULE|EVENT\s+TRIGGER)\b": "it acts where nobody reads it",
    r"\bCREATE\s+EXTENSION\b": "no extension is everywhere",
    r"\bCREATE\s+(TYPE|DOMAIN)\b": "types of our own cannot be changed without locking, and are missing in places",
    r"\bCREATE\s+SEQUENCE\b|\b(BIG|SMALL)?SERIAL\b|\bAS\s+IDENTITY\b|\bnextval\(": "one counter is one hot node",
    r"\bDEFERRABLE\b|\bINITIALLY\b|\bSET\s+CONSTRAINTS\b": "CockroachDB checks at once",
    r"\bpg_(try_)?advisory_": "CockroachDB has none, and poolers lose them",
    # As it is written here, in capitals: there is a column of that name.
    r"\b(UN)?LISTEN\b|(?-i:\bNOTIFY\b)|\bpg_notify\b": "CockroachDB and YugabyteDB have none",
    r"\bLOCK\s+TABLE\b": "CockroachDB has none",
    r"\bMERGE\s+INTO\b": "CockroachDB has none",
    r"\bEXCLUDE\s+USING\b|\bUSING\s+(GIST|SPGIST|BRIN|HASH)\b": "kinds of index that others lack",
    r"\bINHERITS\b|\bPARTITION\s+BY\s+(RANGE|LIST|HASH)\b|\bTABLESPACE\b|\bUNLOGGED\b": "PostgreSQL's own storage",
    r"\bTABLESAMPLE\b|\bGROUPING\s+SETS\b|\bCUBE\b|\bROLLUP\b|\bWITH\s+TIES\b": "missing in CockroachDB",
    r"\bFOR\s+(NO\s+KEY\s+UPDATE|KEY\s+SHARE)\b": "CockroachDB takes it for something else",
    r"\b(ctid|xmin|xmax|cmin|cmax|tableoid)\b": "columns of PostgreSQL's storage",
    r"\bWITH\s+RECURSIVE\b": "Citus runs none over several shards",
    r"\bpg_(catalog|class|attribute|stat|locks|try|xact|current)\w*|::reg(class|type|namespace)\b": "system tables "
    "differ",
    r"\bCURRENT_TIMESTAMP\b|\b(now|clock_timestamp|statement_timestamp|random|gen_random_uuid)\(": "time, ids and "
    "chance are handed in, so that a run can be repeated",
}  # fmt: skip
# One of each, so that a rule which finds nothing any more is noticed.
MISTAKES: Final = """
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql; CREATE TRIGGER t; CREATE EXTENSION citext; CREATE TYPE mood;
    CREATE SEQUENCE s; UNIQUE (a) DEFERRABLE; SELECT pg_advisory_lock(1); NOTIFY news; LOCK TABLE orders;
    MERGE INTO orders; EXCLUDE USING gist (a WITH =); PARTITION BY RANGE (at); SELECT 1 FROM a TABLESAMPLE system (1);
    FOR NO KEY UPDATE; SELECT ctid; WITH RECURSIVE a; SELECT 1 FROM pg_class; SELECT now();
"""
# Files that ask one PostgreSQL server about itself, for `doctor` and the health check; without them all else works.
ABOUT_A_SERVER: Final = {f"{STORE}/server.sql", f"{STORE}/migrate.sql"}
# Where SKIP LOCKED spares somebody a wait, and what happens without it. `tests/crash/test_poor_database.py` tries that.
SKIPS: Final[dict[str, str]] = {
    "lock_due_effects": "workers wait for each other, and find the effects claimed",
    "lock_expired_effects": "workers wait for each other, and find the claims ended",
    "hold_orders_of_effects": "a worker waits for an order that is being settled",
    "lock_free_orders": "a group waits for an order about which somebody decides",
    "lock_event": "a worker waits, and finds the event applied",
    "lock_changes": "workers wait for each other, and find the changes told",
    "lock_ended_claims": "workers wait for each other, and find the claims ended",
    "lock_orphaned_messages": "workers wait for each other, and find the messages given up",
    "lock_due_messages": "workers wait for each other, and find the messages claimed",
    "lock_ended": "workers wait for each other, and find the ends announced",
}

# Looked up before the merchant is known; each table is small, or kept whole on every node.
KEYS_OF_THE_INSTALLATION: Final = {("accounts", "account_belongs_to_one_merchant"), ("api_keys", "api_keys_pkey")}


def sources() -> list[tuple[str, str]]:
    """(path, SQL without comments) of everything that is sent to the database; the schema is made from it."""
    found = [(str(path), without_comments(text)) for path, text in texts(STORE, ".sql")]
    return [(path, text) for path, text in found if not path.endswith("/schema.sql") and path not in ABOUT_A_SERVER]


@pytest.mark.parametrize(("pattern", "why"), NOT_PORTABLE.items(), ids=NOT_PORTABLE.values())
def test_no_statement_needs_what_another_engine_lacks(pattern: str, why: str) -> None:
    looked_for = re.compile(pattern, re.IGNORECASE)
    assert looked_for.search(MISTAKES), "the rule finds nothing"
    assert [(path, match[0]) for path, text in sources() if (match := looked_for.search(text))] == [], why


def test_skip_locked_stands_only_where_waiting_is_as_right() -> None:
    skipping = {name.rpartition(": ")[2] for name, body in queries() if "SKIP LOCKED" in without_comments(body)}
    assert skipping == SKIPS.keys()
    assert [path for path, text in texts(str(MIGRATIONS), ".sql") if "SKIP LOCKED" in without_comments(text)] == []


def test_every_key_of_a_merchants_data_begins_with_the_merchant() -> None:
    """What one merchant owns stays on one node of an engine that spreads its rows."""
    [schema] = [without_comments(text) for path, text in texts(STORE, ".sql") if path.name == "schema.sql"]
    tables = dict(re.findall(r"CREATE TABLE public\.(\w+) \((.*?)\n\)", schema, re.DOTALL))
    of_merchants = {name for name, body in tables.items() if re.search(r"^\s+merchant_id ", body, re.MULTILINE)}
    keys = re.findall(r"ALTER TABLE ONLY public\.(\w+)\s+ADD CONSTRAINT (\w+) (?:PRIMARY KEY|UNIQUE) \((\w+)", schema)
    keys += re.findall(r"ALTER TABLE ONLY public\.(\w+)\s+ADD CONSTRAINT (\w+) FOREIGN KEY \((\w+)", schema)
    keys += [
        (table, index, first)
        for index, table, first in re.findall(r"CREATE UNIQUE INDEX (\w+) ON public\.(\w+) USING btree \((\w+)", schema)
    ]
    assert len(of_merchants) > 20 and len(keys) > 40
    wrong = {(table, name) for table, name, first in keys if table in of_merchants and first != "merchant_id"}
    assert wrong == KEYS_OF_THE_INSTALLATION
