"""`payonce jobs`: what runs by itself, seen and stopped from the command line."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.jobs.timetable import NAMES, TIMETABLE
from payonce.usecases.register_jobs import register_jobs
from tests.cli.conftest import Payonce
from tests.support.frames import Rows, drive, job, lane, step
from tests.support.house import House


@pytest.fixture
def known(house: House) -> House:
    """A house whose jobs are registered, as by a service that was started once."""
    house.run(register_jobs(house.world, [each.facts for each in TIMETABLE]))
    return house


def counts(house: House) -> Any:
    """All rows that any job or switch could have changed."""
    tables = ("jobs", "job_runs", "switches", "switch_changes", "orders", "attempts", "effects", "audit")
    return [sorted(house.rows(f"SELECT t::text FROM {table} AS t")) for table in tables]


def test_jobs_are_listed_and_shown(payonce: Payonce, known: House) -> None:
    """A15: how each stands, and its last runs."""
    assert [each["name"] for each in payonce("jobs", "list", "--json").json] == sorted(NAMES)
    assert "close\t1h\twaiting" in payonce("jobs", "list").out
    drive(known, [lane(known, job(Rows(3).use, name="close"))], 5)
    [run] = payonce("jobs", "runs", "close", "--json").json
    assert (run["state"], run["taken"], run["started_by"]) == ("done", 3, "timetable")
    assert "took up 3 rows" in payonce("jobs", "show", run["id"]).out
    shown = payonce("jobs", "show", "close", "--json").json
    assert shown["runs"] == [run] and shown["state"] == "waiting"
    assert "open orders that nobody pays" in payonce("jobs", "show", "close").out


def test_a_job_is_paused_and_resumed(payonce: Payonce, known: House) -> None:
    """A10: a command is one of its switches, and the reason is kept."""
    assert payonce("jobs", "pause", "close", "--reason", "INC-4").code == 0
    [close] = [each for each in payonce("jobs", "list", "--json").json if each["name"] == "close"]
    assert (close["state"], close["paused_by"]["reason"]) == ("paused", "INC-4")
    rows = Rows(5)
    step(lane(known, job(rows.use, name="close")))
    assert rows.taken == []
    told = payonce("jobs", "run", "close", "--json")
    assert (told.code, told.error["code"]) == (1, "job_paused")
    assert payonce("jobs", "resume", "close", "--reason", "mended", "--json").json["off"] is False
    step(lane(known, job(rows.use, name="close")))
    assert rows.taken == list(range(5))
    assert "pause  (INC-4)" in payonce("jobs", "show", "close").out


def test_all_and_messages_are_switches_too(payonce: Payonce, known: House) -> None:
    """A10: one stops everything, one all messages but named kinds."""
    assert payonce("jobs", "pause", "all", "--reason", "INC-4").code == 0
    assert {each["state"] for each in payonce("jobs", "list", "--json").json} == {"paused"}
    told = payonce("jobs", "pause", "messages", "--allow", "receipt", "--reason", "wrong text", "--json")
    assert told.json["allow"] == ["receipt"]


def test_an_interval_is_set_and_a_job_retired(payonce: Payonce, known: House) -> None:
    """A15: without a deploy."""
    assert (
        payonce("jobs", "set", "close", "--every", "5m", "--reason", "a bad day", "--json").json["every_seconds"] == 300
    )
    assert "every 1h" in payonce("jobs", "set", "close", "--every", "timetable", "--reason", "over").out
    assert payonce("jobs", "retire", "close", "--reason", "not needed", "--json").json["state"] == "retired"
    assert payonce("jobs", "run", "close", "--json").error["code"] == "job_retired"
    assert payonce("jobs", "revive", "close", "--reason", "needed", "--json").json["state"] == "waiting"


def test_a_job_is_run_once_by_hand(payonce: Payonce, known: House) -> None:
    """A1, A20: the same run as by itself, with a row that says who asked."""
    order = known.place()
    known.pay(known.checkout(order))
    known.rows("UPDATE attempts SET asked_at = '2020-01-01', created_at = '2020-01-01' RETURNING 1")
    told = payonce("jobs", "run", "expire", "--once", "--json").json
    assert (told["job"], told["state"], told["slot_at"]) == ("expire", "done", None)
    assert "command line" in told["started_by"]


def test_a_dry_run_says_what_it_would_take_up_and_changes_nothing(payonce: Payonce, known: House) -> None:
    """S17: no outside call, and a database that does not let it write."""
    order = known.place()
    known.pay(known.checkout(order))
    known.deliver_owed()
    known.checkout(known.place("fee:left"))
    known.rows("UPDATE orders SET opened_at = '2020-01-01' WHERE state = 'open' RETURNING 1")
    known.rows("UPDATE effects SET due_at = '2020-01-01' RETURNING 1")
    before, calls = counts(known), len(known.stripe.calls)
    would = payonce("jobs", "run", "close", "--dry", "--json").json["default"]
    assert len(would["rows"]) == 1 and would["messages"] == 0
    would = payonce("jobs", "run", "deliver", "--dry", "--json").json["default"]
    assert len(would["rows"]) == 2 and would["messages"] == 1
    for name in NAMES:
        assert payonce("jobs", "run", name, "--dry").code == 0, name
    assert (counts(known), len(known.stripe.calls)) == (before, calls)


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("pause", "close", "--reason", " "), 2, "reason_missing"),
        (("pause", "nothing", "--reason", "x"), 2, "switch_unknown"),
        (("set", "close", "--every", "soon", "--reason", "x"), 2, "interval_invalid"),
        (("set", "close", "--every", "0", "--reason", "x"), 2, "interval_invalid"),
        (("show", "nothing"), 2, "job_unknown"),
        (("runs", "nothing"), 2, "job_unknown"),
        (("run", "nothing"), 2, "job_unknown"),
        (("run", "close", "--once", "--dry"), 2, "setting_invalid"),
        (("show", "run_00000000000000000000000000"), 1, "run_unknown"),
        (("pause", "close", "--allow", "x", "--reason", "x"), 2, "allow_invalid"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    payonce: Payonce, known: House, words: tuple[str, ...], code: int, error: str
) -> None:
    """A10: no switch without a reason, and none that switches nothing."""
    before = counts(known)
    told = payonce("jobs", *words, "--json")
    assert (told.code, told.error["code"]) == (code, error)
    assert counts(known) == before


def test_a_pause_without_a_reason_is_wrong_usage(payonce: Payonce, known: House) -> None:
    """A10: the reason cannot be left out."""
    assert payonce("jobs", "pause", "close").code == 2
