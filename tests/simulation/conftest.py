"""Playing seeds inside a test: `play(17, stories=["s03"], faults=[…])`, as a failure that was made small prints it.

How many orders were played stands in the summary of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias

import pytest

from payonce.simulation.run import Outcome, play
from payonce.simulation.server import one_line, prepare
from tests.simulation.stripe import adapter

Playing: TypeAlias = Callable[..., Outcome]
SIMULATED_ORDERS: Final = "simulated orders"


@pytest.fixture(name="play")
def _play(database_url: str) -> Iterator[Playing]:
    """Play a seed, or a part of it, on a database of its own."""
    prepare(database_url)
    with one_line(database_url) as line:
        playing: Any = partial(_on, line)
        yield playing


def _on(line: Any, seed: int, adapters: Any = adapter, **less: Any) -> Outcome:
    return play(seed, line, adapters, **less)
