"""Serve the application under test on a port, so that providers can send it their webhooks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from payonce.providers.simulator.serve import LOOPBACK, listen

# An application that has not started by then never will.
START_SECONDS: Final = 120.0
GLANCE_SECONDS: Final = 0.02
# Below what systems give to outgoing connections, so that none of those takes a port before its server listens.
PORTS: Final = range(15_000, 32_000)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at this moment."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        try:
            listen(LOOPBACK, port).close()
        except OSError:
            continue
        return port


@contextmanager
def served(application: Any, port: int) -> Iterator[str]:
    """Serve an ASGI application, its lifespan included, while the block runs; its address. Raises RuntimeError."""
    config = uvicorn.Config(application, host=LOOPBACK, port=port, log_level="warning", access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="application", daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive(), what="the application")
        if not server.started:
            raise RuntimeError("the application did not start; its log says why")
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


def wait_for(condition: Callable[[], object], *, seconds: float = START_SECONDS, what: str = "it") -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(GLANCE_SECONDS)
