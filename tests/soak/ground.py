"""Everything that runs in the soak: a durable PostgreSQL, a proxy before it, the service under load, and a worker.

What can be done to each of them, and how it is mended, stands in `TROUBLES`. Mending brings back a process or lets it
go on, and does nothing else: what was lost on the way the service has to find by itself.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from payonce.drivers.embedded import DATABASE, SUPERUSER, EmbeddedServer
from payonce.simulation.server import prepare
from payonce.testing.serving import free_port
from tests.failover.load import Load, running_load
from tests.soak.kept import Kept
from tests.support.processes import family, send

Mend = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ground:
    """What is running. `direct` leads to the database past the proxy, for whoever judges."""

    server: EmbeddedServer
    proxy: Kept
    worker: Kept
    load: Load

    @property
    def direct(self) -> str:
        return self.server.dsn()

    def postgres(self) -> list[int]:
        """The server and all its processes."""
        pid = self.server._pid()
        assert pid is not None, "the server had ended by itself"
        return family(pid)

    def ended(self) -> list[str]:
        """What ended although nobody killed it."""
        return [f"{name} ended by itself: {kept.log()}" for name, kept in self._kept() if not kept.is_running]

    def _kept(self) -> tuple[tuple[str, Kept], ...]:
        return ("the proxy", self.proxy), ("the worker", self.worker)


def kill_database(ground: Ground) -> Mend:
    """The server and all its processes are gone at once."""
    send(ground.postgres(), signal.SIGKILL)
    return ground.server.start


def freeze_database(ground: Ground) -> Mend:
    """The server stands still with open connections, and then goes on as if nothing had been."""
    processes = ground.postgres()
    send(processes, signal.SIGSTOP)
    return lambda: send(processes, signal.SIGCONT)


def kill_proxy(ground: Ground) -> Mend:
    """All connections break, whatever was on its way."""
    ground.proxy.kill()
    return ground.proxy.start


def freeze_proxy(ground: Ground) -> Mend:
    """Nothing comes back, and nothing breaks."""
    ground.proxy.freeze()
    return ground.proxy.thaw


def kill_service(ground: Ground) -> Mend:
    """The service is gone in the middle of requests and calls."""
    ground.load.service.kill()
    return ground.load.service.start


def freeze_service(ground: Ground) -> Mend:
    """The service stands still, perhaps past its leases, and goes on with what it held."""
    ground.load.service.freeze()
    return ground.load.service.thaw


def kill_worker(ground: Ground) -> Mend:
    """The second worker is gone in the middle of its jobs."""
    ground.worker.kill()
    return ground.worker.start


def freeze_worker(ground: Ground) -> Mend:
    """The second worker stands still, perhaps past its leases, and goes on with what it held."""
    ground.worker.freeze()
    return ground.worker.thaw


# In the order in which they are mended: a service is started when its database is there.
TROUBLES: Final[dict[str, Callable[[Ground], Mend]]] = {
    trouble.__name__: trouble
    for trouble in (
        kill_database, freeze_database, kill_proxy, freeze_proxy, kill_service, freeze_service, kill_worker,
        freeze_worker,
    )
}  # fmt: skip


def part_of(trouble: str) -> str:
    """What a trouble befalls: one part cannot be killed and frozen at once."""
    return trouble.partition("_")[2]


@contextmanager
def running_ground() -> Iterator[Ground]:
    """Everything, for as long as it is needed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="payonce-soak-")))
        folder.chmod(0o755)
        server = EmbeddedServer(folder / "pg", settings={"autovacuum": "on"})
        server.start()
        stack.callback(server.stop)
        prepare(server.dsn())
        port = free_port()
        words = ["tests.soak.proxy", str(port), str(_socket(server))]
        proxy = Kept(folder, "proxy", words, {})
        proxy.start()
        stack.callback(proxy.stop)
        dsn = f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{DATABASE}?sslmode=disable&gssencmode=disable"
        load = stack.enter_context(running_load(folder, dsn))
        worker = Kept(folder, "worker", ["payonce.cli.main", "worker"], load.service.environment)
        worker.start()
        stack.callback(worker.stop)
        yield Ground(server, proxy, worker, load)


def _socket(server: EmbeddedServer) -> Path:
    return Path(os.fspath(server._socket_folder), ".s.PGSQL.5432")
