"""Two use cases on real PostgreSQL, stepped from boundary to boundary of their transactions as a schedule says.

Each runs in a thread of its own over one connection of its own, and stops before BEGIN, before each round trip, before
COMMIT and after it. One that waits for a lock of the other is seen in the server's own tables, and left waiting.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from payonce.base.errors import PayonceError
from payonce.drivers.chance import SystemChance
from payonce.drivers.stepping import run_to_end
from payonce.drivers.transaction import Moment
from payonce.store.database import Limits
from payonce.usecases.world import World
from tests.support.house import House
from tests.support.poor import database_of
from tests.support.waiting import DEADLINE_SECONDS

Work = Callable[[World], Coroutine[Any, Any, Any]]
# How often the server is asked whether somebody waits for a lock. Only speed depends on it.
LOOK_SECONDS = 0.002


class Stage:
    """Where puppets meet: one lock for all of them, and a connection that watches theirs."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.news = threading.Condition()
        self._watcher = psycopg.connect(house._database_url, autocommit=True)

    def close(self) -> None:
        """Let the watching connection go."""
        self._watcher.close()

    def waits_for_a_lock(self, name: str) -> bool:
        """Whether the puppet's connection waits for a lock that another connection holds."""
        found = self._watcher.execute(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND cardinality(pg_blocking_pids(pid)) > 0",
            [name],
        )
        return found.fetchone() is not None


class Puppet:
    """One use case in a thread, which goes on only when it is told to."""

    def __init__(self, stage: Stage, name: str, work: Work, limits: Limits) -> None:
        self.name = name
        self.outcome: Any = None
        self.moments: list[str] = []
        self.is_over = False
        self.is_paused = False
        self._stage = stage
        self._may_go = False
        url = make_conninfo(stage.house._database_url, application_name=name)
        self._database = database_of(
            url, clock=stage.house.clock, chance=SystemChance(), connections=1, limits=limits, observer=self._observe
        )
        self._world = replace(stage.house.world, database=self._database)
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the thread, which is over, and close its connection."""
        self._thread.join(DEADLINE_SECONDS)
        self._database.close()

    def go_on(self) -> None:
        """Let it run to its next boundary. To be called with the stage's lock held."""
        self.is_paused, self._may_go = False, True
        self._stage.news.notify_all()

    def _run(self) -> None:
        try:
            self.outcome = run_to_end(self._work(self._world))
        except PayonceError as error:
            self.outcome = error
        except BaseException as error:
            self.outcome = error
            raise
        finally:
            with self._stage.news:
                self.is_over = True
                self._stage.news.notify_all()

    async def _observe(self, moment: Moment) -> None:
        with self._stage.news:
            self.moments.append(f"{moment.transaction}:{moment.stage}:{moment.run}")
            self.is_paused = True
            self._stage.news.notify_all()
            arrived = self._stage.news.wait_for(lambda: self._may_go, DEADLINE_SECONDS)
            assert arrived, f"{self.name} was never told to go on"
            self._may_go = False


# Which of the puppets that can go on does so; `done` counts the steps of each so far.
Choose = Callable[[list[Puppet], dict[str, int]], Puppet]


def play(
    house: House, first: Work, second: Work, choose: Choose, limits: Limits | None = None
) -> tuple[Puppet, Puppet]:
    """Run both to their end as `choose` says; what became of them is their `outcome`."""
    with ExitStack() as stack:
        stage = Stage(house)
        stack.callback(stage.close)
        limits = limits or Limits()
        puppets = [Puppet(stage, "puppet-a", first, limits), Puppet(stage, "puppet-b", second, limits)]
        for puppet in puppets:
            stack.callback(puppet.close)
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


def _settled(stage: Stage, puppets: list[Puppet]) -> list[Puppet]:
    """Wait until each is over, stands at a boundary, or waits for a lock; those that stand at a boundary."""
    for _ in range(int(DEADLINE_SECONDS / LOOK_SECONDS)):
        with stage.news:
            running = [one for one in puppets if not one.is_over and not one.is_paused]
            ready = [one for one in puppets if one.is_paused and not one.is_over]
            if not running:
                return ready
            stage.news.wait(LOOK_SECONDS)
        # When nobody stands at a boundary, the server ends the deadlock by itself.
        if ready and all(stage.waits_for_a_lock(one.name) for one in running if not one.is_over and not one.is_paused):
            return ready
    raise AssertionError(f"nobody goes on: {[(one.name, one.moments[-3:]) for one in puppets]}")


def preempted_at(step: int) -> Choose:
    """The first goes `step` steps, then the second to its end or to a lock, then the first again."""

    def choose(ready: list[Puppet], done: dict[str, int]) -> Puppet:
        names = {puppet.name: puppet for puppet in ready}
        wanted = "puppet-a" if done["puppet-a"] < step else "puppet-b"
        return names.get(wanted) or ready[0]

    return choose


def at_random(seed: int) -> Choose:
    """Whoever the dice say goes next."""
    dice = random.Random(seed)
    return lambda ready, done: dice.choice(ready)
