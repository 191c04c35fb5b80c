"""Fixtures of all tests: `database_url` is an empty database with the whole schema, `database` the port to it.

The port needs no event loop: `run_to_end(database.transaction(work, name="test"))`. `PAYONCE_TESTS_REPORT` is a file
for how many tests passed and failed, where a target of make wants to know.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import structlog

from payonce.drivers.postgres_sync import SyncDatabase
from tests.support.clocks import HandClock, SeededChance
from tests.support.databases import TestServer, running_server
from tests.support.house import House
from tests.support.reports import write_report

# What tests count (`record_property`): the word, and where. The tests themselves fail where a count says something bad.
COUNTED: Final = {"simulated orders": "rushes", "crash points": "flows", "bad inputs": "tests"}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how much was tried, and write how many tests there were, where that is asked for. It stands here because
    pytest asks no conftest of a folder below in a run of everything.
    """
    _say_counts(terminalreporter)
    if path := os.environ.get("PAYONCE_TESTS_REPORT"):
        stats = terminalreporter.stats
        names = [report.nodeid for word in ("failed", "error") for report in stats.get(word, [])]
        write_report(Path(path), {"passed": len(stats.get("passed", [])), "failed": names})


def _say_counts(terminalreporter: Any) -> None:
    reports = [report for word in ("passed", "failed") for report in terminalreporter.stats.get(word, [])]
    told = [dict(getattr(report, "user_properties", ())) for report in reports]
    for name, where in COUNTED.items():
        numbers = [properties[name] for properties in told if name in properties]
        if numbers:
            terminalreporter.write_line(f"{name}: {sum(numbers)} in {len(numbers)} {where}")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that a test runs configures the process's logs; the next test begins without that."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestServer]:
    """A PostgreSQL server of this process."""
    with running_server() as server:
        yield server


@pytest.fixture
def blank_url(postgres: TestServer) -> Iterator[str]:
    """The address of a database with nothing in it."""
    name = postgres.create()
    yield postgres.server.dsn(name)
    postgres.drop(name)


@pytest.fixture
def database_url(postgres: TestServer) -> Iterator[str]:
    """The address of a database with the whole schema and no rows."""
    name = postgres.lend()
    yield postgres.server.dsn(name)
    postgres.take_back(name)


@pytest.fixture
def clock() -> HandClock:
    """A clock that only the test moves."""
    return HandClock()


@pytest.fixture
def chance() -> SeededChance:
    """Randomness that is the same in every run."""
    return SeededChance()


@pytest.fixture
def database(database_url: str, clock: HandClock, chance: SeededChance) -> Iterator[SyncDatabase]:
    """The port to a fresh database with the whole schema."""
    with SyncDatabase(database_url, clock=clock, chance=chance) as port:
        yield port


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """A whole payonce in one thread, with a simulated Stripe whose payers use the provider's page."""
    built = House(database_url)
    yield built
    built.close()
