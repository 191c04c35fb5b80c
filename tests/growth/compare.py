"""The same questions of two databases, one with ten times the past of the other, and what they read there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from tests.growth.events import pages_of_a_payment
from tests.growth.large import make
from tests.growth.questions import asked
from tests.support.databases import TestServer

TIMES: Final = 10
# A question may read that many times as much behind ten times the past, or up to so many pages: indexes get a level
# more, and a few hundred rows that are looked up one by one may have been read at once where there were few.
MOST_TIMES: Final = 3.0
MOST_PAGES: Final = 800
# A payment reads what its statements do; indexes that are a level deeper are what may be dearer.
MOST_TIMES_OF_A_PAYMENT: Final = 1.5
PAYMENT: Final = "a payment, from its order to its settlement"


@dataclass(frozen=True, slots=True)
class Grown:
    """What a question read, in pages, before and after the tables grew."""

    name: str
    before: float
    after: float

    @property
    def is_bounded(self) -> bool:
        """Whether it does not grow with the tables."""
        if self.name == PAYMENT:
            return self.after <= MOST_TIMES_OF_A_PAYMENT * self.before
        return self.after <= max(MOST_TIMES * self.before, MOST_PAGES)


def drop_index(url: str, name: str) -> None:
    """Take an index away, so that the question that lives from it must be seen to grow."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))


def grown(small: str, large: str) -> list[Grown]:
    """What each question and a payment read in both databases."""
    there, here = asked(small), asked(large)
    questions = [Grown(name, there[name], here[name]) for name in sorted(here)]
    return [Grown(PAYMENT, pages_of_a_payment(small), pages_of_a_payment(large)), *questions]


@contextmanager
def filled(server: TestServer, orders: int, days: float) -> Iterator[str]:
    """The address of a database with that many orders, sold evenly over these days."""
    name = server.create(server.template())
    make(server.server.dsn(name), orders, days)
    yield server.server.dsn(name)
    server.drop(name)
