"""Three nodes of Patroni and three members of etcd on this machine, run by the configuration that `deploy/` ships."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from payonce.drivers.embedded import binaries
from payonce.drivers.embedded_places import account_for, open_path
from tests.failover.etcd import Etcd
from tests.failover.node import CONFIGURATION, ENVIRONMENT, Node
from tests.support.processes import naming, send
from tests.support.waiting import until

NODES: Final = 3
ROLE: Final = "payonce"
PASSWORD: Final = "of_the_tests"
DATABASE: Final = "payonce"
_WATCHDOG: Final = Path("/dev/watchdog")
# States of a member that has everything, in the words of Patroni.
_FINE: Final = ("running", "streaming")


class Cluster:
    """All nodes. `dsn` leads to whichever may write."""

    def __init__(self, folder: Path) -> None:
        # A frozen Patroni would reset the machine that the test runs on.
        assert not _WATCHDOG.exists(), f"{_WATCHDOG} exists: this machine would be reset; run it elsewhere"
        assert (ENVIRONMENT / "bin" / "patroni").exists(), "Patroni is not installed: run `make setup-patroni`"
        self.folder = folder
        account = account_for(folder / "nobody has this")
        as_account: dict[str, Any] = (
            {"user": account.uid, "group": account.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        python = ENVIRONMENT / "bin" / "python"
        for needed in (binaries() / "postgres", python, python.resolve(), CONFIGURATION):
            open_path(needed, account)
        self.etcd = Etcd(folder)
        self.nodes = [Node(number, folder, self.etcd.hosts, as_account) for number in range(1, NODES + 1)]
        self.etcd.start(account, as_account)
        for node in self.nodes:
            node.place.mkdir(mode=0o700)
            shutil.chown(node.place, account.uid, account.gid)
            node.start()
        until(self.is_whole, what=lambda: f"the cluster: {self.seen()}")
        self._make_database()

    @property
    def dsn(self) -> str:
        """The address for payonce: every node, in any order."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://{ROLE}:{PASSWORD}@{hosts}/{DATABASE}?target_session_attrs=read-write&load_balance_hosts=random"

    def members(self) -> list[dict[str, Any]]:
        """What Patroni says of all members, as the first node that answers has it."""
        for node in self.nodes:
            if (seen := node.ask("cluster")) is not None:
                return list(seen.get("members", ()))
        return []

    def is_whole(self) -> bool:
        """Whether every node answers and they agree: one leader, a synchronous standby, all in one history."""
        views = [view for node in self.nodes if (view := node.ask("cluster")) is not None]
        return len(views) == NODES and all(_is_whole(view.get("members", ())) for view in views)

    def leader(self) -> Node:
        """The node that leads. There must be one now."""
        return self._of_role("leader")

    def synchronous(self) -> Node:
        """The standby that every COMMIT waits for."""
        return self._of_role("sync_standby")

    def ask_for_another(self, leader: Node) -> str:
        """Ask for another leader, as an operator does before maintenance; what was answered. It can be refused."""
        words = ("switchover", "payonce", "--leader", leader.name, "--force")
        return leader.run("patronictl", "-c", str(CONFIGURATION), *words)

    def primaries(self) -> list[str]:
        """The nodes whose PostgreSQL may write."""
        return [node.name for node in self.nodes if node.is_primary()]

    def seen(self) -> str:
        """The members in words, and where to read on."""
        words = (f"{one.get('name')} {one.get('role')} {one.get('state')}" for one in self.members())
        return f"{', '.join(words) or 'nobody answers'}; logs in {self.folder}"

    def close(self) -> None:
        """End everything that was started."""
        for node in self.nodes:
            node.close()
        self.etcd.close()
        # What a node had just begun: a copy, a rewind.
        send(naming(str(self.folder)), signal.SIGKILL)

    def _of_role(self, role: str) -> Node:
        names = [one["name"] for one in self.members() if one["role"] == role]
        assert len(names) == 1, f"{role}: {self.seen()}"
        return next(node for node in self.nodes if node.name == names[0])

    def _make_database(self) -> None:
        leader = self.leader()
        with psycopg.connect(leader.dsn("postgres"), autocommit=True) as connection:
            role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))


def _is_whole(members: list[dict[str, Any]]) -> bool:
    roles = sorted(one["role"] for one in members)
    return (
        roles == ["leader", "replica", "sync_standby"]
        and all(one["state"] in _FINE for one in members)
        and len({one.get("timeline") for one in members}) == 1
    )


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster for as long as it is needed. When something goes wrong its logs stay."""
    folder = Path(tempfile.mkdtemp(prefix="payonce-patroni-"))
    folder.chmod(0o755)
    cluster = None
    try:
        cluster = Cluster(folder)
        yield cluster
    finally:
        send(naming(str(folder)), signal.SIGCONT)
        if cluster is not None:
            cluster.close()
        send(naming(str(folder)), signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
