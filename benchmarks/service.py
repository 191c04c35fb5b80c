"""The real service as its command starts it: `payonce serve`, one process or several on one database."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.letters import API_KEY, SECRET
from benchmarks.load import Plan, Result
from benchmarks.place import cpu_seconds
from payonce.jobs.timetable import NAMES

ROOT: Final = Path(__file__).parents[1]
KEY: Final = "key_of_the_benchmark_1234567890"
READY_SECONDS: Final = 60.0
# Nobody listens there: what is owed is measured by itself (`drain`), and here it is only owed.
NOWHERE: Final = "http://127.0.0.1:9/told"
# Nor there: nothing of a benchmark leaves this machine.
NOWHERE_API: Final = "http://127.0.0.1:9"
SIGNING: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**own: str) -> dict[str, str]:
    """This process's, without what would configure the service or libpq, and with `own`."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PAYONCE_", "PG", "DATABASE"))}
    return {**kept, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **own}


def only(*jobs: str) -> dict[str, str]:
    """Switches that leave nothing running but `jobs`."""
    return {name: "off" for name in NAMES if name not in jobs}


def switches(*jobs: str) -> dict[str, str]:
    """The same for a process's environment."""
    return {f"PAYONCE_JOB_{name.upper()}": said for name, said in only(*jobs).items()}


@contextmanager
def payonce(database: str | None, processes: int = 1, **own: str) -> Iterator[list[Process]]:
    """So many processes of the service, ready; without jobs unless `own` says so."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="payonce-bench-service-")))
        folder.chmod(0o711)
        yield [stack.enter_context(_serve(folder, database, number, own)) for number in range(processes)]


@contextmanager
def _serve(folder: Path, database: str | None, number: int, own: dict[str, str]) -> Iterator[Process]:
    port = free_port()
    told = {
        "PAYONCE_DATA_DIR": str(folder / f"data{number}"), "PAYONCE_API_KEY": KEY,
        "PAYONCE_BASE_URL": f"http://127.0.0.1:{port}", "PAYONCE_STRIPE_API_KEY": API_KEY,
        "PAYONCE_STRIPE_WEBHOOK_SECRET": SECRET, "PAYONCE_STRIPE_API_BASE": NOWHERE_API,
        "PAYONCE_STRIPE_FLOW": "payment_intent",
        "PAYONCE_PAY_PAGE_URL": "https://shop.example/pay/{token}",
        "PAYONCE_WEBHOOK_URL": NOWHERE, "PAYONCE_WEBHOOK_SECRET": SIGNING,
        **({"DATABASE_URL": database} if database else {}), **own,
    }  # fmt: skip
    if not any(name.startswith("PAYONCE_JOB_") for name in own):
        told |= switches()
    words = [sys.executable, "-m", "payonce.cli.main", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with running(words, folder, environment(**told), port, "/readyz") as process:
        yield process


class Process:
    """A server process that answers."""

    def __init__(self, popen: subprocess.Popen[bytes], port: int, log: Path, ready_seconds: float) -> None:
        self.popen = popen
        self.port = port
        self.log = log
        self.ready_seconds = ready_seconds

    def resident_mb(self) -> float:
        """Memory that the process holds now."""
        fields = Path(f"/proc/{self.popen.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in fields if line.startswith("VmRSS"))

    def cpu_seconds(self) -> float:
        """Time of the processors that it and its children took."""
        return cpu_seconds(self.popen.pid)


@contextmanager
def running(words: Sequence[str], folder: Path, told: dict[str, str], port: int, ready: str) -> Iterator[Process]:
    """A server process from when `ready` answers below 500 until the end of the block."""
    log = folder / f"service-{port}.log"
    began = time.perf_counter()
    with log.open("ab") as out:
        popen = subprocess.Popen(words, cwd=folder, env=told, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _wait(popen, f"http://127.0.0.1:{port}{ready}", log)
        yield Process(popen, port, log, time.perf_counter() - began)
    finally:
        popen.send_signal(signal.SIGTERM)
        try:
            popen.wait(30)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


def _wait(popen: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline, said = time.monotonic() + READY_SECONDS, ""
    while time.monotonic() < deadline and popen.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status < 500:
                    return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
            said = error.read().decode(errors="replace")
        except OSError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"the service does not answer:\n{said}\n{log.read_text()[-3000:]}")


def play(plan: Plan) -> Result:
    """Let the load generator play a plan in its own process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)), env=environment(), cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the load could not be played: {done.stderr[-1500:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return Result(**told)
