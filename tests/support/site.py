"""The HTTP edge over a whole house, in one process and without sockets: a test asks, and gets what a caller gets."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import httpx2

from payonce.api.application import build
from payonce.api.settings import ApiSettings
from tests.support.house import House

KEY: Final = "key_of_the_first_caller"
BASE: Final = "http://pay.test"
# What browsers of people send when a link is opened.
PERSON: Final = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
}


class Site:
    """One application over one house. `ask` is one request; `together` are many at once."""

    def __init__(self, house: House, *, background: Sequence[Any] = (), **settings: Any) -> None:
        self.house = house
        self.clock = house.clock
        self.settings = ApiSettings(**{"base_url": BASE, "api_key": KEY, **settings})
        house.world = replace(house.world, landing_url=f"{self.settings.base_url}/thanks")
        self.app = build(house.world, self.settings, shop=True, simulated=True, background=background)
        self.edge = self.app.state.edge
        self._runner = asyncio.Runner()
        self._keys = itertools.count(1)

    def close(self) -> None:
        """Let everything that was accepted come to its end."""
        self._runner.run(self.edge.close())
        self._runner.close()

    def ask(self, method: str, path: str, *, address: str = "203.0.113.7", **more: Any) -> httpx2.Response:
        """One request of a caller at `address`; redirects are not followed."""
        [answer] = self.together((method, path, more), address=address)
        return answer

    def together(
        self, *requests: tuple[str, str, dict[str, Any]], address: str = "203.0.113.7"
    ) -> list[httpx2.Response]:
        """All requests at once."""

        async def run() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(self.app, client=(address, 50000))
            async with httpx2.AsyncClient(transport=transport, base_url=self.settings.base_url) as client:
                return await asyncio.gather(*(client.request(method, path, **more) for method, path, more in requests))

        return self._runner.run(run())

    def run(self, work: Any) -> Any:
        """Run a coroutine in the application's loop."""
        return self._runner.run(work)

    def api(
        self, method: str, path: str, body: Any = None, *, api_key: str = KEY, key: str | None = None, **headers: str
    ) -> httpx2.Response:  # fmt: skip
        """One request to `/v1` with an API key; a POST gets an idempotency key of its own unless one is given."""
        sent = {"Authorization": f"Bearer {api_key}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        if method == "POST":
            sent["Idempotency-Key"] = f"key-{next(self._keys)}" if key is None else key
        return self.ask(method, f"/v1{path}", headers=sent, **({} if body is None else {"json": body}))

    def place(self, purpose: str = "fee:27:2026-05", **more: Any) -> dict[str, Any]:
        """Place an order over HTTP; its JSON."""
        answer = self.api("POST", "/orders", order_body(purpose, **more))
        assert answer.status_code in (200, 201), answer.text
        placed: dict[str, Any] = answer.json()
        return placed

    def open_link(self, order: dict[str, Any], **headers: str) -> httpx2.Response:
        """A person opens the payment link."""
        return self.ask("GET", order["pay_url"], headers=PERSON | headers)

    def pay(self, order: dict[str, Any], method: str = "pm_card_visa") -> str:
        """The person pays on the provider's page; webhooks are owed."""
        reference = self.api("GET", f"/orders/{order['id']}?expand[]=attempts").json()["attempts"][-1]["provider_ref"]
        return self.house.stripe.payer.pay(reference, method)

    def deliver(self) -> list[httpx2.Response]:
        """The provider sends the webhooks that it owes."""
        return [
            self.ask("POST", "/webhooks/stripe", content=hook.body, headers=dict(hook.headers))
            for hook in self.house.owed_webhooks()
        ]

    def see(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order as the API gives it."""
        seen: dict[str, Any] = self.api("GET", f"/orders/{order['id']}").json()
        return seen

    def attempts(self) -> int:
        """How many attempts are stored, of whichever order."""
        [(count,)] = self.house.rows("SELECT count(*) FROM attempts")
        return int(count)


def order_body(purpose: str = "fee:27:2026-05", **more: Any) -> dict[str, Any]:
    """What places an order."""
    body = {
        "reference": f"ref-{purpose}", "purpose": purpose, "amount_minor": 4500, "currency": "USD",
        "payer": {"reference": "player-27"}, "success_url": "https://shop.example/thanks",
    }  # fmt: skip
    return body | more
