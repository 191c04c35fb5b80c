"""A process that is kept running: started, killed, stopped where it stands, let go on, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.project.tree import ROOT
from tests.support.waiting import DEADLINE_SECONDS


class Kept:
    """`python -m words…`, with its own log in `folder`."""

    def __init__(self, folder: Path, name: str, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._folder, self._name, self._words = folder, name, words
        kept = {word: text for word, text in os.environ.items() if not word.startswith(("PAYONCE_", "PG", "DATABASE"))}
        here = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        self._environment = {**kept, **here, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with (self._folder / f"{self._name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._words], cwd=self._folder, env=self._environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more."""
        self._send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it does not notice that time goes by."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self.is_running and self._process is not None:
            self._process.terminate()
            self._process.wait(DEADLINE_SECONDS)

    def log(self) -> str:
        """The end of what it printed."""
        path = self._folder / f"{self._name}.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def _send(self, number: signal.Signals) -> None:
        if self.is_running and self._process is not None:
            self._process.send_signal(number)
