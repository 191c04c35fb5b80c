"""A merchant with an account at the simulated provider: calls as any client makes them, by raw JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from payonce.providers.simulator.delivery_faults import DeliveryFaults
from payonce.providers.simulator.faults import Faults
from payonce.providers.simulator.nowpayments import NowPaymentsSimulator, Settings
from payonce.providers.simulator.wire import Reply
from payonce.providers.simulator.world import SeededChance, StillClock

HOOK = "https://shop.example/ipn"


class Merchant:
    """`sim` is his account; its clock moves by `sim.advance` only."""

    def __init__(self, settings: Settings | None = None, seed: int = 7) -> None:
        clock = StillClock(datetime(2026, 11, 20, 12, tzinfo=UTC))
        self.sim = NowPaymentsSimulator(clock=clock, chance=SeededChance(seed), settings=settings)

    @property
    def faults(self) -> Faults:
        assert isinstance(self.sim.faults, Faults)
        return self.sim.faults

    @property
    def delivery_faults(self) -> DeliveryFaults:
        assert isinstance(self.sim.webhooks.faults, DeliveryFaults)
        return self.sim.webhooks.faults

    def call(self, method: str, path: str, body: bytes = b"", query: str = "", token: str = "") -> Reply:
        """One call with the key, and with a token where one is given."""
        headers = {"x-api-key": self.sim.settings.api_key, "content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        return self.sim.handle(method, f"/v1/{path}", query, headers, body)

    def make(self, price: str = "45.00", coin: str = "usdttrc20", **more: object) -> dict[str, Any]:
        """A payment, as its maker is told of it."""
        return read(self.call("POST", "payment", asked(price, pay_currency=coin, **more)), 201)

    def invoice(self, price: str = "45.00", **more: object) -> dict[str, Any]:
        """An invoice, as its maker is told of it."""
        return read(self.call("POST", "invoice", asked(price, **more)), 200)

    def see(self, payment_id: object) -> dict[str, Any]:
        """A payment as it is now."""
        return read(self.call("GET", f"payment/{payment_id}"), 200)

    def sign_in(self) -> str:
        """A token."""
        settings = self.sim.settings
        body = json.dumps({"email": settings.email, "password": settings.password}).encode()
        token = read(self.call("POST", "auth", body), 200)["token"]
        assert isinstance(token, str)
        return token

    def listed(self, token: str = "", /, **query: object) -> dict[str, Any]:
        """A page of payments."""
        return read(self.call("GET", "payment/", query=urlencode(query), token=token or self.sign_in()), 200)

    def told(self) -> list[tuple[int, str]]:
        """Take every notice that is due: which payment it tells of, and its status."""
        found = []
        for leaving in self.sim.due_deliveries():
            body = json.loads(leaving.body)
            found.append((body["payment_id"], body["payment_status"]))
            self.sim.delivered(leaving.delivery_id, 200)
        return found


def asked(price: str, **more: object) -> bytes:
    """The body of a create. The price is put in as it is written."""
    members: Mapping[str, object] = {
        "price_currency": "usd",
        "order_id": "order-1",
        "ipn_callback_url": HOOK,
        **more,
    }
    return f'{{"price_amount":{price},{json.dumps(members)[1:]}'.encode()


def read(reply: Reply, status: int) -> dict[str, Any]:
    """The body of an answer of that status, its numbers exact."""
    assert reply.status == status, reply.body
    found: dict[str, Any] = json.loads(reply.body, parse_float=Decimal)
    return found
