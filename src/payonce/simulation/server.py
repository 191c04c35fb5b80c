"""A database that is worth nothing: an embedded server in a temporary folder, without fsync, gone when the run is over.

Never use it for anything else: a crash of the machine loses it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.abc import PQGen

from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.embedded import EmbeddedServer
from payonce.drivers.pipeline import Pipeline
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.database import Query
from payonce.store.migrate import migrate

SETTINGS: Final = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off", "max_wal_size": "4GB",
    "wal_level": "minimal", "max_wal_senders": "0", "track_activities": "off", "track_counts": "off",
}  # fmt: skip
TICKETS: Final = """
CREATE TABLE IF NOT EXISTS simulated_tickets (merchant_id text NOT NULL, order_id uuid NOT NULL)
"""
TABLES: Final = Query(
    "simulation.tables",
    "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
    "AND relname NOT LIKE '%%migration%%' ORDER BY relname",
    "Which tables a run begins with empty.",
)


@contextmanager
def passing_server() -> Iterator[EmbeddedServer]:
    """A server of its own, for as long as it is needed."""
    folder = Path(tempfile.mkdtemp(prefix="payonce-simulation-"))
    server = EmbeddedServer(folder, settings=SETTINGS)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def create_database(address: str) -> str:
    """A new database with the whole schema on the server of `address`; its own address."""
    name = f"simulation_{os.getpid()}"
    with psycopg.connect(address, autocommit=True) as connection:
        for text in ("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}"):
            connection.execute(sql.SQL(text).format(sql.Identifier(name)))
    made = psycopg.conninfo.make_conninfo(address, dbname=name)
    prepare(made)
    return made


def prepare(address: str) -> None:
    """Bring the schema up to date, and add what the harness needs besides."""
    with SyncDatabase(address, clock=BlockingClock(), chance=SystemChance()) as database:
        run_to_end(migrate(database))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(TICKETS)


@contextmanager
def one_line(address: str) -> Iterator[Pipeline]:
    """The one connection of a simulation."""
    with psycopg.connect(address, autocommit=True) as connection:
        # Plans are made once for each table's content (`learn`), not anew for each set of parameters.
        for name, value in (("TimeZone", "UTC"), ("jit", "off"), ("plan_cache_mode", "force_generic_plan")):
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))

        async def wait(generator: PQGen[Any]) -> Any:
            return connection.wait(generator)

        yield Pipeline(connection, wait)


def learn(line: Pipeline) -> None:
    """Let the server learn what the tables hold, as autovacuum would within minutes: without that its plans are those
    of empty tables."""
    line.connection.execute("ANALYZE")


def empty(line: Pipeline) -> None:
    """Begin anew: no row in any table."""
    [reply] = run_to_end(line.exchange([(TABLES, {})]))
    names = sql.SQL(", ").join(sql.Identifier(row.name) for row in reply.rows)
    line.connection.execute(sql.SQL("TRUNCATE {}").format(names))
