"""Databases that are used again: emptied after a test, instead of dropped and copied anew.

Copying the template makes some 450 files, dropping removes them, and a file system that has just removed thousands of
files is slow to make new ones: most of a small test's time went there. A database is used again only if a test left the
schema, the statistics and the settings as they were, and has not made it large; else it is dropped. It gets another
name, so that whoever still runs after its test finds nothing under the old one.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import sql

# Beyond that, dead rows of earlier tests cost more than a new copy.
MOST_GROWTH_BYTES: Final = 4 * 1024 * 1024

# Whatever changes a catalog gives its rows a new xmin, also where it takes the change back afterwards.
_CATALOGS: Final = (
    "pg_class", "pg_attribute", "pg_type", "pg_proc", "pg_index", "pg_constraint", "pg_trigger", "pg_attrdef",
    "pg_namespace", "pg_extension", "pg_event_trigger", "pg_policy", "pg_publication", "pg_statistic",
    "pg_largeobject_metadata",
)  # fmt: skip
_CHANGES: Final = sql.SQL(" UNION ALL ").join(
    sql.SQL("SELECT {}, count(*), max(xmin::text::bigint)::text FROM {}").format(name, sql.Identifier(name))
    for name in _CATALOGS
)
# Statistics of tables are overwritten in place.
_SIZES: Final = """
    SELECT sum(relpages), sum(reltuples)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
_SETTINGS: Final = """
    SELECT setrole, setconfig FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_MIGRATIONS: Final = "SELECT count(*), md5(string_agg(m::text, ' ' ORDER BY m::text)) FROM public.migrations AS m"
_TABLES: Final = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'migrations'
"""
_OTHERS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Facts:
    """What a database with the whole schema and no rows is like, by one that nobody used yet."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._told = _told(connection)
        self._bytes = _bytes(connection)
        names = [sql.Identifier(name) for (name,) in connection.execute(_TABLES).fetchall()]
        # Switched off for the moment, foreign keys let tables be emptied in any order.
        self._empty = sql.SQL("SET session_replication_role = replica; {} RESET session_replication_role").format(
            sql.SQL("").join(sql.SQL("DELETE FROM {};").format(name) for name in names)
        )

    def restored(self, connection: psycopg.Connection[Any]) -> bool:
        """Remove whoever else is connected and every row; whether the database is now as it was when it was new."""
        connection.execute(_OTHERS)
        if _told(connection) != self._told or _bytes(connection) > self._bytes + MOST_GROWTH_BYTES:
            return False
        connection.execute(self._empty)
        return True


def _told(connection: psycopg.Connection[Any]) -> list[Any]:
    """What the catalogs tell. Raises a psycopg error where the schema is not there any more."""
    return [connection.execute(query).fetchall() for query in (_CHANGES, _SIZES, _SETTINGS, _MIGRATIONS)]


def _bytes(connection: psycopg.Connection[Any]) -> int:
    [size] = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return int(size)
