"""What the first screen says runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2

from payonce.testing.serving import free_port
from tests.support.waiting import DEADLINE_SECONDS, until

README = Path(__file__).parents[2] / "README.md"


def test_the_program_of_the_readme_runs_and_serves(tmp_path: Path) -> None:
    program = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert program is not None and len([line for line in program[1].splitlines() if line]) <= 10
    (tmp_path / "my_shop.py").write_text(program[1])
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "my_shop:app", "--port", str(port), "--log-level", "warning"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAYONCE_")}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            until(lambda: _is_ready(port), what=f"the program: {(tmp_path / 'log').read_text()}")
        finally:
            process.terminate()


def test_every_page_that_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=DEADLINE_SECONDS).status_code == 200
    except httpx2.HTTPError:
        return False
