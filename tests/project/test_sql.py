"""SQL is source: every query has a name and a reason, and keeps to what every engine of the family understands."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project.tree import texts

STORE = "src/payonce/store"
MIGRATIONS = Path(STORE, "migrations")
# What Citus, YugabyteDB and CockroachDB lack or do otherwise; what needs it is kept apart from the core's schema.
NOT_PORTABLE = re.compile(
    r"\bPLPGSQL\b|\bCREATE\s+(OR\s+REPLACE\s+)?(TRIGGER|FUNCTION|PROCEDURE|SEQUENCE|EXTENSION)\b|\bDO\s+\$"
    r"|\b(BIG|SMALL)?SERIAL\b|\bDEFERRABLE\b|\bpg_(try_)?advisory_|\bGENERATED\s+(ALWAYS|BY\s+DEFAULT)\s+AS\s+IDENTITY\b",
    re.IGNORECASE,
)


def queries() -> list[tuple[str, str]]:
    """(file and name, text below the name's line) of every named query."""
    found = []
    for path, text in texts(STORE, ".sql"):
        if path.parent == Path(STORE):
            for part in re.split(r"^-- name:", text, flags=re.MULTILINE)[1:]:
                name, _, body = part.partition("\n")
                found.append((f"{path}: {name.strip()}", body))
    return found


def without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*", "", sql)


def test_every_query_says_why_it_exists() -> None:
    assert [name for name, body in queries() if not re.match(r"-- \S+ \S+", body)] == []


def test_every_query_names_the_columns_it_reads() -> None:
    star = re.compile(r"\bSELECT\s+(DISTINCT\s+)?(\w+\.)?\*|\bRETURNING\s+\*", re.IGNORECASE)
    assert [name for name, body in queries() if star.search(without_comments(body))] == []


def test_every_migration_opens_with_its_reason() -> None:
    migrations = texts(str(MIGRATIONS), ".sql")
    assert [str(path) for path, text in migrations if not re.match(r"-- \S+ \S+", text)] == []


def test_the_schema_and_the_queries_keep_to_portable_sql() -> None:
    found = [
        (str(path), match[0])
        for path, text in texts(STORE, ".sql")
        if (match := NOT_PORTABLE.search(without_comments(text)))
    ]
    assert found == []


def test_who_waits_for_nobody_locks_and_reads_what_everybody_else_does() -> None:
    """A group of clicks would else decide about a book in which an order or a column is missing."""
    said = {name.rpartition(": ")[2]: " ".join(without_comments(body).split()) for name, body in queries()}
    assert said["lock_attempts"] == said["read_attempts"].replace(";", " FOR UPDATE;")
    waits, skips = said["lock_orders"], said["lock_free_orders"]
    which = re.search(r"FROM orders AS o (WHERE .*) ORDER BY order_id FOR UPDATE;", waits)
    columns = re.search(r"SELECT (.*?) FROM orders AS o", waits)
    assert which and columns
    assert f"SELECT order_id, purpose FROM orders AS o {which[1]} ), free AS (" in skips
    assert f"SELECT {columns[1]} FROM orders WHERE" in skips
    assert f"SELECT {', '.join(f'free.{name}' for name in columns[1].split(', '))}, wanted.order_id" in skips
