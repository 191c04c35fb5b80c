"""Puts a simulator on a port of the loopback interface: in a thread for tests and the service, or as a process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import uvicorn

from payonce.providers.simulator.asgi import Application, Simulated

# A server that has not started by then never will.
START_SECONDS: Final = 30.0
GLANCE_SECONDS: Final = 0.005
LOOPBACK: Final = "127.0.0.1"


class Servable(Simulated, Protocol):
    """A simulator that wants to know its address."""

    base_url: str

    def quiet(self) -> bool: ...


Sim = TypeVar("Sim", bound=Servable)


class _Server(uvicorn.Server):
    """Tells when it listens, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@dataclass(slots=True)
class Running(Generic[Sim]):
    """A simulator that is being served. `stop` ends it and waits for its thread."""

    sim: Sim
    base_url: str
    _server: _Server
    _thread: threading.Thread

    def stop(self) -> None:
        """Stop serving; calls that hang are cut off."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)

    def wait_until_quiet(self, seconds: float = START_SECONDS) -> None:
        """Wait until every webhook that is due has been sent and answered. Raises TimeoutError after `seconds`."""
        pause = threading.Event()
        for _ in range(round(seconds / GLANCE_SECONDS)):
            if self.sim.quiet():
                return
            pause.wait(GLANCE_SECONDS)
        raise TimeoutError("webhooks are still under way")


def start_in_thread(
    sim: Sim, *, host: str = LOOPBACK, port: int = 0, base_url: str | None = None, seconds_per_byte: float = 1.0
) -> Running[Sim]:
    """Serve `sim` from a thread and return once it listens. Port 0 takes a free one; `base_url` is what payers see."""
    listener = listen(host, port)
    sim.base_url = base_url or f"http://{host}:{listener.getsockname()[1]}"
    server = make_server(sim, seconds_per_byte=seconds_per_byte)
    thread = threading.Thread(target=server.run, args=([listener],), name="simulator", daemon=True)
    thread.start()
    if not server.ready.wait(START_SECONDS):
        raise RuntimeError("the simulator did not start")
    return Running(sim, sim.base_url, server, thread)


@contextmanager
def serve_in_thread(
    sim: Sim, *, host: str = LOOPBACK, port: int = 0, seconds_per_byte: float = 1.0
) -> Iterator[Running[Sim]]:
    """Serve `sim` while the block runs."""
    running = start_in_thread(sim, host=host, port=port, seconds_per_byte=seconds_per_byte)
    try:
        yield running
    finally:
        running.stop()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    listener = socket.create_server((host, port))
    listener.setblocking(False)
    return listener


def make_server(sim: Simulated, *, seconds_per_byte: float = 1.0) -> _Server:
    """A server for `sim`; whoever calls its `serve` hands in a socket."""
    application = Application(sim, seconds_per_byte=seconds_per_byte)
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=1,
        # A simulator has a clock of its own, and says by it when an answer was made.
        date_header=False,
    )  # fmt: skip
    return _Server(config)
