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
