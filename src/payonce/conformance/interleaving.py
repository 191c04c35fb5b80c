"""Two use cases on a real database, stepped from boundary to boundary of their transactions as a schedule says.

Each runs in a thread of its own over one connection of its own, and stops before BEGIN, before each round trip, before
COMMIT and after it. One that waits for a lock of the other is seen in the server's own tables, and left waiting; on an
engine without such tables, whoever is quiet for a while is taken for one. Only what is tried depends on that guess.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, Final

import psycopg

from payonce.base.errors import Bug, ensure
from payonce.drivers.connecting import conninfo
from payonce.drivers.stepping import run_to_end
from payonce.drivers.transaction import Moment, Observer
from payonce.store.database import Limits
from payonce.usecases.world import World

Work = Callable[[World], Coroutine[Any, Any, Any]]
# A world over one connection of that name, watched by the observer, and what lets it go.
OpenWorld = Callable[[str, Observer], tuple[World, Callable[[], None]]]
# How often the server is asked whether somebody waits for a lock. Only speed depends on it.
LOOK_SECONDS: Final = 0.002
# Who is quiet for so long waits, where the server cannot say; a round trip takes a hundredth of it.
QUIET_SECONDS: Final = 0.5
# Where the server can say, its word counts, and this is only for a statement that nobody can explain.
QUIET_ANYWAY_SECONDS: Final = 20.0
# Far above what anything here takes; reached only when somebody hangs.
DEADLINE_SECONDS: Final = 180.0


class Abandoned(BaseException):
    """The play was broken off: whoever waits ends here, as a process that dies."""


class Stage:
    """Where puppets meet: one lock for all of them, and a connection that watches theirs."""

    def __init__(self, dsn: str) -> None:
        self.news = threading.Condition()
        self.is_abandoned = False
        self._quiet_seconds = QUIET_ANYWAY_SECONDS
        self._watcher = psycopg.connect(conninfo(dsn, Limits()), autocommit=True, prepare_threshold=None)

    def close(self) -> None:
        """Let the watching connection go, and whoever still stands at a boundary."""
        with self.news:
            self.is_abandoned = True
            self.news.notify_all()
        self._watcher.close()

    def waits_for_a_lock(self, puppet: Puppet) -> bool:
        """Whether the puppet's connection waits for a lock that another connection holds."""
        return self._is_blocked(puppet.name) or time.monotonic() - puppet.went_on_at > self._quiet_seconds

    def _is_blocked(self, name: str) -> bool:
        if self._quiet_seconds == QUIET_SECONDS:
            return False
        try:
            found = self._watcher.execute(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND cardinality(pg_blocking_pids(pid)) > 0",
                [name],
            )
            return found.fetchone() is not None
        except psycopg.Error:
            # No such tables here: from now on by patience.
            self._quiet_seconds = QUIET_SECONDS
            return False


class Puppet:
    """One use case in a thread, which goes on only when it is told to."""

    def __init__(self, stage: Stage, name: str, work: Work, open_world: OpenWorld) -> None:
        self.name = name
        self.outcome: Any = None
        self.moments: list[str] = []
        # Where it was seen to wait for a lock: its own last boundary, and at which boundary the other one stood.
        self.waits: list[tuple[str, int]] = []
        self.is_over = False
        self.is_paused = False
        self.went_on_at = time.monotonic()
        self._stage = stage
        self._may_go = False
        self._world, self._close = open_world(name, self._observe)
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the thread, which is over or abandoned, and close its connection."""
        self._thread.join(DEADLINE_SECONDS)
        self._close()

    def go_on(self) -> None:
        """Let it run to its next boundary. To be called with the stage's lock held."""
        self.is_paused, self._may_go = False, True
        self.went_on_at = time.monotonic()
        self._stage.news.notify_all()

    def _run(self) -> None:
        try:
            self.outcome = run_to_end(self._work(self._world))
        except BaseException as error:
            # Whatever it is, whoever plays judges it.
            self.outcome = error
        finally:
            with self._stage.news:
                self.is_over = True
                self._stage.news.notify_all()

    async def _observe(self, moment: Moment) -> None:
        with self._stage.news:
            self.moments.append(f"{moment.transaction}:{moment.stage}:{moment.run}")
            self.is_paused = True
            self._stage.news.notify_all()
            arrived = self._stage.news.wait_for(lambda: self._may_go or self._stage.is_abandoned, DEADLINE_SECONDS)
            if self._stage.is_abandoned:
                raise Abandoned
            ensure(arrived, f"{self.name} was never told to go on")
            self._may_go = False


# Which of the puppets that can go on does so; `done` counts the steps of each so far.
Choose = Callable[[list[Puppet], dict[str, int]], Puppet]


def interleave(dsn: str, open_world: OpenWorld, first: Work, second: Work, choose: Choose) -> tuple[Puppet, Puppet]:
    """Run both to their end as `choose` says; what became of them is their `outcome`."""
    with ExitStack() as stack:
        stage = Stage(dsn)
        puppets: list[Puppet] = []
        stack.callback(_close, puppets)
        stack.callback(stage.close)
        for name, work in (("puppet-a", first), ("puppet-b", second)):
            puppets.append(Puppet(stage, name, work, open_world))
        done = {puppet.name: 0 for puppet in puppets}
        while True:
            ready = _settled(stage, puppets)
            if not ready:
                break
            chosen = choose(ready, done)
            done[chosen.name] += 1
            with stage.news:
                chosen.go_on()
        return puppets[0], puppets[1]


def _close(puppets: list[Puppet]) -> None:
    for puppet in puppets:
        puppet.close()


def _settled(stage: Stage, puppets: list[Puppet]) -> list[Puppet]:
    """Wait until each is over, stands at a boundary, or waits for a lock; those that stand at a boundary."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        with stage.news:
            running = [one for one in puppets if not one.is_over and not one.is_paused]
            if running:
                stage.news.wait(LOOK_SECONDS)
            # Looked at again, for whoever was running may stand at a boundary by now.
            running = [one for one in puppets if not one.is_over and not one.is_paused]
            ready = [one for one in puppets if one.is_paused and not one.is_over]
        if not running:
            return ready
        # When nobody stands at a boundary, the server ends the deadlock by itself.
        if ready and all(stage.waits_for_a_lock(one) for one in running):
            for one in running:
                one.waits.append((one.moments[-1], len(ready[0].moments) - 1))
            return ready
    raise Bug(f"nobody goes on: {[(one.name, one.moments[-3:]) for one in puppets]}")


def preempted_at(step: int) -> Choose:
    """The first goes `step` steps, then the second to its end or to a lock, then the first again."""

    def choose(ready: list[Puppet], done: dict[str, int]) -> Puppet:
        names = {puppet.name: puppet for puppet in ready}
        wanted = "puppet-a" if done["puppet-a"] < step else "puppet-b"
        return names.get(wanted) or ready[0]

    return choose


def at_random(seed: int) -> Choose:
    """Whoever the dice say goes next."""
    dice = random.Random(seed)  # nosec B311
    return lambda ready, done: dice.choice(ready)
