"""Starts localstripe, an independent stand-in for Stripe, for any test: `with running_localstripe() as away: …`.

It differs from Stripe in ways that a test must know: idempotency keys are ignored, `confirm` takes no payment method,
an intent has no `amount_received`, a cancel writes no event, `latest_charge` is always the whole object, and unknown
parameters such as `automatic_payment_methods` are refused.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-localstripe"
RUNNER = Path(__file__).with_name("localstripe_runner.py")
KEY = "sk_test_localstripe"


@dataclass(frozen=True)
class LocalStripe:
    """A running localstripe. Its objects live as long as it does."""

    base_url: str

    def register_webhook(self, name: str, url: str, secret: str, events: Sequence[str] | None = None) -> None:
        """Deliver events to `url`, signed with `secret`; all when `events` is None. The same name replaces."""
        body = {"url": url, "secret": secret} | ({} if events is None else {"events": list(events)})
        httpx2.post(f"{self.base_url}/_config/webhooks/{name}", json=body).raise_for_status()

    def give_method(self, intent_id: str, payment_method: str) -> None:
        """Let an intent wait for confirmation with this method, also after a decline, where localstripe forgets to."""
        self._post(f"payment_intents/{intent_id}", {"payment_method": payment_method, "latest_charge": None})

    def authenticate(self, intent_id: str, success: bool) -> None:
        """The payer answers the bank's question (3-D Secure)."""
        headers = {"Authorization": f"Bearer {KEY}"}
        intent = httpx2.get(f"{self.base_url}/v1/payment_intents/{intent_id}", headers=headers).json()
        body = {"client_secret": intent["client_secret"], "success": success}
        self._post(f"payment_intents/{intent_id}/_authenticate", body)

    def _post(self, path: str, body: dict[str, object]) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        httpx2.post(f"{self.base_url}/v1/{path}", json=body, headers=headers).raise_for_status()


@contextmanager
def running_localstripe() -> Iterator[LocalStripe]:
    """localstripe on a free port, empty. Fails the test, and says what to do, when its environment is missing."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        pytest.fail(f"localstripe is not installed in {ENVIRONMENT.name}: run `make setup-localstripe`", pytrace=False)
    # -I: this folder must not be where that Python looks for a module named localstripe.
    command = [str(python), "-I", str(RUNNER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                pytest.fail("localstripe did not start: run `make setup-localstripe` again", pytrace=False)
            yield LocalStripe(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
