"""Three members of etcd on the loopback interface. A frozen one is to the others as if its network were gone."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx2

from payonce.drivers.embedded_places import Account
from payonce.testing.serving import free_port
from tests.support.processes import send
from tests.support.waiting import DEADLINE_SECONDS, until

MEMBERS: Final = 3
# On a machine that is busy with nine servers, etcd's own 100 ms and 1 s elect leaders for nothing.
_PATIENCE: Final = ("--heartbeat-interval", "200", "--election-timeout", "2000")


class Member:
    """One member. Nothing of it is kept when the folder goes."""

    def __init__(self, number: int, folder: Path) -> None:
        self.name, self.folder = f"etcd{number}", folder / f"etcd{number}"
        self.client, self.peer = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, cluster: str, account: Account, as_account: Mapping[str, Any]) -> None:
        """Start it as a member of `cluster`."""
        program = shutil.which("etcd")
        assert program is not None, "no etcd on the PATH: run `make setup-etcd`"
        self.folder.mkdir(mode=0o700)
        shutil.chown(self.folder, account.uid, account.gid)
        urls = (
            *("--listen-client-urls", f"http://{self.client}", "--advertise-client-urls", f"http://{self.client}"),
            *("--listen-peer-urls", f"http://{self.peer}", "--initial-advertise-peer-urls", f"http://{self.peer}"),
        )
        words = [program, "--name", self.name, "--data-dir", str(self.folder), *urls, "--initial-cluster", cluster]
        with self.folder.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words, *_PATIENCE], cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **as_account
            )

    def is_healthy(self) -> bool:
        """Whether it answers and its cluster has a leader."""
        try:
            return httpx2.get(f"http://{self.client}/health", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    def freeze(self) -> None:
        """It is there and answers nobody, as behind a network that drops everything."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """It answers again."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(DEADLINE_SECONDS)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            send([self._process.pid], number)


class Etcd:
    """All members."""

    def __init__(self, folder: Path) -> None:
        self.members = [Member(number, folder) for number in range(1, MEMBERS + 1)]

    def start(self, account: Account, as_account: Mapping[str, Any]) -> None:
        """Start them and wait until they have a leader."""
        cluster = ",".join(f"{member.name}=http://{member.peer}" for member in self.members)
        for member in self.members:
            member.start(cluster, account, as_account)
        until(self.is_healthy, what="etcd")

    def is_healthy(self) -> bool:
        """Whether all members are."""
        return all(member.is_healthy() for member in self.members)

    @property
    def hosts(self) -> str:
        """How Patroni is told of them."""
        return ",".join(member.client for member in self.members)

    def close(self) -> None:
        """End them."""
        for member in self.members:
            with suppress(ProcessLookupError):
                member.close()
