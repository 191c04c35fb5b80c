"""What is said of the last long runs is what they measured; what was not run is said not to be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from payonce.simulation.report import Report
from tests import conftest
from tests.attacks import test_overload
from tests.attacks.overload import Came
from tests.crash import __main__ as crash
from tests.crash.enumeration import Tally as Lives
from tests.failover import patroni, scripted
from tests.fuzz import __main__ as fuzz
from tests.fuzz.one import Tally as Inputs
from tests.growth import __main__ as growth
from tests.growth.compare import PAYMENT, Grown
from tests.planted import look
from tests.project import long_run
from tests.project.tree import ROOT
from tests.soak import __main__ as soak
from tests.support.reports import write_report

SOAK: dict[str, Any] = {
    "seeds": [1, 2, 3], "orders": 2_500, "faults": {"W1": {"what": "a webhook is delivered twice", "times": 7_000}},
    "violations": [{"promise": "S1"}], "processors": 2,
}  # fmt: skip


def test_the_page_of_guarantees_says_what_the_last_runs_measured() -> None:
    kept = json.loads(long_run.KEPT.read_text("utf-8"))
    page = long_run.PAGE.read_text("utf-8")
    assert long_run.written(page, kept) == page, "run `python -m tests.project.long_run`"


def test_every_target_that_takes_hours_has_its_figures() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    [block] = re.findall(r"^LONG_RUNS := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert block.replace("\\", " ").split() == [run.name for run in long_run.RUNS]


def test_what_was_not_run_is_said_not_to_be_and_a_part_is_called_one() -> None:
    nothing = long_run.text({})
    assert nothing.count("not run") == sum(len(run.measures) for run in long_run.RUNS)
    soak = long_run.figures(long_run.RUNS[0], SOAK, "2026-12-01")
    told = long_run.text({"soak": [soak]})
    assert "| `make soak` | simulated orders | 1,000,000 | 2,500 | 1 % of it |" in told
    assert "|  | violations | 0 | 1 | MISSED |" in told
    assert "* `make soak`: on 2026-12-01, seeds 1 to 3; 2 processors." in told
    assert "| W1 | a webhook is delivered twice | 7,000 |" in told


def test_runs_that_were_added_are_added_up_and_counted() -> None:
    [run] = [run for run in long_run.RUNS if run.name == "soak-kills"]
    report: dict[str, Any] = {
        "minutes": 100.0, "lost": 0, "wrong": [], "troubles": {"a": 1}, "orders": 5, "acknowledged": 9, "processors": 2,
    }  # fmt: skip
    evenings = [long_run.figures(run, report, f"2026-12-0{day}") for day in (1, 2)]
    soaks = [long_run.figures(long_run.RUNS[0], SOAK | {"seeds": [seed]}, "2026-12-01") for seed in (1, 2)]
    told = long_run.text({"soak": soaks, "soak-kills": evenings})
    assert "| `make soak-kills` | minutes of random kills and stops | 240 | 200 | 83 % of it |" in told
    evening = "1 kills and stops, 5 orders, 9 acknowledged; 2 processors"
    assert f"`make soak-kills`, 2 runs added up: on 2026-12-01, {evening}. Then on 2026-12-02, {evening}." in told
    assert "| `make soak` | simulated orders | 1,000,000 | 5,000 | 1 % of it |" in told
    assert "| W1 | a webhook is delivered twice | 14,000 |" in told


def test_of_several_runs_the_worst_limit_counts() -> None:
    for run in long_run.RUNS:
        for measure in run.measures:
            if measure.is_limit and measure.target:
                assert measure.joined([1.0, 2.0]) == 2.0, measure.what


def test_seeds_are_added_once(tmp_path: Path) -> None:
    kept, page = tmp_path / "kept.json", tmp_path / "page.md"
    kept.write_text("{}")
    page.write_text(f"{long_run._BEGIN}{long_run._END}")

    def keep(*seeds: int) -> int:
        (tmp_path / "soak.json").write_text(json.dumps(SOAK | {"seeds": seeds}))
        return long_run.main(["soak"], True, tmp_path, kept, page)

    assert [keep(1, 2), keep(3), keep(2, 3), keep(4)] == [0, 0, 1, 0]
    assert "| 7,500 |" in page.read_text()


def test_a_run_that_left_no_report_is_not_spoken_of_by_an_older_one(tmp_path: Path) -> None:
    kept, page = tmp_path / "kept.json", tmp_path / "page.md"
    kept.write_text("{}")
    page.write_text(f"before\n{long_run._BEGIN}{long_run._END}after\n")
    (tmp_path / "soak.json").write_text(json.dumps(SOAK))
    assert long_run.main(["soak"], False, tmp_path, kept, page) == 0
    assert json.loads(kept.read_text())["soak"][0]["measured"]["simulated orders"] == 2_500
    assert "| 2,500 |" in page.read_text() and page.read_text().startswith("before\n")
    (tmp_path / "soak.json").unlink()
    assert long_run.main(["soak"], False, tmp_path, kept, page) == 1
    assert json.loads(kept.read_text()) == {} and "2,500" not in page.read_text()


def test_a_limit_that_is_not_kept_is_missed() -> None:
    gap = long_run.Measure("gap", long_run.count("gap"), 1, is_limit=True)
    assert (gap.judged(0.9), gap.judged(1.1)) == ("kept", "MISSED")


@pytest.fixture(name="reports")
def _reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the report of every run, as each writes it."""
    monkeypatch.setattr(test_overload, "REPORT", str(tmp_path / "overload.json"))
    monkeypatch.setenv("PAYONCE_TESTS_REPORT", str(tmp_path / "poor.json"))
    Report([], 1.0).write(tmp_path / "soak.json")
    found = [look.Looked("one", 3, "S2", ""), look.Looked("another")]
    write_report(tmp_path / "planted.json", look.figures(found, [], 1.0))
    crash._say({"a flow": Lives(points=7, second=2, broken=["a life"])}, 1.0, tmp_path / "crash.json")
    failed = [SimpleNamespace(nodeid="tests/a.py::test_b")]
    conftest.pytest_terminal_summary(SimpleNamespace(stats={"passed": [1, 2], "failed": failed, "error": failed}))
    inputs = Inputs(inputs=90, accepted=1, exceptions=2, memory=50.0)
    write_report(tmp_path / "fuzz.json", fuzz.figures({"json": inputs}, 90, 1.0, ["plant_grows"]))
    came = Came(sent=600, seconds=6.0, in_time={"read": 480}, statuses={"200": 500}, wrong=["a 500"])
    test_overload._report(came, came, 1.5, 0, 3)
    grown = [Grown(PAYMENT, 600.0, 650.0), Grown("a question", 4.0, 4000.0)]
    write_report(tmp_path / "growth.json", growth.figures(grown, 500_000))
    kill = scripted.Kill(60, 1, 0, 0, 0.4, 0.1)
    write_report(tmp_path / "failover.json", scripted.figures([kill, kill], 9.0))
    trouble = patroni.Outcome("switch_over", 90, {"events": ["evt_1"]}, 1, 4.0, 20.0, "")
    write_report(tmp_path / "patroni.json", patroni.figures([trouble], ["charged twice"], 60.0))
    told = soak.Told(90.0, gaps=[1.0], acknowledged=40, orders=9, lost={"events": ["evt_1"]})
    write_report(tmp_path / "soak-kills.json", soak.figures(told, 180.0))
    return tmp_path


def test_every_report_holds_what_the_page_says_of_it(reports: Path) -> None:
    kept, page = reports / "kept.json", reports / "page.md"
    kept.write_text("{}")
    page.write_text(f"{long_run._BEGIN}{long_run._END}")
    assert long_run.main([run.name for run in long_run.RUNS], False, reports, kept, page) == 0
    measured = {name: told[0]["measured"] for name, told in json.loads(kept.read_text()).items()}
    assert [*measured] == [run.name for run in long_run.RUNS]
    assert measured["planted"] == {"planted bugs found": 1, "planted bugs missed": 1}
    assert measured["crash"] == {"crash points": 7, "of them in recovery": 2, "lives that went wrong": 1}
    assert measured["poor"] == {"tests on a poorer database": 2, "of them failed": 2}
    assert [*measured["fuzz"].values()] == [90, 1, 2, 0, 1]
    assert [*measured["overload"].values()] == [6, 1, 1.0, 1.0, 1.5]
    assert [*measured["growth"].values()] == [1, 5_000_000, 1]
    assert [*measured["failover"].values()] == [2, 2, 0, 0.4]
    assert [*measured["patroni"].values()] == [1, 1, 1, 4.0]
    assert [*measured["soak-kills"].values()] == [1.5, 1, 0]
    assert "not run" not in page.read_text()


def test_the_summary_of_a_run_says_how_much_was_tried() -> None:
    """What README and guarantees.md send a reader to: the sums over all tests of a run, failed ones included."""

    def report(**properties: int) -> SimpleNamespace:
        return SimpleNamespace(
            user_properties=[(name.replace("_", " "), number) for name, number in properties.items()]
        )

    said: list[str] = []
    stats = {
        "passed": [report(simulated_orders=600), report(bad_inputs=7), report()],
        "failed": [report(simulated_orders=400), report(crash_points=90)],
    }
    conftest.pytest_terminal_summary(SimpleNamespace(stats=stats, write_line=said.append))
    assert said == ["simulated orders: 1000 in 2 rushes", "crash points: 90 in 1 flows", "bad inputs: 7 in 1 tests"]
