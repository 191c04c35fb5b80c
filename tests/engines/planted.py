"""Engines that are worse than PostgreSQL: what is said to them is changed on its way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from payonce.conformance.ground import Ground
from payonce.conformance.sessions import Session
from payonce.drivers.pipeline import Pipeline, Reply
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.wrapped_lines import WrappedLine, WrappedLines
from payonce.simulation.run import STORIES
from payonce.store.database import Call
from tests.simulation.stripe import adapter

# How long a planted fault is waited for where it shows by silence; nothing else takes so long here.
DEADLINE_SECONDS = 2.0
# How long somebody who waits is looked at, and how long an answer may take that surely comes.
PATIENCE_SECONDS = 0.2
DEADLINE_OF_ANSWERS = 120.0
_LOCKS = re.compile(r"\s+FOR UPDATE(\s+OF\s+[\w, ]+?)?(\s+SKIP\s+LOCKED)?\s*$")


@dataclass(frozen=True, slots=True)
class Plant:
    """What is wrong with an engine: words that it does not take as they are meant, what each session is told first,
    and what becomes of connections before each round trip.
    """

    words: Sequence[tuple[str, str]] = ()
    first: Sequence[str] = ()
    before: str = ""
    # Whether it answers where others wait: an answer that comes late must not be taken for none.
    never_waits: bool = False
    # Whether it knows no locks of rows.
    never_locks: bool = False

    def say(self, text: str) -> str:
        """The statement as the engine takes it."""
        for meant, taken in self.words:
            text = text.replace(meant, taken)
        return _LOCKS.sub("", text) if self.never_locks else text


class _Session(Session):
    def __init__(self, dsn: str, plant: Plant) -> None:
        patience = DEADLINE_OF_ANSWERS if plant.never_waits else PATIENCE_SECONDS
        super().__init__(dsn, patience_seconds=patience, deadline_seconds=DEADLINE_SECONDS)
        self._plant = plant
        for text in plant.first:
            self.connection.execute(text.encode())

    def spoken(self, text: str) -> str:
        return self._plant.say(text)


class _Line(WrappedLine):
    def __init__(self, line: Pipeline, plant: Plant) -> None:
        super().__init__(line)
        self._plant = plant

    async def exchange(self, calls: Sequence[Call], *, patience_seconds: float | None = None) -> list[Reply]:
        connection: Any = self.connection
        if self._plant.before:
            connection.execute(self._plant.before)
        said = [(replace(query, sql=self._plant.say(query.sql)), params) for query, params in calls]
        return await self.line.exchange(said, patience_seconds=patience_seconds)


class PlantedGround(Ground):
    """A ground whose engine has a fault."""

    def __init__(
        self, dsn: str, plant: Plant, *, seeds: Sequence[int] = (), size: int = STORIES, every: int = 1
    ) -> None:
        super().__init__(dsn, adapter, seeds, size, every)
        self._plant = plant

    def session(self) -> Session:
        """A session of that engine."""
        return _Session(self.dsn, self._plant)

    def database(self, **choices: Any) -> SyncDatabase:
        """The port, over lines of that engine."""
        database = super().database(**choices)
        database._lines = WrappedLines(database._lines, lambda line: _Line(line, self._plant))
        return database


def run_beside(dsn: str, *texts: str) -> None:
    """Change the database under everybody."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for text in texts:
            connection.execute(text.encode())
