"""A database for the checks: one of our own that is dropped afterwards, or an empty one that was made for them.

Never works where somebody else has tables. What it drops is what it made: the database, or tables by their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payonce.base.chance import Chance
from payonce.base.errors import PayonceError, Refused, Unavailable
from payonce.conformance.declared import declared
from payonce.drivers.connecting import conninfo
from payonce.store.database import Limits

PREFIX: Final = "payonce_conformance_"
# What the simulation makes beside the schema.
_BESIDE: Final = ("simulated_tickets",)
_MAY_NOT: Final = (
    errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.SyntaxError, errors.UndefinedFunction,
)  # fmt: skip
_TABLES: Final = """
SELECT table_schema, table_name
FROM information_schema.tables
WHERE table_type = 'BASE TABLE'
    AND table_schema NOT IN ('pg_catalog', 'information_schema', 'crdb_internal', 'pg_extension')
ORDER BY table_schema, table_name
"""


@contextmanager
def own_database(dsn: str, chance: Chance) -> Iterator[str]:
    """A new database on the server of `dsn`, for as long as it is needed; its address. Raises Refused
    `conformance_may_not_create`, `dsn_invalid`; Unavailable `store_unavailable`.
    """
    name = PREFIX + chance.token(6).hex()
    with _connected(dsn) as beside:
        try:
            beside.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except _MAY_NOT as error:
            raise Refused(
                f"no database can be made there: {_line(error)}",
                code="conformance_may_not_create",
                hint="Make an empty one for it, and say: payonce conformance DSN --in-place",
            ) from error
    try:
        made = make_conninfo(dsn, dbname=name)
        with _connected(made, hint="Behind a pooler that knows databases by name: use --in-place with an empty one."):
            pass
        yield made
    finally:
        _drop(dsn, name)


@contextmanager
def given_database(dsn: str) -> Iterator[str]:
    """The database of `dsn` itself, which must be empty, and is empty afterwards. Raises Refused
    `conformance_not_empty`, `dsn_invalid`; Unavailable `store_unavailable`.
    """
    with _connected(dsn) as beside:
        found = [f"{schema}.{table}" for schema, table in beside.execute(_TABLES).fetchall()]
    if found:
        shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        raise Refused(
            f"the database has tables: {shown}",
            code="conformance_not_empty",
            hint="--in-place works in an empty database only, and leaves it empty; without it one is made and dropped.",
        )
    try:
        yield dsn
    finally:
        _empty(dsn)


@contextmanager
def _connected(dsn: str, *, hint: str = "") -> Iterator[psycopg.Connection]:
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise Refused(f"this is no address of a database: {_line(error)}", code="dsn_invalid", param="dsn") from error
    try:
        connection = psycopg.connect(conninfo(dsn, Limits()), autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        said = f"the database does not answer: {_line(error)}"
        raise Unavailable(said, code="store_unavailable", hint=hint) from error
    with connection:
        yield connection


def _drop(dsn: str, name: str) -> None:
    """Drop the database, whoever is connected; engines without FORCE have nobody left who is."""
    with suppress(PayonceError), _connected(dsn) as beside:
        for words in ("DROP DATABASE IF EXISTS {} WITH (FORCE)", "DROP DATABASE IF EXISTS {}"):
            try:
                beside.execute(sql.SQL(words).format(sql.Identifier(name)))
                return
            except psycopg.Error:
                continue


def _empty(dsn: str) -> None:
    """Drop the tables that the checks made: those of the schema, and what they needed beside it."""
    ours = {*declared().columns, *_BESIDE}
    with _connected(dsn) as beside:
        for schema, table in beside.execute(_TABLES).fetchall():
            if table in ours or table.startswith(PREFIX):
                beside.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(schema, table)))


def _line(error: BaseException) -> str:
    # libpq's words may hold the whole address; a password is never among them, but the line is short without it.
    return re.sub(r"\s+", " ", str(error)).strip()[:300]
