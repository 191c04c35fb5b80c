"""The tests are tested: each planted bug is found by the simulation within fifty seeds, by what it checks anyway."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.planted.bugs import BUGS, UNPROVEN, Bug
from tests.planted.look import Looked, figures, look, looked
from tests.project.tree import ROOT
from tests.support.databases import TestServer

# What a sceptic should find in every run of the tests.
LEAST_BUGS: Final = 25


def test_there_are_many_planted_bugs_and_every_one_has_its_place_in_the_source(tmp_path: Path) -> None:
    assert len(BUGS) >= LEAST_BUGS
    assert len({bug.name for bug in (*BUGS, *UNPROVEN)}) == len(BUGS) + len(UNPROVEN)
    for number, bug in enumerate((*BUGS, *UNPROVEN)):
        source = tmp_path / str(number) / bug.file
        source.parent.mkdir(parents=True)
        shutil.copy(ROOT / "src" / "payonce" / bug.file, source)
        bug.plant(tmp_path / str(number))


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path, postgres: TestServer) -> None:
    assert look(bug, tmp_path, postgres.server.dsn("postgres"), whole=False).is_found


def test_a_plant_that_breaks_the_program_is_not_taken_for_one_that_is_found() -> None:
    violation = {
        "seed": 3,
        "promise": "no error of ours",
        "ref": "TypeError: it takes 2",
        "detail": "",
        "at_seconds": 1,
    }
    with pytest.raises(AssertionError, match="breaks the program"):
        looked("a plant", [violation])
    assert looked("a plant", [violation | {"promise": "S2", "ref": "order 1"}]) == Looked(
        "a plant", 3, "S2", "order 1: "
    )


def test_a_bug_that_is_not_found_is_counted() -> None:
    told = figures([Looked("one", 3, "S2", ""), Looked("another")], [Looked("a third")], 2.0)
    assert (told["found"], told["planted"], told["missed"]) == (1, 2, ["another"])
    assert told["summary"].startswith("1 of 2 planted bugs found")
