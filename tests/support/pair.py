"""A primary and its standby, from the wheel's own binaries: started, loaded, killed and promoted by a test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from payonce.drivers.embedded import SUPERUSER, EmbeddedServer
from payonce.drivers.embedded_places import account_for
from payonce.simulation.server import prepare
from tests.support.processes import family, send
from tests.support.waiting import until

SETTINGS: Final = {
    # An acknowledged COMMIT can be read on the standby.
    "synchronous_commit": "remote_apply",
    # A standby that lost its primary looks again soon, and not after five seconds.
    "wal_retrieve_retry_interval": "100ms",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}


class Pair:
    """Two servers. `dsn` leads to whichever may write."""

    def __init__(self, folder: Path, *, is_synchronous: bool) -> None:
        self.primary, self.standby = (EmbeddedServer(folder / name, settings=SETTINGS) for name in ("one", "two"))
        self.primary.start()
        prepare(self.primary.dsn())
        self._is_synchronous = is_synchronous
        self._follow()
        hosts = ",".join(quote(str(server._socket_folder), safe="") for server in (self.primary, self.standby))
        self.dsn = f"postgresql://{SUPERUSER}@/payonce?host={hosts}&port=5432"

    def kill_the_primary(self) -> None:
        """End it without a word: the server and all its processes, at once."""
        pid = self.primary._pid()
        assert pid is not None
        send(family(pid), signal.SIGKILL)

    def hold_the_standby_back(self) -> None:
        """End the standby until it is promoted, so that it receives nothing any more."""
        self.standby.stop()

    def promote(self) -> None:
        """Make the standby the primary."""
        self.standby.start()
        self.standby._run("pg_ctl", "promote", "-D", str(self.standby.data), "-w")

    def rejoin(self) -> None:
        """Let the promoted one be the primary, and the one that was killed its standby, from a new copy."""
        self.primary, self.standby = self.standby, self.primary
        self.standby.stop()
        shutil.rmtree(self.standby.data)
        self._follow()

    def close(self) -> None:
        """End whatever runs."""
        self.standby.stop()
        self.primary.stop()

    def _follow(self) -> None:
        self._copy()
        self.standby.start()
        if self._is_synchronous:
            self._wait_for_the_standby()

    def _copy(self) -> None:
        account, data = account_for(self.primary.data), self.standby.data
        data.mkdir(parents=True, mode=0o700)
        os.chown(data, account.uid, account.gid)
        from_primary = ("-d", self.primary.dsn("postgres"), "--write-recovery-conf", "--checkpoint=fast")
        # Processes are killed here and never the machine, so that nothing has to be forced to its disk first.
        self.primary._run("pg_basebackup", "-D", str(data), "--no-sync", *from_primary, account=account)

    def _wait_for_the_standby(self) -> None:
        with psycopg.connect(self.primary.dsn("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            question = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            until(lambda: connection.execute(question).fetchone() == (1,), what="the standby to be waited for")


@contextmanager
def running_pair(*, is_synchronous: bool = True) -> Iterator[Pair]:
    """Two servers for as long as they are needed."""
    folder = Path(tempfile.mkdtemp(prefix="payonce-pair-"))
    folder.chmod(0o755)
    pair = Pair(folder, is_synchronous=is_synchronous)
    try:
        yield pair
    finally:
        pair.close()
        shutil.rmtree(folder, ignore_errors=True)
