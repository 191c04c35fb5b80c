"""The service as a process of its own, started by its command, and callers of its API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from payonce.testing.serving import free_port
from tests.support.waiting import DEADLINE_SECONDS, until

API_KEY = "key_of_the_tests_1234567890"
STRIPE_KEY = "sk_test_of_the_tests_1234567890"
STRIPE_SECRET = "whsec_of_the_tests_1234567890"


class Service:
    """`payonce serve` on the loopback interface, with an embedded database in `folder` unless the environment says
    else.
    """

    def __init__(self, folder: Path, *, port: int | None = None, **environment: str) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PAYONCE_DATA_DIR": str(folder / "data"), "PAYONCE_API_KEY": API_KEY, "PAYONCE_BASE_URL": self.base_url,
        } | environment  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Service:
        """Start it and wait until it is ready."""
        log = (self.folder / "service.log").open("ab")
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PAYONCE_", "PG", "DATABASE"))
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "payonce.cli.main", "serve", "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=self.folder, env=kept | self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        until(self.is_ready, what=lambda: f"the service; see {self.folder}/service.log:\n{self.log()[-2000:]}")
        return self

    def is_ready(self) -> bool:
        """Whether /readyz answers 200. Fails the test when the process ended."""
        assert self._process is not None
        assert self._process.poll() is None, f"the service ended:\n{self.log()[-3000:]}"
        try:
            return httpx2.get(f"{self.base_url}/readyz", timeout=DEADLINE_SECONDS).status_code == 200
        except httpx2.HTTPError:
            return False

    def memory_bytes(self) -> int:
        """What the process holds in memory now (its resident set)."""
        assert self._process is not None
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self._process.pid)], capture_output=True, text=True, check=True
        )
        return int(told.stdout) * 1024

    def cpu_seconds(self) -> int:
        """Processor time that the process took until now, in whole seconds."""
        assert self._process is not None
        told = subprocess.run(
            ["ps", "-o", "time=", "-p", str(self._process.pid)], capture_output=True, text=True, check=True
        )
        # [days-][hours:]minutes:seconds, with hundredths on some systems.
        days, _, clock = told.stdout.strip().rpartition("-")
        seconds = 0.0
        for part in clock.split(":"):
            seconds = seconds * 60 + float(part)
        return int(days or 0) * 86_400 + int(seconds)

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more, no finally block, no flush."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it does not notice that time goes by."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(DEADLINE_SECONDS)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the CLI on the same installation."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PAYONCE_", "PG", "DATABASE"))
        }
        return subprocess.run(
            [sys.executable, "-m", "payonce.cli.main", *words],
            cwd=self.folder, env=kept | self.environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
        )  # fmt: skip

    def log(self) -> str:
        """What it printed."""
        path = self.folder / "service.log"
        return path.read_text(errors="replace") if path.exists() else ""


class Caller:
    """Calls the API as an application would: every POST with an Idempotency-Key, again until it is answered."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx2.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=DEADLINE_SECONDS
        )

    def post(self, path: str, body: Mapping[str, Any], key: str) -> httpx2.Response:
        """POST once."""
        return self._client.post(path, json=dict(body), headers={"Idempotency-Key": key})

    def post_until(self, path: str, body: Mapping[str, Any], key: str, *, seconds: float = 120) -> dict[str, Any]:
        """POST until the answer is 2xx with a body that is final; 503, 409 `running` and silence are tried again."""
        deadline = time.monotonic() + seconds
        last: object = None
        while time.monotonic() < deadline:
            try:
                answer = self.post(path, body, key)
            except httpx2.HTTPError as error:
                last = error
            else:
                last = (answer.status_code, answer.text[:300])
                if answer.status_code in (200, 201):
                    return dict(answer.json())
                if answer.status_code < 500 and answer.status_code not in (202, 409, 429):
                    raise AssertionError(f"{path}: {last}")
                if answer.status_code == 409 and answer.json().get("code") == "order_paid":
                    return dict(answer.json())
            time.sleep(0.2)
        raise AssertionError(f"{path}: {last}")

    def get(self, path: str) -> dict[str, Any] | None:
        """GET; None where there is no answer now."""
        try:
            answer = self._client.get(path)
        except httpx2.HTTPError:
            return None
        return dict(answer.json()) if answer.status_code == 200 else None
