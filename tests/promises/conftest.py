"""Promises are shown on a whole house, and every house is looked over when its test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.promises.soundness import assert_sound
from tests.support.databases import TestServer
from tests.support.house import House

Build = Callable[..., House]


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """A whole payonce whose payers use the provider's page; sound when the test ends."""
    built = House(database_url)
    yield built
    assert_sound(built)
    built.close()


@pytest.fixture
def build(postgres: TestServer) -> Iterator[Build]:
    """Make a house of one's own choice (`flow`, `policy`, `transport`, …); sound when the test ends."""
    made: list[tuple[House, str]] = []

    def make(**choices: Any) -> House:
        name = postgres.create(postgres.template())
        built = House(postgres.server.dsn(name), **choices)
        made.append((built, name))
        return built

    yield make
    for built, name in made:
        assert_sound(built)
        built.close()
        postgres.drop(name)
