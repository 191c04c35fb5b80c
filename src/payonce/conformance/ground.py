"""Where the checks work: the sessions, the databases and the provider's account that they are handed.

Everything that a check does goes through here, so that a test can put another engine under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg.conninfo import make_conninfo

from payonce.base.clock import Clock
from payonce.conformance.sessions import Session
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.transaction import Observer, unobserved
from payonce.providers.contract import Adapter
from payonce.simulation.run import STORIES

# The account that is paid through, made from the secret that its webhooks are signed with.
AdapterOf = Callable[[str], Adapter]


@dataclass(slots=True)
class Ground:
    """One empty database of ours. `seeds` are played by the simulation, with `size` stories each."""

    dsn: str
    adapter_of: AdapterOf
    seeds: Sequence[int] = ()
    size: int = STORIES
    # Races and losses strike at each such boundary: 1 is every one.
    every: int = 1
    # What the engine said of itself.
    version: str = field(default="", init=False)
    # The ids of what the attacks are aimed at.
    names: dict[str, Any] = field(default_factory=dict, init=False)

    @contextmanager
    def sessions(self, number: int) -> Iterator[list[Session]]:
        """So many plain connections."""
        with ExitStack() as stack:
            made: list[Session] = []
            for _ in range(number):
                made.append(self.session())
                stack.callback(made[-1].close)
            yield made

    def session(self) -> Session:
        """A plain connection."""
        return Session(self.dsn)

    def database(
        self, *, name: str = "payonce", clock: Clock | None = None, observer: Observer = unobserved
    ) -> SyncDatabase:
        """The port as the service has it; `name` is what the engine calls its connections."""
        return SyncDatabase(
            named(self.dsn, name), clock=clock or BlockingClock(), chance=SystemChance(), connections=2,
            observer=observer,
        )  # fmt: skip


def named(dsn: str, name: str) -> str:
    """The address, with the name by which the server's own tables know who connects."""
    return make_conninfo(dsn, application_name=name)
