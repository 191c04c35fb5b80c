"""Genuine webhooks at the wrong door: another merchant's address, another account's, and the other mode, by every route
and of every provider. Nothing is paid by them, nothing is lost, and the right door takes them afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from payonce.providers.contract import Adapter
from payonce.providers.gateway import ProviderTill
from payonce.providers.nowpayments.adapter import NowPaymentsAdapter
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.signing import stripe_signature
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.zalopay.adapter import ZaloPayAdapter
from tests.promises.soundness import everything
from tests.support.house import SECRET, House
from tests.support.parties import NOBODY, SEATS
from tests.support.site import Site, order_body

# The same kind of account with secrets of its own: of another merchant, and a second one of the same merchant.
STRANGER: Final = "shop_2"
STRANGERS: Final[dict[str, Adapter]] = {
    "stripe": StripeAdapter("sk_test_stranger_1234567890", ["whsec_of_the_stranger_123456"], account="theirs"),
    "zalopay": ZaloPayAdapter(
        "4711", "key1_of_the_stranger_1234", ["key2_of_the_stranger_1234"], account="theirs", api_base=NOBODY
    ),
    "nowpayments": NowPaymentsAdapter(
        "key_of_the_stranger_123456", "ipn_of_the_stranger_12345", account="theirs", api_base=NOBODY
    ),
}  # fmt: skip
PROVIDERS: Final = sorted(SEATS)
TO_ANOTHER_MERCHANT: Final = ("/webhooks/shop_2/{0}", "/webhooks/shop_2/{0}/theirs")
TO_NOBODY: Final = ("/webhooks/{0}", "/webhooks/default/{0}/theirs", "/webhooks/shop_2/{0}/main")
HOME: Final = ("/webhooks/default/{0}", "/webhooks/default/{0}/main")


class Street:
    """Two merchants with an account each at one provider, and a payment of the first one's order that is to be told."""

    def __init__(self, house: House) -> None:
        self.house, provider = house, house.provider
        theirs = STRANGERS[provider]
        key = (provider, theirs.account)
        world = house.world
        tills = {**world.tills, key: ProviderTill(theirs, DirectTransport(house.party, house.clock))}
        house.world = replace(world, tills=tills, merchants={**world.merchants, key: STRANGER})
        self.site = Site(house)
        body = order_body(currency=house.currency, amount_minor=50_000)
        self.order = self.site.api("POST", "/orders", body).json()
        made = self.site.api("POST", f"/orders/{self.order['id']}/checkout", {}).json()
        house.party.payer.pay(made["provider_ref"])
        self.told = house.owed_webhooks()
        assert self.told

    def send(self, path: str) -> list[Any]:
        """Send all that is told to that address; the answers."""
        where = path.format(self.house.provider)
        return [
            self.site.ask("POST", where, content=each.body, headers=dict(each.headers)) for each in self.told
        ]  # fmt: skip

    def is_paid_once_told_at_home(self) -> bool:
        """Whether the right door takes it after all that was tried."""
        self.send(HOME[0].format(self.house.provider))
        self.house.retry()
        return bool(self.site.see(self.order)["state"] == "paid")


@pytest.fixture(params=PROVIDERS)
def street(request: pytest.FixtureRequest, build: Any) -> Iterator[Street]:
    """The street of one provider."""
    made = Street(build(seat=SEATS[request.param]))
    yield made
    made.site.close()


@pytest.mark.parametrize("path", [*TO_ANOTHER_MERCHANT, *TO_NOBODY])
def test_a_genuine_notice_at_anothers_door_is_forged_there_and_changes_nothing(street: Street, path: str) -> None:
    """B16: the account whose secret verifies is the merchant's of the address, or nobody's."""
    before = everything(street.house)
    answers = street.send(path)
    if path in TO_NOBODY:
        assert {answer.status_code for answer in answers} == {404}
    else:
        forged = street.house.world.looker(street.house.provider, "theirs").acknowledge("forged")
        assert {answer.status_code for answer in answers} == {forged.status}
        assert all(b'"accepted"' not in answer.content for answer in answers)
    assert everything(street.house) == before
    assert street.is_paid_once_told_at_home()


@pytest.mark.parametrize("path", HOME)
def test_the_doors_of_its_own_account_take_it(street: Street, path: str) -> None:
    """C2: whichever of its own addresses it comes to, it is told once."""
    street.send(path)
    street.send(path)
    street.house.retry()
    seen = street.site.see(street.order)
    assert (seen["state"], seen["counters"]["charged"], seen["counters"]["recorded"]) == ("paid", 1, 1)


@pytest.mark.parametrize("path", HOME)
@pytest.mark.parametrize("where", ["of the event", "of the object"])
def test_a_live_event_at_a_test_account_pays_nothing_by_any_door(build: Any, path: str, where: str) -> None:
    """B16: test and live are different accounts; a genuine signature does not make the mode fit."""
    street = Street(build(seat=SEATS["stripe"]))
    made = []
    for each in street.told:
        told = json.loads(each.body)
        (told if where == "of the event" else told["data"]["object"])["livemode"] = True
        body = json.dumps(told).encode()
        at = int(street.house.clock.now().timestamp())
        made.append(replace(each, body=body, headers=(("Stripe-Signature", stripe_signature((SECRET,), at, body)),)))
    street.told = made
    assert {answer.status_code for answer in street.send(path)} == {200}
    seen = street.site.see(street.order)
    assert (seen["state"], seen["amounts"]["received_minor"]) == ("open", 0)
    kinds = {kind for (kind,) in street.house.rows("SELECT kind FROM findings WHERE state <> 'resolved'")}
    assert kinds == {"mode_differs"}
    assert street.house.rows("SELECT count(*) FROM effects") == [(0,)]
    street.site.close()
