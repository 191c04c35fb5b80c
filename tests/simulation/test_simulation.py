"""The simulation itself: the same seed is the same run, parts stay what they were, and no seed breaks a promise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from payonce.simulation.people import Person
from tests.project.tree import ROOT
from tests.simulation.conftest import Playing

# Stormy days and rushes; `make soak SEEDS=first:last` plays as many as one likes.
SEEDS = "1:5"


def test_of_a_seed_played_twice_every_step_is_the_same(play: Playing) -> None:
    first, second = play(3, size=12, day="storm"), play(3, size=12, day="storm")
    assert first.digest == second.digest
    assert first.orders >= 12


def test_of_a_rush_played_twice_every_step_is_the_same(play: Playing) -> None:
    first, second = play(3, size=3, day="rush"), play(3, size=3, day="rush")
    assert (first.day, first.violations) == ("rush", ())
    assert first.digest == second.digest
    assert first.orders >= 30


def test_another_seed_is_another_run(play: Playing) -> None:
    assert play(3, size=5, day="storm").digest != play(4, size=5, day="storm").digest


def test_without_its_faults_a_seed_is_calm(play: Playing) -> None:
    calm = play(3, size=8, day="storm", faults=[])
    assert (calm.happened, calm.violations) == ((), ())


def test_of_a_story_told_alone_nothing_else_is_left(play: Playing) -> None:
    alone = play(3, size=12, day="storm", stories=["s04"])
    assert alone.stories == ("s04",)
    assert alone.violations == ()


def test_whoever_comes_back_by_an_old_link_is_let_pay(play: Playing) -> None:
    """L6, D2: orders that merely expired are opened again by those who come in the calm, so that all are paid."""
    late = play(2, day="storm", stories=["s29", "s30"])
    assert late.violations == ()
    assert late.arrows["order", "closed", "reopened", "open"] == 2
    assert late.arrows["order", "open", "covered", "paid"] == 2


def test_a_person_who_cannot_go_on_is_told_of(play: Playing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever fails checks nothing any more, and a run without its checks must not pass for a good one."""
    monkeypatch.setattr(Person, "buyer", _stumble)
    stumbled = play(3, size=3, day="storm")
    assert [broken.promise for broken in stumbled.violations] == ["no error of ours"]
    assert "he stumbled" in stumbled.violations[0].ref


async def _stumble(person: Person) -> None:
    raise ValueError("he stumbled")


def test_seeds_break_no_promise() -> None:
    accounts = [f"--provider=tests.simulation.{name}:adapter" for name in ("stripe", "zalopay", "nowpayments")]
    command = [sys.executable, "-m", "payonce.simulation", "--seeds", SEEDS, *accounts]
    here = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=here, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert ", 0 violations" in run.stdout.splitlines()[-1]
