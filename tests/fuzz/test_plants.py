"""The fuzzer is tested as well: what it counts of a planted mistake is told of, and a mistake that it misses too."""

from __future__ import annotations

import json
import multiprocessing
import random
from pathlib import Path

import pytest

from tests.fuzz.__main__ import PLANT_RUNS, figures, not_reported, wrong_with
from tests.fuzz.one import EVERY, Tally, Trial
from tests.fuzz.plants import EXPECTED, PLANTS

RUNS = 2 * EVERY


def _try(name: str, report: str) -> None:
    """As `tests.fuzz.one` does it, with inputs of chance."""
    chance, trial = random.Random(7), Trial(PLANTS[name](), RUNS, Path(report))
    for _ in range(RUNS):
        trial.once(chance.randbytes(chance.randrange(40)))


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_mistake_is_told_of(name: str, tmp_path: Path) -> None:
    """In a process of its own, because memory is counted by the process."""
    report = tmp_path / "report.json"
    process = multiprocessing.get_context("spawn").Process(target=_try, args=(name, str(report)))
    process.start()
    process.join()
    tally = Tally(**json.loads(report.read_text("utf-8")))
    assert wrong_with(tally, RUNS) == [EXPECTED[name]]


def test_a_fuzzer_that_says_nothing_of_a_plant_is_told_of() -> None:
    silent = dict.fromkeys(PLANTS, Tally(inputs=PLANT_RUNS))
    assert not_reported(silent, PLANT_RUNS) == [*EXPECTED]
    told = figures({"json": Tally(inputs=100, memory=50.0)}, 100, 1.0, ["plant_grows"])
    assert "2 of 3 planted mistakes reported" in told["summary"]


def test_a_target_that_ended_early_is_told_of() -> None:
    assert wrong_with(Tally(inputs=50), 100) == ["ended early"]
    assert wrong_with(Tally(inputs=100, memory_early=30.0, memory=40.0), 100) == []
