"""The FastAPI example as a process of its own, paid at the Stripe simulator through signed webhooks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from payonce.providers.simulator.serve import serve_in_thread
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.testing.serving import free_port
from tests.project.tree import ROOT
from tests.support.waiting import DEADLINE_SECONDS, until

SECRET = "whsec_of_the_example_1234567890"


class Club:
    """The example, running beside a simulated Stripe."""

    def __init__(self, stripe: StripeSimulator, database_url: str, folder: Path) -> None:
        self.stripe = stripe
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.outbox = folder / "outbox.txt"
        self.log = folder / "log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PAYONCE_", "PG", "STRIPE"))}
        self.environment = kept | {
            "DATABASE_URL": database_url, "BASE_URL": self.url, "OUTBOX": str(self.outbox),
            "STRIPE_API_KEY": "sk_test_of_the_example_1234", "STRIPE_API_BASE": stripe.base_url,
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }  # fmt: skip
        stripe.add_endpoint(f"{self.url}/payments/webhooks/stripe", SECRET)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "examples.fastapi.app:app", "--port", str(self.port)],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        until(self.is_ready, what="the example")

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx2.get(f"{self.url}/payments/readyz", timeout=DEADLINE_SECONDS).status_code == 200
        except httpx2.HTTPError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)

    def post(self, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        return httpx2.post(f"{self.url}{path}", json=body, timeout=DEADLINE_SECONDS, follow_redirects=False)

    def get(self, path: str) -> Any:
        return httpx2.get(f"{self.url}{path}", timeout=DEADLINE_SECONDS).json()

    def ask(self, player: str = "27", amount_minor: int = 4500) -> dict[str, Any]:
        answer = self.post("/fees", {"player": player, "month": "2026-05", "amount_minor": amount_minor})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def states(self, fee: dict[str, Any]) -> list[str]:
        return [effect["state"] for effect in self.get(f"/fees/{fee['id']}")["effects"]]

    def pay_at_stripe(self, page: str) -> str:
        """Pay on the page that the payer was led to."""
        return self.stripe.payer.pay(page.rpartition("/")[2])


@pytest.fixture
def club(database_url: str, tmp_path: Path) -> Iterator[Club]:
    """The example, ready."""
    with serve_in_thread(StripeSimulator()) as running:
        club = Club(running.sim, database_url, tmp_path)
        club.start()
        yield club
        club.end()


def test_a_fee_is_charged_recorded_and_fulfilled_once_in_an_application_that_exists(club: Club) -> None:
    """E18: the plain flow: one fee, many clicks, one membership, one invitation."""
    fee = club.ask()
    assert club.ask()["id"] == fee["id"]
    with ThreadPoolExecutor(8) as people:
        pages = set(people.map(lambda _: club.post(f"/fees/{fee['id']}/pay").headers["location"], range(8)))
    assert len(pages) == 1
    assert club.pay_at_stripe(pages.pop()) == "succeeded"
    once = {"charged": 1, "recorded": 1, "fulfilled": 1}
    until(lambda: club.get(f"/fees/{fee['id']}")["counters"] == once, what=f"{once}")
    until(lambda: club.states(fee) == ["done", "done"], what="both effects")
    assert club.get("/members") == [["27", "2026-05"]]
    assert len(club.outbox.read_text().splitlines()) == 1
    assert club.post(f"/fees/{fee['id']}/pay").status_code == 409
    club.end()
    assert "Application shutdown complete" in club.log.read_text()


def test_killed_right_after_the_payment_it_owes_nothing_twice(club: Club) -> None:
    """E16: SIGKILL after the provider charged; after the next start the membership is there once."""
    fee = club.ask()
    page = club.post(f"/fees/{fee['id']}/pay").headers["location"]
    club.pay_at_stripe(page)
    club.end(signal.SIGKILL)
    club.start()
    # A claim of the process that was killed is taken over when its lease of a minute is over.
    until(lambda: club.get("/members") == [["27", "2026-05"]], what="the membership")
    assert len(club.stripe.truth.payable_now()) == 0


def test_the_fee_and_its_order_are_written_together_or_not_at_all(club: Club, database_url: str) -> None:
    """B13: creation is one transaction over all the tables that it touches."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE fees ADD CONSTRAINT refused CHECK (player <> 'refused')")
        assert club.post("/fees", {"player": "refused", "month": "2026-05", "amount_minor": 4500}).status_code == 500
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        club.ask("welcome")
        assert connection.execute("SELECT count(*) FROM orders JOIN fees USING (order_id)").fetchone() == (1,)


def test_the_command_line_works_with_the_applications_own_engine(club: Club) -> None:
    """Effects that are declared in Python are known to the commands that name the application."""
    club.ask()
    run = subprocess.run(
        [sys.executable, "-m", "payonce.cli.main", "--app", "examples.fastapi.app:engine", "orders", "list", "--json"],
        cwd=ROOT, env=club.environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert '"reference": "fee:27:2026-05:4500"' in run.stdout


def test_the_examples_own_tests_pass_with_the_fixtures_that_payonce_brings(database_url: str, tmp_path: Path) -> None:
    """What an application is told to do for its own tests, done."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PAYONCE_", "PG", "STRIPE"))}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "examples/fastapi/test_app.py", f"--basetemp={tmp_path / 'inner'}"],
        cwd=ROOT, env=kept | {"DATABASE_URL": database_url}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout
