"""One node of a Patroni cluster: Patroni and its PostgreSQL, as `deploy/patroni/patroni.yml` has them run."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from payonce.drivers.embedded import binaries
from payonce.testing.serving import free_port
from tests.project.tree import ROOT
from tests.support.processes import family, lives, naming, send
from tests.support.waiting import DEADLINE_SECONDS, until

CONFIGURATION: Final = ROOT / "deploy" / "patroni" / "patroni.yml"
SAMPLE: Final = ROOT / "deploy" / "patroni" / "node.env"
ENVIRONMENT: Final = ROOT / ".venv-patroni"
# What a node does not answer within this it does not know.
_ASK_SECONDS: Final = 5.0


class Node:
    """A node that is started, troubled and started again. `place` holds its data and nothing else's."""

    def __init__(self, number: int, place: Path, etcd_hosts: str, as_account: Mapping[str, Any]) -> None:
        self.name, self.place = f"node{number}", place / f"node{number}"
        self.api, self.port = f"127.0.0.1:{free_port()}", free_port()
        self._etcd_hosts = etcd_hosts
        self._as_account = as_account
        self._patroni: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []

    @property
    def data(self) -> Path:
        """Where its PostgreSQL keeps its data."""
        return self.place / "data"

    def environment(self) -> dict[str, str]:
        """What differs between nodes: the names of `node.env`, with this node's values."""
        server = f"127.0.0.1:{self.port}"
        return {
            "PATRONI_NAME": self.name,
            "PATRONI_RESTAPI_LISTEN": self.api,
            "PATRONI_RESTAPI_CONNECT_ADDRESS": self.api,
            "PATRONI_RESTAPI_USERNAME": "patroni",
            "PATRONI_RESTAPI_PASSWORD": "of the tests",
            "PATRONI_POSTGRESQL_LISTEN": server,
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": server,
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.data),
            "PATRONI_POSTGRESQL_BIN_DIR": str(binaries()),
            "PATRONI_POSTGRESQL_PGPASS": str(self.place / "pgpass"),
            "PATRONI_SUPERUSER_USERNAME": "postgres",
            "PATRONI_SUPERUSER_PASSWORD": "of_the_tests",
            "PATRONI_REPLICATION_USERNAME": "replicator",
            "PATRONI_REPLICATION_PASSWORD": "of_the_tests",
            "PATRONI_REWIND_USERNAME": "rewinder",
            "PATRONI_REWIND_PASSWORD": "of_the_tests",
            "PATRONI_ETCD3_HOSTS": self._etcd_hosts,
        }

    def run(self, program: str, *words: str) -> str:
        """Run a program of Patroni's environment as on this node; what it printed, whether it succeeded or not."""
        done = subprocess.run(
            [str(ENVIRONMENT / "bin" / program), *words], cwd=self.place, env=self._whole_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=DEADLINE_SECONDS, check=False, **self._as_account,
        )  # fmt: skip
        return str(done.stdout)

    def start(self) -> None:
        """Start Patroni; it starts PostgreSQL, or takes up the one that runs."""
        with (self.place.with_suffix(".log")).open("ab") as log:
            self._patroni = subprocess.Popen(
                [str(ENVIRONMENT / "bin" / "patroni"), str(CONFIGURATION)], cwd=self.place,
                env=self._whole_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as_account,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL for Patroni, PostgreSQL and all its processes: the machine is gone."""
        self.kill_patroni()
        self.kill_postgres()

    def kill_postgres(self) -> None:
        """SIGKILL for PostgreSQL alone."""
        pids = self._postgres()
        send(pids, signal.SIGKILL)
        until(lambda: not any(lives(pid) for pid in pids), what=f"the end of PostgreSQL on {self.name}")

    def kill_patroni(self) -> None:
        """SIGKILL for Patroni alone: PostgreSQL runs on and nobody minds it."""
        if self._patroni is not None:
            self._patroni.kill()
            self._patroni.wait(DEADLINE_SECONDS)

    def freeze(self) -> None:
        """SIGSTOP for all of it: its connections stay open, and it does not know that time goes by."""
        assert self._patroni is not None
        # The one that starts processes first, so that none is missed.
        send(self._postgres()[:1], signal.SIGSTOP)
        self._frozen = [self._patroni.pid, *self._postgres()]
        send(self._frozen, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on as if nothing had been."""
        send(self._frozen, signal.SIGCONT)
        self._frozen = []

    def ask(self, path: str) -> dict[str, Any] | None:
        """What Patroni answers there, or None."""
        try:
            return dict(httpx2.get(f"http://{self.api}/{path}", timeout=_ASK_SECONDS).json())
        except (httpx2.HTTPError, ValueError):
            return None

    def is_primary(self) -> bool:
        """Whether its PostgreSQL itself says that it may write, whatever Patroni thinks. Whoever is silent may not."""
        try:
            with psycopg.connect(self.dsn("postgres"), connect_timeout=round(_ASK_SECONDS)) as connection:
                return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        except psycopg.OperationalError:
            return False

    def dsn(self, database: str) -> str:
        """Its address for the superuser."""
        return f"postgresql://postgres:of_the_tests@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        """End all of it, in whatever state it is."""
        self.kill_patroni()
        self.kill_postgres()

    def _postgres(self) -> list[int]:
        with suppress(FileNotFoundError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            if pid in naming(str(self.data)):
                return family(pid)
        return []

    def _whole_environment(self) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.place), **self.environment()}
