"""What is said of the last long runs is what they measured; what was not run is said not to be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.project import long_run
from tests.project.tree import ROOT

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
    soak = long_run.figures(long_run.RUNS[0], SOAK)
    told = long_run.text({"soak": soak})
    assert "| `make soak` | simulated orders | 1,000,000 | 2,500 | 1 % of it |" in told
    assert "|  | violations | 0 | 1 | MISSED |" in told
    assert "* `make soak`: 3 seeds; 2 processors." in told
    assert "| W1 | a webhook is delivered twice | 7,000 |" in told


def test_a_run_that_left_no_report_is_not_spoken_of_by_an_older_one(tmp_path: Path) -> None:
    kept, page = tmp_path / "kept.json", tmp_path / "page.md"
    kept.write_text("{}")
    page.write_text(f"before\n{long_run._BEGIN}{long_run._END}after\n")
    (tmp_path / "soak.json").write_text(json.dumps(SOAK))
    assert long_run.main(["soak"], tmp_path, kept, page) == 0
    assert json.loads(kept.read_text())["soak"]["measured"]["simulated orders"] == 2_500
    assert "| 2,500 |" in page.read_text() and page.read_text().startswith("before\n")
    (tmp_path / "soak.json").unlink()
    assert long_run.main(["soak"], tmp_path, kept, page) == 1
    assert json.loads(kept.read_text()) == {} and "2,500" not in page.read_text()


def test_a_limit_that_is_not_kept_is_missed() -> None:
    gap = long_run.Measure("gap", long_run.count("gap"), 1, is_limit=True)
    assert (gap.judged(0.9), gap.judged(1.1)) == ("kept", "MISSED")
