"""Somebody else's provider as the suite is handed it, found by the entry point of its installed package."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from payonce.accounts import ThirdParty
from payonce.providers.contract import Adapter
from payonce.providers.simulator.party import Party
from payonce.testing.clock import MovableClock
from payonce.testing.conformance import Case, Notice, Situation, What
from payonce.third_party import third_party_adapter

if TYPE_CHECKING:
    from acme_payonce.simulator import AcmeSimulator

SETTINGS = {"api_key": "acme api key 1234567890", "secret": "acme secret 1234567890", "api_base": "http://127.0.0.1:1"}


def simulator(clock: Any) -> AcmeSimulator:
    """The package's own simulator."""
    made: AcmeSimulator = import_module("acme_payonce.simulator").AcmeSimulator(
        clock, SETTINGS["api_key"], SETTINGS["secret"]
    )
    return made


def adapter(**changes: str) -> Adapter:
    """The package's adapter, as a service finds it."""
    account = changes.pop("account", "main")
    return third_party_adapter(ThirdParty(provider="acme", account=account, settings=SETTINGS | changes))


class AcmeCase(Case):
    """Acme: keys, voids, lists, refunds at once."""

    amount_minor, currency, other_currency = 4500, "EUR", "USD"
    documented = frozenset({"new", "checking", "paid", "void"})
    secrets = (SETTINGS["api_key"], SETTINGS["secret"])

    def party(self, clock: MovableClock) -> Party:
        return simulator(clock)

    def adapter(self) -> Adapter:
        return adapter()

    def strangers(self) -> Sequence[Adapter]:
        return [adapter(account="other", secret="somebody else's secret")]

    def situations(self) -> Sequence[Situation]:
        return (
            Situation("new", lambda bench, made: None, "open"),
            Situation("checking", lambda bench, made: bench.party.payer.pay_slowly(made.handle.ref.id), "pending"),  # type: ignore[attr-defined]
            Situation("paid", lambda bench, made: bench.pay(made), "paid", brings=True),
            Situation("void", lambda bench, made: bench.close(made), "closed"),
        )

    def sign(self, content: bytes, now: datetime) -> Notice:
        mark = hmac.new(SETTINGS["secret"].encode(), content, hashlib.sha256).hexdigest()
        return Notice({"acme-signature": mark}, content)

    def unheard_of(self, answer: bytes) -> bytes:
        return json.dumps(json.loads(answer) | {"status": "somewhere_else"}).encode()

    def retold(self, content: bytes, what: What, value: str | int) -> bytes | None:
        event = json.loads(content)
        event["charge"][{"amount": "received"}.get(what, what)] = value
        return json.dumps(event).encode()
