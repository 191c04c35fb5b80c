"""The limits of runs are settings: caps for each job and the breaker's numbers, each with a person's reason."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from payonce.app import check_start
from payonce.base.errors import Refused
from payonce.domain.breaker import Breaker, Caps, Limits
from payonce.drivers.clock import SystemClock
from payonce.installation import of_settings
from payonce.jobs.timetable import MOST_MESSAGES, MOST_ROWS, TIMETABLE, timetable
from payonce.settings import Settings, load
from payonce.settings_limits import NUMBERS
from payonce.usecases.doctor_limits import limits_checks
from tests.support.house import House
from tests.support.runs import lane_of

WHY = 'reason = "r", who = "linh", when = 2026-11-30'
SHIPPED = {job.name: Caps(job.most_rows, job.most_messages) for job in TIMETABLE}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing in it, where the process is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(elsewhere: Path, text: str) -> Settings:
    """The settings of a file with this text, as a start checks them."""
    (elsewhere / "payonce.toml").write_text(text)
    settings = load(environ={"PAYONCE_SIMULATE": "true"})
    check_start(of_settings(settings), SystemClock())
    return settings


def test_without_a_word_the_shipped_limits_hold(elsewhere: Path) -> None:
    """A14, A19: caps of the timetable, ten times the usual."""
    assert read(elsewhere, "").limits == Limits()
    assert {(job.most_rows, job.most_messages) for job in timetable({}) if job.name == "close"} == {
        (MOST_ROWS, MOST_MESSAGES)
    }


def test_a_cap_and_the_breaker_are_decided_with_a_reason(elsewhere: Path) -> None:
    """A14, A19: and the reason is kept with them."""
    settings = read(
        elsewhere, f"[limits.close]\nrows = {{ value = 7, {WHY} }}\n[limits.breaker]\nfactor = {{ value = 3, {WHY} }}\n"
    )
    assert settings.limits == Limits({"close": Caps(7)}, Breaker(factor=3))
    assert [each.because for each in settings.decided_limits] == ["r (decided by linh on 2026-11-30)"] * 2
    [close] = [job for job in timetable({}, caps=settings.limits.caps) if job.name == "close"]
    assert (close.most_rows, close.most_messages) == (7, MOST_MESSAGES)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("limits = 5\n", "setting_invalid", "write [limits.JOB]"),
        ("[limits.close]\nrows = 7\n", "setting_invalid", "a limit has value, reason, who, when"),
        ('[limits.close]\nrows = { value = 7, reason = "r" }\n', "setting_invalid", "does not say who, when"),
        (f"[limits.close]\nrows = {{ value = 0, {WHY} }}\n", "setting_invalid", "a whole number from 1 to 1,000,000"),
        (f"[limits.close]\nrows = {{ value = true, {WHY} }}\n", "setting_invalid", "a whole number"),
        (f"[limits.close]\nrow = {{ value = 7, {WHY} }}\n", "setting_unknown", "there is no row in [limits.close]"),
        (f"[limits.closing]\nrows = {{ value = 7, {WHY} }}\n", "job_unknown", "there is no job 'closing' to cap"),
        (f"[limits.deliver]\nrows = {{ value = 7, {WHY} }}\n", "setting_invalid", "it is a worker"),
        (f"[limits.expire]\nmessages = {{ value = 7, {WHY} }}\n", "setting_invalid", "it tells nobody"),
        (f"[limits.breaker]\nfactor = {{ value = 1, {WHY} }}\n", "setting_invalid", "from 2 to 1,000"),
        (f"[limits.breaker]\nleast_runs = {{ value = 21, {WHY} }}\n", "setting_invalid", "more than most_runs"),
        (f"[limits.close]\nrows = {{ value = 7, {WHY}, why = 1 }}\n", "setting_invalid", "has 'why'"),
    ],
)
def test_what_is_no_limit_or_nobody_stands_for_is_refused(elsewhere: Path, text: str, code: str, says: str) -> None:
    """A14: a limit that is misspelt would hold nothing."""
    with pytest.raises(Refused) as refused:
        read(elsewhere, text)
    assert (refused.value.code, says in refused.value.message) == (code, True), refused.value.message


def test_the_doctor_warns_of_limits_that_hold_nothing() -> None:
    """A14, A19: a cap far beyond the shipped one, and a breaker that never trips."""
    wide = Limits({"close": Caps(500_000), "payout": Caps(None, 4_000)}, Breaker(factor=500))
    said = limits_checks(wide, SHIPPED)
    assert [check.health for check in said] == ["warning", "warning"]
    assert "500,000 orders" in said[0].says and "500 times" in said[1].says
    [fine] = limits_checks(Limits({"close": Caps(30_000)}), SHIPPED)
    assert (fine.health, "close" in fine.says) == ("ok", True)


def test_the_numbers_of_a_world_hold_for_its_runs(house: House) -> None:
    """A19: what a run may do is weighed by the installation's own numbers."""
    assert {each.name for each in fields(Breaker)} == set(NUMBERS)
    assert lane_of(house, "close").hand.world.breaker == Breaker()
