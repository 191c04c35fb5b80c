"""The command line in this process, over a test's own database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from payonce.cli import main
from payonce.cli.common import said

# The account of the house, as an operator would configure it.
HOUSE = {
    "PAYONCE_STRIPE_API_KEY": "sk_test_house_1234567890",
    "PAYONCE_STRIPE_WEBHOOK_SECRET": "whsec_of_the_house_1234567890",
    "PAYONCE_STRIPE_API_BASE": "http://127.0.0.1:9",
}


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it said, as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error that it said as JSON."""
        return json.loads(self.err)["error"]


Payonce = Callable[..., Answer]


@pytest.fixture
def payonce(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Payonce:
    """Run a command: `payonce("orders", "list")`."""
    monkeypatch.chdir(tmp_path)
    for name, value in {**HOUSE, "DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)

    def command(*words: str) -> Answer:
        said.config = said.app = None
        capfd.readouterr()
        code = main.run(words)
        told = capfd.readouterr()
        return Answer(code, told.out, told.err)

    return command
