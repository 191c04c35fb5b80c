"""Look whether the simulation finds planted bugs; run as a module, all of them, with whole seeds.

`python -m tests.planted.look --report PATH` writes what came of each. Exit code 1 when one of `BUGS` was not found.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.planted.bugs import BUGS, UNPROVEN, Bug
from tests.project.tree import ROOT
from tests.support.databases import running_server
from tests.support.reports import write_report

# Most are found by the first seeds, and the first violation ends the run. Much goes wrong on stormy days only, so that
# all seeds play such.
LAST_SEED: Final = 50
# What a plant that was never run raises: it breaks the program and no promise, so that finding it proves nothing.
_CLUMSY: Final = ("TypeError", "NameError", "AttributeError", "ImportError", "SyntaxError", "UnboundLocalError")


@dataclass(frozen=True, slots=True)
class Looked:
    """What the simulation said of a planted bug: which promise broke in which seed; no seed where none did."""

    name: str
    seed: int | None = None
    promise: str = ""
    detail: str = ""

    @property
    def is_found(self) -> bool:
        return self.seed is not None


def look(bug: Bug, folder: Path, database_url: str, *, whole: bool = True) -> Looked:
    """Play seeds on a copy of the source with the bug in it, up to the first broken promise. Not `whole`: first only
    the story that is known to meet it, which takes a second. Raises AssertionError where the plant broke the program.
    """
    copy = folder / "src" / "payonce"
    shutil.copytree(ROOT / "src" / "payonce", copy, ignore=shutil.ignore_patterns("__pycache__"))
    bug.plant(copy)
    if bug.alone and not whole:
        found = _play(bug, folder, database_url, f"{bug.first}:{bug.first}", "--stories", bug.alone)
        if found.is_found:
            return found
    return _play(bug, folder, database_url, f"{bug.first}:{LAST_SEED}")


def _play(bug: Bug, folder: Path, database_url: str, seeds: str, *more: str) -> Looked:
    report = folder / "report.json"
    command = [
        sys.executable, "-m", "payonce.simulation", "--seeds", seeds, "--day", "storm", "--fast", *more,
        "--provider", "tests.simulation.stripe:adapter", "--database-url", database_url, "--report", str(report),
    ]  # fmt: skip
    here = {**os.environ, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{ROOT}"}
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=here, check=False)
    assert run.returncode in (0, 1) and report.exists(), f"{bug.name}: {run.stdout}{run.stderr[-3000:]}"
    return looked(bug.name, json.loads(report.read_text("utf-8"))["violations"])


def looked(name: str, violations: Sequence[dict[str, Any]]) -> Looked:
    """What the first violation says. Raises AssertionError where it is an error that any run of the plant meets."""
    if not violations:
        return Looked(name)
    first = violations[0]
    assert not first["ref"].startswith(_CLUMSY), f"{name} breaks the program and no promise: {first}"
    return Looked(name, first["seed"], first["promise"], f"{first['ref']}: {first['detail']}"[:300])


def figures(found: Sequence[Looked], unproven: Sequence[Looked], seconds: float) -> dict[str, Any]:
    """What the report says. `unproven` are those that nobody says are found."""
    count = sum(one.is_found for one in found)
    return {
        "summary": f"{count} of {len(found)} planted bugs found, {seconds:.0f} s",
        "found": count, "planted": len(found), "seeds": LAST_SEED,
        "missed": [one.name for one in found if not one.is_found],
        "bugs": [asdict(one) for one in found], "unproven": [asdict(one) for one in unproven],
    }  # fmt: skip


def main() -> int:
    """Look for every bug; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted.look", description="Look for the planted bugs.")
    parser.add_argument("--only", default="", metavar="WORD", help="only bugs whose names contain it")
    parser.add_argument("--report", type=Path, help="where to write the figures as JSON")
    asked = parser.parse_args()
    began = time.perf_counter()
    with running_server() as server, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        one = partial(_look_and_say, database_url=server.server.dsn("postgres"))
        found = list(pool.map(one, [bug for bug in BUGS if asked.only in bug.name]))
        told = figures(found, [], time.perf_counter() - began)
        write_report(asked.report, told)
        # Whoever does not wait for those that nobody says are found has the others' report.
        unproven = list(pool.map(one, [bug for bug in UNPROVEN if asked.only in bug.name]))
    told |= {"unproven": [asdict(one) for one in unproven]}
    write_report(asked.report, told)
    sys.stdout.write(told["summary"] + "\n")
    return 1 if told["missed"] else 0


def _look_and_say(bug: Bug, database_url: str) -> Looked:
    with tempfile.TemporaryDirectory() as folder:
        found = look(bug, Path(folder), database_url)
    said = f"seed {found.seed}: {found.promise}" if found.is_found else "NOT FOUND"
    sys.stderr.write(f"{bug.name}: {said}\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
