"""The service: engine, worker and HTTP edge in one process, until it is told to stop.

It listens before it opens anything, so that a taken port is said at once, and answers when everything is open. SIGTERM
and SIGINT drain: no new requests, the current ones and the worker's current steps end, then connections and servers.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import secrets
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

import structlog
import uvicorn

from payonce.api.listening import BoundedHttp, doors
from payonce.base.errors import Unavailable
from payonce.base.ids import spell
from payonce.engine import Payonce
from payonce.installation import PLACE_FILE, Installation, reachable
from payonce.kept_secret import kept_secret
from payonce.usecases.effect_handlers import EffectCall

log = structlog.get_logger(__name__)

# In the data directory.
API_KEY_FILE: Final = "api_key"
KEY_BYTES: Final = 20
# How many more objects than before there may be until the youngest are looked through, and how many such looks make one
# at the next older ones. A group of webhooks holds some thousands while it is decided; Python's 700 look at it ten
# times and find nothing, because hardly anything is a circle but what errors leave behind.
_YOUNG_OBJECTS: Final = 5_000
_LOOKS: Final = 10
# A database that is started together with the service, or fails over, is there within a minute.
START_PATIENCE_SECONDS: Final = 60.0
_START_PAUSE_SECONDS: Final = 0.5
# Requests that are under way when the service is told to stop: a click may wait 20 s for another one's call.
REQUESTS_DRAIN_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a running service is, for the block that it prints."""

    url: str
    installation: Installation
    api_key_where: str
    # The simulators by `provider/account`.
    simulators: Mapping[str, str]
    database: str


def with_api_key(installation: Installation) -> tuple[Installation, str]:
    """The installation with a first API key, and where a person finds it: what is printed ends up in logs, so a key is
    shown only when it was just made. A made one is kept in the data directory, so that it stays the same."""
    if installation.api_key is not None:
        return installation, "as PAYONCE_API_KEY says"
    path = installation.data_dir / API_KEY_FILE
    is_new = not path.exists()
    key = kept_secret(path, lambda: f"pok_{spell(secrets.token_bytes(KEY_BYTES))}")
    where = f"{key}  (made just now, kept in {path})" if is_new else f"kept in {path}"
    return replace(installation, api_key=key), where


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises Unavailable `port_taken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Unavailable(
            f"nothing can listen on {host}:{port}: {_why(error)}",
            code="port_taken",
            hint="Something else uses it. Choose another one, such as: payonce serve --port 9000",
        ) from error
    listener.set_inheritable(False)
    return listener


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


async def serve(installation: Installation, listener: socket.socket, ready: Callable[[Place], None]) -> None:
    """Serve until a signal; `ready` is told where everything is once it answers. Raises what the start raises."""
    installation, key_where = with_api_key(installation)
    host, port = listener.getsockname()[:2]
    local_url = f"http://{reachable(host)}:{port}"
    if installation.base_url.endswith(":0"):
        installation = replace(installation, base_url=local_url)
    engine = _engine_of(installation)
    stopping = asyncio.Event()
    with told_to_stop(stopping):
        starting = asyncio.create_task(started(engine, stopping, local_url=local_url))
        await _first(starting, stopping)
        if not stopping.is_set():
            await starting
            served = {f"{each.account.provider}/{each.account.account}": each.url for each in engine.simulations}
            database = "embedded" if installation.database_url is None else "DATABASE_URL"
            place = Place(local_url, installation, key_where, served, database)
            _note(place)
            calm_collector()
            await _answer(engine, listener, stopping, lambda: ready(place))
        log.info("stopping")
        await asyncio.gather(starting, return_exceptions=True)
        await engine.aclose()
        log.info("stopped")


def _engine_of(installation: Installation) -> Payonce:
    """The engine of a process that is configured by settings."""
    engine = Payonce(installation=installation, shop=installation.is_simulated)
    if installation.is_simulated:
        # What the demo shop sells, so that its third counter has something to count.
        engine.effect("ticket", on="order.paid", on_unknown="resend")(_hand_out)
    return engine


def _hand_out(effect: EffectCall) -> str:
    """Deliver what the demo shop sells: a ticket that nobody checks."""
    return f"ticket of {effect.order['reference']}"


def _note(place: Place) -> None:
    """Write down where the service is, for commands that are run beside it. They manage without."""
    told = {"base_url": place.installation.base_url, "simulators": dict(place.simulators)}
    try:
        (place.installation.data_dir / PLACE_FILE).write_text(json.dumps(told) + "\n", "utf-8")
    except OSError as error:
        log.warning("place_not_noted", reason=str(error))


def calm_collector() -> None:
    """Leave what was loaded at the start out of every look for circles of objects, and look seldom. A look through all
    that a service has loaded takes as long as answering a hundred requests, and every one of them waits for it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _LOOKS, _LOOKS)


def drive(work: Coroutine[Any, Any, None]) -> None:
    """Run a process's work to its end, on uvloop where it is installed: its sockets cost half of asyncio's own."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        # Windows has none, and an environment without the extra runs as well.
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work)


async def work(installation: Installation, engine: Payonce | None = None) -> None:
    """Work until a signal, without answering requests. `engine`: the application's own, whose functions deliver."""
    engine = engine or _engine_of(installation)
    stopping = asyncio.Event()
    with told_to_stop(stopping):
        try:
            if await started(engine, stopping, simulator=False):
                calm_collector()
                log.info("working", jobs=[lane.job.name for lane in engine.worker().lanes])
                await stopping.wait()
                log.info("stopping")
        finally:
            await engine.aclose()


async def started(
    engine: Payonce, stopping: asyncio.Event, *, patience_seconds: float = START_PATIENCE_SECONDS, **how: Any
) -> bool:
    """Start the engine (`how`: as its `start`), and again while its database does not answer; False when told to stop
    meanwhile. Raises what the start raises, the database's silence once it has lasted for `patience_seconds`.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while not stopping.is_set():
        try:
            await engine.start(**how)
        except Unavailable as error:
            if error.code != "store_unavailable" or loop.time() >= deadline:
                raise
            log.warning("database_awaited", reason=error.hint)
        else:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _START_PAUSE_SECONDS)
    return False


@contextmanager
def told_to_stop(stopping: asyncio.Event) -> Iterator[None]:
    """Set `stopping` at SIGTERM and SIGINT; a second SIGINT ends the process as it is used to."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        stopping.set()
        if number is signal.SIGINT:
            loop.remove_signal_handler(signal.SIGINT)

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _first(task: asyncio.Task[Any], event: asyncio.Event) -> None:
    """Return when either has happened."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _answer(
    engine: Payonce, listener: socket.socket, stopping: asyncio.Event, answering: Callable[[], None]
) -> None:
    """Answer requests until told to stop, then let those that are under way end."""
    mounted = engine.asgi()
    config = uvicorn.Config(
        mounted,
        # uvicorn calls it as it calls a class.
        http=cast(type[asyncio.Protocol], partial(BoundedHttp, refusal=mounted.refusal)),
        # The engine is started and stopped here, so that its errors are told in our own words.
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=REQUESTS_DRAIN_SECONDS,
        # Addresses are taken from the connection; which proxy is believed is the edge's setting.
        proxy_headers=False,
    )
    server = _Server(config, answering)
    running = asyncio.create_task(server.serve(sockets=doors(listener)))
    await _first(running, stopping)
    server.should_exit = True
    await running


class _Server(uvicorn.Server):
    """Says when it answers, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config, answering: Callable[[], None]) -> None:
        super().__init__(config)
        self._answering = answering

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._answering()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
