"""The tests are tested: each planted bug is found by the simulation within fifty seeds, by what it checks anyway."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.planted.bugs import BUGS, UNPROVEN, Bug
from tests.planted.look import look
from tests.project.tree import ROOT
from tests.support.databases import TestServer


def test_every_planted_bug_has_its_place_in_the_source(tmp_path: Path) -> None:
    for number, bug in enumerate((*BUGS, *UNPROVEN)):
        source = tmp_path / str(number) / bug.file
        source.parent.mkdir(parents=True)
        shutil.copy(ROOT / "src" / "payonce" / bug.file, source)
        bug.plant(tmp_path / str(number))


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path, postgres: TestServer) -> None:
    run = look(bug, tmp_path, postgres.server.dsn("postgres"))
    assert run.returncode == 1, run.stdout + run.stderr
    assert "violations" in run.stdout and ", 0 violations" not in run.stdout, run.stdout + run.stderr
