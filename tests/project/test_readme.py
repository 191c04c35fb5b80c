"""What the first screen says runs as it stands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from payonce.testing.serving import free_port
from tests.support.processes import naming, send
from tests.support.waiting import DEADLINE_SECONDS, until

README = Path(__file__).parents[2] / "README.md"
# One question; who does not answer is asked again.
ASKED_SECONDS = 10.0


def test_the_program_of_the_readme_runs_and_serves(tmp_path: Path) -> None:
    program = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert program is not None and len([line for line in program[1].splitlines() if line]) <= 10
    (tmp_path / "my_shop.py").write_text(program[1])
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "my_shop:app", "--port", str(port), "--log-level", "warning"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PAYONCE_", "PG", "DATABASE"))}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=kept, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        until(lambda: _is_ready(process, port, log), what=lambda: f"the program: {log.read_text()}")
    finally:
        _end(process, tmp_path)


def test_every_page_that_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target


def _is_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, f"the program ended: {log.read_text()}"
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=ASKED_SECONDS).status_code == 200
    except httpx2.HTTPError:
        return False


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Tell it to end, and wait. One whose start never ends does not hear that, and is killed with its database."""
    process.terminate()
    try:
        process.wait(DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        send([process.pid, *naming(str(folder))], signal.SIGKILL)
        process.wait(DEADLINE_SECONDS)
        raise
