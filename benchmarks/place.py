"""Where everything is measured: one embedded server with its own settings, and a fresh database for each measurement.

`fsync`, `synchronous_commit` and `full_page_writes` stay on. A database is a copy of a template in which orders wait
for their money; it has statistics of the tables that hold rows, and of no others, as any that was filled once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from benchmarks import history
from benchmarks.letters import Letters
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.embedded import EmbeddedServer, binaries
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.migrate import migrate

HERE: Final = Path(__file__).parent
TEMPLATE: Final = "bench_template"
WORK: Final = "bench"
# More than the service opens by itself: floors, peers and several processes side by side.
SETTINGS: Final = {"max_connections": "150", "track_wal_io_timing": "off"}


@dataclass(frozen=True, slots=True)
class Written:
    """What the server has counted: WAL bytes, records and fsyncs, and the processor time of all its processes."""

    wal_bytes: int
    wal_records: int
    fsyncs: int
    cpu_seconds: float

    def __sub__(self, other: Written) -> Written:
        return Written(
            self.wal_bytes - other.wal_bytes, self.wal_records - other.wal_records, self.fsyncs - other.fsyncs,
            self.cpu_seconds - other.cpu_seconds,
        )  # fmt: skip


class Place:
    """A running server and its databases."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.pgbench = binaries() / "pgbench"

    @property
    def socket_folder(self) -> str:
        """Where the server's socket is, for programs that are told a host."""
        return str(self.server._socket_folder)

    def dsn(self, name: str = WORK) -> str:
        """The address of a database."""
        return self.server.dsn(name)

    def execute(self, text: str, *names: str, database: str = "postgres") -> None:
        """Run a statement by itself; `{}` stand for names."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            connection.execute(sql.SQL(text).format(*(sql.Identifier(name) for name in names)))

    def rows(self, text: str, *values: object, database: str = WORK) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            return connection.execute(text, values).fetchall()

    def make_template(self, orders: int, past: int = 0, name: str = TEMPLATE) -> None:
        """Make the database that all measurements begin with: `past` orders that are paid, and `orders` that wait."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self.execute("CREATE DATABASE {}", name)
        with SyncDatabase(self.dsn(name), clock=BlockingClock(), chance=SystemChance()) as database:
            run_to_end(migrate(database))
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            connection.execute((HERE / "orders.sql").read_text())
            body = sql.Literal(Letters().body(7)).as_string()
            connection.execute((HERE / "floor.sql").read_text().replace("BODY_OF_A_LETTER", body))
            if past:
                history.make(connection, past)
            connection.execute("CALL bench_orders(%s, %s)", (past + 1, past + orders))
            for (table,) in connection.execute(
                "SELECT quote_ident(relname) FROM pg_stat_user_tables WHERE n_live_tup > 0 AND relname <> 'migrations'"
            ).fetchall():
                connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.SQL(table)))

    def fresh(self, template: str = TEMPLATE, name: str = WORK) -> None:
        """A new database, as the template is."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self.execute("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        # What was copied is written now and not in the middle of a measurement.
        self.execute("CHECKPOINT")

    def written(self) -> Written:
        """The server's counters now; what a session that still runs has done may be missing for a second."""
        [(wal_bytes, records)] = self.rows(
            "SELECT wal_bytes::bigint, wal_records FROM pg_stat_wal", database="postgres"
        )
        [(fsyncs,)] = self.rows(
            "SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal'", database="postgres"
        )
        return Written(
            wal_bytes, records, fsyncs, cpu_seconds(int((self.server.data / "postmaster.pid").read_text().split()[0]))
        )

    def rows_written(self, name: str = WORK) -> dict[str, int]:
        """Table -> rows inserted and updated since the database was made. Sessions must have ended."""
        self._wait_until_alone(name)
        found = self.rows("SELECT relname::text, n_tup_ins, n_tup_upd FROM pg_stat_user_tables", database=name)
        return {table: inserted + updated for table, inserted, updated in found if inserted + updated}

    def _wait_until_alone(self, name: str) -> None:
        deadline = time.monotonic() + 30
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        while self.rows(asked, name, database="postgres") != [(0,)]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"somebody is still connected to {name}")
            time.sleep(0.02)


@contextmanager
def running(folder: Path | None = None) -> Iterator[Place]:
    """A server for the time of the block, in a new folder that is removed afterwards."""
    made = Path(tempfile.mkdtemp(prefix="payonce-bench-", dir=folder))
    made.chmod(0o711)
    server = EmbeddedServer(made, settings=SETTINGS)
    try:
        server.start()
        yield Place(server)
    finally:
        server.stop()
        shutil.rmtree(made, ignore_errors=True)


def tables(rows: dict[str, int], before: dict[str, int], events: int) -> dict[str, float]:
    """Rows per event by table, of what was written beyond `before`."""
    grown = {name: number - before.get(name, 0) for name, number in rows.items()}
    return {name: round(number / events, 3) for name, number in sorted(grown.items()) if number * 100 > events}


def cpu_seconds(pid: int) -> float:
    """Time of the processors that a process, its living children and those that have ended took."""
    total = _ticks(pid, 4)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(OSError):
            total += _ticks(int(child), 2)
    return total / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int, fields: int) -> int:
    # User and system time, then those of ended children (proc(5), fields 14 to 17).
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11 : 11 + fields]))
