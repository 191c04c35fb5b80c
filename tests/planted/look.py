"""Look whether the simulation finds a planted bug; run as a module, those that it is not known to find."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.planted.bugs import UNPROVEN, Bug
from tests.project.tree import ROOT
from tests.support.databases import running_server

# Most are found by the first seeds, and the first violation ends the run. Much goes wrong on stormy days only, so that
# all seeds play such.
LAST_SEED = 50


def look(bug: Bug, folder: Path, database_url: str) -> subprocess.CompletedProcess[str]:
    """Play the seeds on a copy of the source with the bug in it; 1 is returned where a promise broke."""
    copy = folder / "src" / "payonce"
    shutil.copytree(ROOT / "src" / "payonce", copy, ignore=shutil.ignore_patterns("__pycache__"))
    bug.plant(copy)
    command = [
        sys.executable, "-m", "payonce.simulation", "--seeds", f"{bug.first}:{LAST_SEED}", "--day", "storm", "--fast",
        "--provider", "tests.simulation.stripe:adapter", "--database-url", database_url,
    ]  # fmt: skip
    here = {**os.environ, "PYTHONPATH": f"{copy.parent}{os.pathsep}{ROOT}"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=here, check=False)


def main() -> None:
    """Say of each bug that is not known to be found whether it is."""
    with running_server() as server:
        for bug in UNPROVEN:
            with tempfile.TemporaryDirectory() as folder:
                found = look(bug, Path(folder), server.server.dsn("postgres")).returncode == 1
            print(f"{'found' if found else 'NOT FOUND':<10} {bug.name}", flush=True)


if __name__ == "__main__":
    main()
