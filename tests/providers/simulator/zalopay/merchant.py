"""A merchant's program at the simulated ZaloPay. It makes the codes by itself, as the documentation says."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.zalopay import ZaloPaySimulator
from payonce.providers.simulator.zalopay.books import Books
from payonce.providers.simulator.zalopay.kept import KeptZaloPaySimulator

KEY1 = "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL"
KEY2 = "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"
APP = 2553
# Seven in the evening in Vietnam.
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ATTEMPT = UUID("019a9b1c-0000-7000-8000-000000000001")
REFUND = UUID("019a9b1c-0000-7000-8000-0000000000f1")
BACK = "https://shop.example/back?order=7"
JSON_HEADERS = {"content-type": "application/json"}


def code(key: str, text: str) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass
class Merchant:
    """Asks `sim` directly. What is named in `changes` is changed before the code is made; a `mac` takes its place."""

    sim: ZaloPaySimulator | KeptZaloPaySimulator

    @property
    def books(self) -> Books:
        """The books of the simulator, for their clock."""
        return self.sim.core.books if isinstance(self.sim, KeptZaloPaySimulator) else self.sim.books

    def ask(self, path: str, told: object) -> dict[str, Any]:
        """POST JSON; the answer, which always comes with HTTP 200."""
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        reply = self.sim.handle("POST", path, "", JSON_HEADERS, body)
        assert reply.status == 200, reply
        found: dict[str, Any] = json.loads(reply.body)
        return found

    def order(self, attempt: UUID = ATTEMPT, **changes: Any) -> dict[str, Any]:
        """The request of a create, signed after `changes`."""
        told: dict[str, Any] = {
            "app_id": APP,
            "app_user": "player 27",
            "app_trans_id": self.name(attempt),
            "app_time": self.milliseconds(),
            "amount": 50_000,
            "description": "First fee of player 27",
            "item": "[]",
            "embed_data": json.dumps({"redirecturl": BACK}),
            "callback_url": "https://shop.example/callbacks",
        } | changes
        names = ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item")
        return {"mac": code(KEY1, "|".join(str(told[name]) for name in names))} | told

    def create(self, attempt: UUID = ATTEMPT, **changes: Any) -> dict[str, Any]:
        """POST /v2/create"""
        return self.ask("/v2/create", self.order(attempt, **changes))

    def query(self, name: str | None = None) -> dict[str, Any]:
        """POST /v2/query"""
        return self.ask("/v2/query", self.named(name))

    def cancel(self, name: str | None = None) -> dict[str, Any]:
        """POST /v2/cancel"""
        return self.ask("/v2/cancel", self.named(name))

    def refund(self, transaction: Any, amount: int = 50_000, refund: UUID = REFUND, **changes: Any) -> dict[str, Any]:
        """POST /v2/refund"""
        told: dict[str, Any] = {
            "app_id": APP,
            "m_refund_id": self.refund_name(refund),
            "zp_trans_id": transaction,
            "amount": amount,
            "timestamp": self.milliseconds(),
            "description": "The lesson was cancelled",
        } | changes
        names = ["app_id", "zp_trans_id", "amount", "refund_fee_amount", "description", "timestamp"]
        signed = "|".join(str(told[name]) for name in names if name in told)
        return self.ask("/v2/refund", {"mac": code(KEY1, signed)} | told)

    def query_refund(self, name: str | None = None) -> dict[str, Any]:
        """POST /v2/query_refund"""
        told = {"app_id": APP, "m_refund_id": name or self.refund_name(), "timestamp": self.milliseconds()}
        return self.ask("/v2/query_refund", told | {"mac": code(KEY1, "|".join(str(told[n]) for n in told))})

    def named(self, name: str | None = None) -> dict[str, Any]:
        """What a query and a cancel say."""
        name = name or self.name()
        return {"app_id": APP, "app_trans_id": name, "mac": code(KEY1, f"{APP}|{name}|{KEY1}")}

    def name(self, attempt: UUID = ATTEMPT) -> str:
        """The name of an order of today."""
        return f"{self.today()}_{attempt.hex}"

    def refund_name(self, refund: UUID = REFUND) -> str:
        """The name of a refund of today."""
        return f"{self.today()}_{APP}_{ids.show(ids.REFUND, refund).removeprefix('rfd_')}"

    def paid(self, attempt: UUID = ATTEMPT, **changes: Any) -> int:
        """An order that was paid and of which queries tell; its transaction."""
        self.create(attempt, **changes)
        assert isinstance(self.sim, ZaloPaySimulator)
        self.sim.payer.pay(self.name(attempt))
        self.sim.advance(60)
        found = self.query(self.name(attempt))
        assert found["return_code"] == 1, found
        transaction: int = found["zp_trans_id"]
        return transaction

    def today(self) -> str:
        """The date in Vietnam."""
        return (self.books.clock.now() + timedelta(hours=7)).strftime("%y%m%d")

    def milliseconds(self) -> int:
        """Now."""
        return int(self.books.now() * 1000)
