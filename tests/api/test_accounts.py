"""Checkouts over HTTP where a merchant has several accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.stripe.adapter import StripeAdapter
from tests.support.house import SECRET, House
from tests.support.site import Site


@pytest.fixture
def site(house: House) -> Iterator[Site]:
    """One merchant with the accounts `main` and `second` of one provider."""
    second = StripeAdapter("sk_test_house_1234567890", [SECRET], account="second", api_base="http://127.0.0.1:1")
    tills = {
        **house.world.tills,
        ("stripe", "second"): ProviderTill(second, DirectTransport(house.stripe, house.clock)),
    }
    house.world = replace(house.world, tills=tills, merchants=dict.fromkeys(tills, "default"))
    opened = Site(house)
    yield opened
    opened.close()


@pytest.mark.parametrize(("wish", "account"), [({}, "main"), ({"account": "second"}, "second")])
def test_a_checkout_goes_through_the_account_that_it_names(site: Site, wish: dict[str, str], account: str) -> None:
    order = site.place()
    assert site.api("POST", f"/orders/{order['id']}/checkout", wish).status_code == 201
    assert site.house.rows("SELECT account FROM attempts") == [(account,)]


@pytest.mark.parametrize(
    ("wish", "code", "says"),
    [
        ({"account": "third"}, "provider_unknown", "no such provider account"),
        ({"provider": "zalopay"}, "provider_unknown", "no such provider account"),
        ({"flow": "order"}, "flow_unknown", "stripe has payment_intent, checkout_session"),
    ],
)
def test_what_no_account_has_is_refused_and_nothing_is_begun(
    site: Site, wish: dict[str, str], code: str, says: str
) -> None:
    order = site.place()
    answer = site.api("POST", f"/orders/{order['id']}/checkout", wish)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert says in answer.json()["detail"]
    assert site.attempts() == 0
