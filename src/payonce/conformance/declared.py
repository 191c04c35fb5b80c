"""What `store/schema.sql` says that a migrated database has: columns, named rules and indexes, read from its text.

The file is what PostgreSQL's own dump makes, so its shape is known; whatever is in it and is not understood is a Bug.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from payonce.base.errors import ensure
from payonce.store.migration_files import FOLDER

FILE: Final = FOLDER.parent / "schema.sql"
_TABLE: Final = re.compile(r"CREATE TABLE public\.(\w+) \(\n(.*?)\n\)", re.DOTALL)
_COLUMN: Final = re.compile(r"^\s+(\w+) (.+?)(?: DEFAULT .+?)?( NOT NULL)?,?$")
_CHECK: Final = re.compile(r"^\s+CONSTRAINT (\w+) CHECK")
_KEY: Final = re.compile(r"ALTER TABLE ONLY public\.(\w+)\s+ADD CONSTRAINT (\w+) (PRIMARY KEY|UNIQUE|FOREIGN KEY) ")
_INDEX: Final = re.compile(r"CREATE (UNIQUE )?INDEX (\w+) ON public\.(\w+) ")


@dataclass(frozen=True, slots=True)
class Declared:
    """Columns as table -> name -> (type, whether NULL is refused); rules as (table, name, kind); indexes as (table,
    name, whether it is unique).
    """

    columns: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    rules: set[tuple[str, str, str]] = field(default_factory=set)
    indexes: set[tuple[str, str, bool]] = field(default_factory=set)


@cache
def declared() -> Declared:
    """What the shipped file says."""
    return parse(FILE.read_text("utf-8"))


def parse(text: str) -> Declared:
    """What the text of a dump says."""
    found = Declared()
    for table, body in _TABLE.findall(text):
        columns: dict[str, tuple[str, bool]] = {}
        for line in body.splitlines():
            check = _CHECK.match(line)
            if check:
                found.rules.add((table, check[1], "CHECK"))
                continue
            column = _COLUMN.match(line)
            ensure(column is not None, f"schema.sql: {table}: what is {line!r:.80}")
            if column:
                columns[column[1]] = (column[2], bool(column[3]))
        found.columns[table] = columns
    found.rules.update(_KEY.findall(text))
    found.indexes.update((table, name, bool(unique)) for unique, name, table in _INDEX.findall(text))
    ensure(found.columns and found.rules and found.indexes, "schema.sql declares nothing")
    return found
