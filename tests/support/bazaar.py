"""A site whose merchant takes money through several providers: Stripe first, then whoever is seated beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.nowpayments import NowPaymentsSimulator
from payonce.providers.simulator.party import Party
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import House
from tests.support.parties import Seating, nowpayments_seat, zalopay_seat
from tests.support.site import PERSON, Site

# An address and an amount of coins, which our own page shows.
COINS: Final[Seating] = partial(nowpayments_seat, flow="payment")
FORM: Final = PERSON | {"Content-Type": "application/x-www-form-urlencoded"}


class Bazaar(Site):
    """One site with an account `main` at each provider; all but Stripe stand in `beside`, by name."""

    def __init__(self, house: House, beside: Mapping[str, Seating] | None = None, **settings: Any) -> None:
        self.parties: dict[str, Party] = {"stripe": house.party}
        world = house.world
        tills, flows = dict(world.tills), dict(world.flows)
        for provider, seating in (beside or {"zalopay": zalopay_seat, "nowpayments": COINS}).items():
            seat = seating(house.clock)
            key = (provider, seat.adapter.account)
            self.parties[provider] = seat.party
            tills[key] = ProviderTill(seat.adapter, DirectTransport(seat.party, house.clock))
            flows[key] = seat.flow
        merchants = dict.fromkeys(tills, DEFAULT_MERCHANT)
        house.world = replace(world, tills=tills, flows=flows, merchants=merchants)
        super().__init__(house, **settings)

    @property
    def coins(self) -> NowPaymentsSimulator:
        """The simulated NOWPayments."""
        party = self.parties["nowpayments"]
        assert isinstance(party, NowPaymentsSimulator)
        return party

    def attempts_of(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """The order's attempts as the API tells them."""
        told: list[dict[str, Any]] = self.api("GET", f"/orders/{order['id']}?expand[]=attempts").json()["attempts"]
        return told

    def pay_last(self, order: dict[str, Any], *how: Any) -> str:
        """The payer pays what was begun last, at its own provider; its notices are delivered."""
        last = self.attempts_of(order)[-1]
        payer: Any = self.parties[last["provider"]].payer
        said = str(payer.pay(last["provider_ref"], *how))
        self.hear()
        return said

    def hear(self) -> None:
        """Every provider sends what it owes, to where it was told, and is taken at its word or asked."""
        for provider, party in self.parties.items():
            for owed in party.due_deliveries():
                where = f"/webhooks/{DEFAULT_MERCHANT}/{provider}/main" if provider == "stripe" else ""
                path = where or urlsplit(owed.url).path
                answer = self.ask("POST", path, content=owed.body, headers=dict(owed.headers))
                party.delivered(owed.delivery_id, answer.status_code, answer.content)
        self.house.retry()

    def press(self, order: dict[str, Any], fields: str = "", **headers: str) -> Any:
        """A person sends a form to the payment link."""
        return self.ask("POST", order["pay_url"], content=fields, headers=FORM | headers)
