"""Real databases for tests: one server for each process that runs tests, an empty database for each test.

The server's folder stays in the temporary folder between runs, so that a run starts it in a few hundredths of a second,
and adopts the server of a run that was killed. Runs at the same time take folders of their own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.embedded import MAJOR_VERSION, EmbeddedServer
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.store.migrate import migrate
from tests.support.emptied import Facts

# What a test's data is worth is decided by the test that kills the server, in a folder of its own.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "autovacuum": "off"}


class Server(Protocol):
    """Where databases are made."""

    def dsn(self, name: str) -> str:
        """How to reach the database of that name."""
        ...

    def stop(self) -> None:
        """Let it go."""
        ...


class GivenServer:
    """A server that runs already, of another version for instance, at TEST_DATABASE_URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def dsn(self, name: str) -> str:
        """The same server, another database."""
        return make_conninfo(self._url, dbname=name)

    def stop(self) -> None:
        """It was there before, and stays."""


class TestServer:
    """A running server, and databases on it."""

    __test__ = False

    def __init__(self, server: Server) -> None:
        self.server = server
        self._names = (f"test_{os.getpid()}_{number}" for number in count(1))
        self._template: str | None = None
        self._facts: Facts | None = None
        self._idle: list[str] = []

    def template(self) -> str:
        """The name of a database with the whole schema and no rows; migrated once."""
        if self._template is None:
            name = self.create()
            with SyncDatabase(self.server.dsn(name), clock=BlockingClock(), chance=SystemChance()) as database:
                run_to_end(migrate(database))
            self._template = name
        return self._template

    def create(self, template: str = "template1") -> str:
        """Make a database from `template`; its name."""
        name = next(self._names)
        # Copying the files of a small template is several times faster than writing it through the WAL.
        self.execute("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        return name

    def lend(self) -> str:
        """The name of a database with the whole schema and no rows, for one test: an emptied one, or a new one."""
        if not self._idle:
            name = self.create(self.template())
            if self._facts is None:
                with psycopg.connect(self.server.dsn(name), autocommit=True) as connection:
                    self._facts = Facts(connection)
            return name
        name = next(self._names)
        self.execute("ALTER DATABASE {} RENAME TO {}", self._idle.pop(), name)
        return name

    def take_back(self, name: str) -> None:
        """Empty a database that was lent, or drop it where a test has changed more than rows."""
        try:
            with psycopg.connect(self.server.dsn(name), autocommit=True, prepare_threshold=None) as connection:
                is_restored = self._facts is not None and self._facts.restored(connection)
        except psycopg.Error:
            # It does not let us in, is gone, or somebody holds a lock.
            is_restored = False
        if is_restored:
            self._idle.append(name)
        else:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def drop_leftovers(self) -> None:
        """Remove the databases of a run that was killed."""
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, 'test_')").fetchall()
        for (name,) in rows:
            self.drop(name)

    def execute(self, text: str, *names: str) -> None:
        """Run a statement beside all tests; `{}` stand for `names`."""
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(text).format(*(sql.Identifier(name) for name in names)))


@contextmanager
def running_server() -> Iterator[TestServer]:
    """A server of this process alone, or the one at TEST_DATABASE_URL."""
    given = os.environ.get("TEST_DATABASE_URL")
    server: Server = GivenServer(given) if given else _first_free()
    try:
        databases = TestServer(server)
        databases.drop_leftovers()
        yield databases
    finally:
        server.stop()


def _first_free() -> EmbeddedServer:
    for number in count(1):
        folder = Path(tempfile.gettempdir(), f"payonce-tests-{os.geteuid()}-{MAJOR_VERSION}-{number}")
        server = EmbeddedServer(folder, settings=_SETTINGS)
        server.start()
        if server.is_owner:
            return server
    raise AssertionError("counting ended")
