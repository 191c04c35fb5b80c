"""The schema on the engine under test: the migrations apply, once, and what is there is what was meant.

Compared are columns, named rules and indexes with `store/schema.sql`. What the rules refuse is tried by the attacks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from payonce.conformance.check import Check, require
from payonce.conformance.declared import declared
from payonce.conformance.ground import Ground
from payonce.conformance.sessions import Session
from payonce.drivers.stepping import run_to_end
from payonce.store.migrate import migrate, require_current

PART: Final = "schema"
# What the catalogues call a type of an array.
_ARRAYS: Final = {"_text": "text[]"}
_COLUMNS: Final = """
SELECT table_name, column_name, data_type, udt_name, is_nullable
FROM information_schema.columns
WHERE table_schema = current_schema()
"""
_RULES: Final = """
SELECT table_name, constraint_name, constraint_type
FROM information_schema.table_constraints
WHERE constraint_schema = current_schema()
"""
_INDEXES: Final = """
SELECT tablename, indexname, indexdef
FROM pg_indexes
WHERE schemaname = current_schema()
"""


def migrations_apply(ground: Ground) -> str:
    """Migrate from nothing."""
    with ground.database() as database:
        done = run_to_end(migrate(database))
        run_to_end(require_current(database))
    require(done, "The database was migrated already: it is not the empty one that it should be.")
    return f"{len(done)} migrations"


def migrations_apply_once(ground: Ground) -> str:
    """Migrate a second time."""
    with ground.database() as database:
        done = run_to_end(migrate(database))
    require(not done, f"{len(done)} migrations were applied a second time.")
    return "nothing is left to do"


def columns(ground: Ground) -> str:
    """Compare every column with the shipped schema."""
    wanted = {
        (table, name, kind, required)
        for table, found in declared().columns.items()
        for name, (kind, required) in found.items()
    }
    with ground.sessions(1) as (one,):
        found = {
            (table, name, _ARRAYS.get(udt, kind), nullable == "NO")
            for table, name, kind, udt, nullable in one.rows(_COLUMNS)
            if table in declared().columns
        }
    _agree("columns", wanted, found)
    return f"{len(wanted)} columns"


def rules(ground: Ground) -> str:
    """Look for every named rule of the shipped schema."""
    wanted = {(table, name) for table, name, _ in declared().rules}
    wanted |= {(table, name) for table, name, is_unique in declared().indexes if is_unique}
    with ground.sessions(1) as (one,):
        found = {(table, name) for table, name, _ in one.rows(_RULES)}
        found |= {(table, name) for table, name, is_unique in _indexes(one) if is_unique}
    # Some engines give rules of their own for what is required; ours must be among what there is.
    _agree("rules", wanted, found & wanted)
    return f"{len(wanted)} rules"


def indexes(ground: Ground) -> str:
    """Look for every index of the shipped schema."""
    wanted = {(table, name) for table, name, _ in declared().indexes}
    with ground.sessions(1) as (one,):
        found = {(table, name) for table, name, _ in _indexes(one)}
    _agree("indexes", wanted, found & wanted)
    return f"{len(wanted)} indexes"


def _indexes(session: Session) -> list[tuple[str, str, bool]]:
    return [(table, name, "UNIQUE" in text.upper()) for table, name, text in session.rows(_INDEXES)]


def _agree(what: str, wanted: Collection[tuple[object, ...]], found: Collection[tuple[object, ...]]) -> None:
    lacks, more = sorted({*wanted} - {*found}, key=repr), sorted({*found} - {*wanted}, key=repr)
    require(not lacks and not more, f"Of the {what} it lacks {_shown(lacks)} and has besides {_shown(more)}.")


def _shown(rows: list[tuple[object, ...]]) -> str:
    words = [".".join(map(str, row[:2])) + (f" ({row[2]})" if len(row) > 2 else "") for row in rows[:3]]
    return (", ".join(words) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")) or "nothing"


CHECKS: Final[tuple[Check[Ground], ...]] = (
    Check("migrations_apply", PART, "an empty database gets the schema", migrations_apply, is_gate=True),
    Check("migrations_apply_once", PART, "each migration is applied once", migrations_apply_once),
    Check("columns", PART, "every column has the type that was meant", columns),
    Check("rules", PART, "every rule of the schema is there, by its name", rules),
    Check(
        "indexes", PART, "what is looked for often is found by an index", indexes, is_required=False,
        otherwise="What it costs is time.",
    ),
)  # fmt: skip
