"""The simulated providers as a test sees them: what is payable there, what was captured, and how a debit ends."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx2

from payonce.installation import PLACE_FILE
from tests.support.service import Service
from tests.support.waiting import DEADLINE_SECONDS


class Provider:
    """Asks the simulated Stripe that the service serves beside itself. `order` is an order's id, `ord_…`."""

    def __init__(self, base_url: str, others: Iterable[str] = ()) -> None:
        self._client = httpx2.Client(base_url=f"{base_url}/_sim/", timeout=DEADLINE_SECONDS)
        self._others = [f"{other}/_sim/faults" for other in others]

    def sessions(self, order: str) -> list[str]:
        """Every session that was ever made for the order."""
        return [row["id"] for row in self._of("checkout_sessions", order)]

    def payable(self, order: str) -> list[str]:
        """What could still be paid for the order now."""
        return [row["id"] for row in self._of("payable", order)]

    def captures(self, order: str) -> list[int]:
        """The minor units of each captured payment of the order."""
        return [row["amount_received"] for row in self._of("payment_intents", order) if row["amount_received"]]

    def settle_debit(self, order: str) -> None:
        """Let the bank debit that is under way for the order end well."""
        [under_way] = [row["id"] for row in self._of("payment_intents", order) if row["status"] == "processing"]
        self._client.post(f"settle/{under_way}", json={"success": True}).raise_for_status()

    def behave(self) -> None:
        """End all faults, at every provider."""
        self._client.delete("faults").raise_for_status()
        for other in self._others:
            httpx2.delete(other, timeout=DEADLINE_SECONDS).raise_for_status()

    def _of(self, shelf: str, order: str) -> list[dict[str, Any]]:
        truth = self._client.get("truth").raise_for_status().json()
        return [row for row in truth[shelf] if order in row["metadata"].values()]


def simulators_of(service: Service) -> dict[str, str]:
    """Where a running service serves its simulators, by the note that it leaves for commands beside it."""
    place = json.loads((service.folder / "data" / PLACE_FILE).read_text("utf-8"))
    return {name.partition("/")[0]: url for name, url in place["simulators"].items()}


def provider_of(service: Service) -> Provider:
    """The simulated Stripe of a running service."""
    found = simulators_of(service)
    return Provider(found.pop("stripe"), found.values())
