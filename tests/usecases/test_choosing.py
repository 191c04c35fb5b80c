"""Which account a payment goes through where a merchant has several, and what is refused because none can take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from payonce.base.errors import Refused
from payonce.providers.contract import Capabilities
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.usecases.answers import Checkout
from tests.support.house import SECRET, House


class Narrow(StripeAdapter):
    """An account whose provider takes less than Stripe does."""

    def __init__(self, provider: str, narrowed: Mapping[str, Any]) -> None:
        super().__init__("sk_test_house_1234567890", [SECRET], account="main", api_base="http://127.0.0.1:1")
        self._provider, self._narrowed = provider, narrowed

    @property
    def provider(self) -> str:
        return self._provider

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, **self._narrowed)


DONG: dict[str, Any] = {"currencies": frozenset({"VND"}), "smallest_minor": {"VND": 1000}}
FEW: dict[str, Any] = {"smallest_minor": {"USD": 1000}, "largest_minor": {"USD": 9_000}, "step_minor": {"USD": 100}}


@pytest.fixture
def several(house: House) -> House:
    """A merchant with an account for dong, one for dollars between 10 and 90 in whole ones, and nothing else."""
    adapters = [Narrow("dong", DONG), Narrow("few", FEW | {"currencies": frozenset({"USD"})})]
    transport = DirectTransport(house.stripe, house.clock)
    tills = {(each.provider, each.account): ProviderTill(each, transport) for each in adapters}
    house.world = replace(house.world, tills=tills, merchants=dict.fromkeys(tills, "default"), flows={})
    return house


def refused(house: House, **wish: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        house.place("fee", **wish)
    return caught.value


@pytest.mark.parametrize(
    ("currency", "amount_minor", "provider"), [("VND", 45_000, "dong"), ("USD", 4_500, "few"), ("USD", 1_000, "few")]
)
def test_the_first_account_that_takes_the_money_serves_a_click_that_names_none(
    several: House, currency: str, amount_minor: int, provider: str
) -> None:
    order = several.place("fee", amount_minor, currency=currency)
    assert several.checkout(order).provider == provider


@pytest.mark.parametrize(
    ("currency", "amount_minor", "reasons", "param"),
    [
        ("USD", 999, {"dong": "USD is not taken there; VND is", "few": "the least that can be paid there is 10.00 USD"},
         "amount_minor"),
        ("USD", 9_100, {"dong": "USD is not taken", "few": "the most that can be paid there is 90.00 USD"},
         "amount_minor"),
        ("USD", 4_550, {"dong": "USD is not taken", "few": "amounts there are multiples of 1.00 USD"}, "amount_minor"),
        ("VND", 999, {"dong": "the least that can be paid there is 1000 VND", "few": "VND is not taken there"},
         "amount_minor"),
        ("EUR", 4_500, {"dong": "EUR is not taken there", "few": "EUR is not taken there"}, "currency"),
    ],
)  # fmt: skip
def test_what_no_account_can_ever_take_is_refused_when_it_is_placed_with_every_reason(
    several: House, currency: str, amount_minor: int, reasons: dict[str, str], param: str
) -> None:
    """A17: an order that nobody could ever pay would wait, remind and be counted for nothing."""
    error = refused(several, amount_minor=amount_minor, currency=currency)
    assert (error.code, error.status, error.param) == ("amount_not_payable", 422, param)
    assert error.detail["reasons"].keys() == reasons.keys()
    for provider, reason in reasons.items():
        assert error.detail["reasons"][provider].startswith(reason)
    assert several.rows("SELECT count(*) FROM orders") == [(0,)]


def test_nothing_to_pay_needs_nobody_who_takes_it(several: House) -> None:
    """D16: zero is settled without a provider, in any currency."""
    assert several.place("fee", 0, currency="EUR").state == "paid"


def test_an_account_that_is_asked_for_and_cannot_take_it_says_why(several: House) -> None:
    order = several.place("fee", 45_000, currency="VND")
    with pytest.raises(Refused) as caught:
        several.click(order, provider="few")
    assert (caught.value.code, list(caught.value.detail["reasons"])) == ("amount_not_payable", ["few"])
    assert several.rows("SELECT count(*) FROM attempts") == [(0,)]


def test_a_flow_that_is_asked_for_chooses_among_the_accounts_that_have_it(several: House) -> None:
    world = several.world
    only_intents = Narrow("few", {"flows": ("payment_intent",)})
    tills = {**world.tills, ("few", "main"): ProviderTill(only_intents, DirectTransport(several.stripe, several.clock))}
    several.world = replace(world, tills=dict(reversed(tills.items())))
    order = several.place("fee", 45_000, currency="VND")
    assert several.checkout(order, flow="checkout_session").provider == "dong"
    with pytest.raises(Refused) as caught:
        several.click(order, flow="order")
    assert caught.value.code == "flow_unknown"
    assert "dong has payment_intent, checkout_session" in caught.value.message


def test_a_lost_create_is_repeated_for_as_long_as_its_own_provider_keeps_the_key(several: House) -> None:
    """The account that a click would choose now may keep keys longer than the one that was asked before."""
    short = Narrow("few", FEW | {"idempotency_life_seconds": 60, "currencies": frozenset({"USD"})})
    wide = Narrow("wide", {})
    transport = DirectTransport(several.stripe, several.clock)
    both = {("few", "main"): ProviderTill(short, transport)}
    several.world = replace(
        several.world, tills=both, merchants={("few", "main"): "default", ("wide", "main"): "default"}
    )
    order = several.place("fee", 4_500)
    several.stripe.faults.add("*.create", _lost(), times=2)  # type: ignore[attr-defined]
    assert not isinstance(several.click(order), Checkout)
    several.world = replace(several.world, tills={("wide", "main"): ProviderTill(wide, transport), **both})
    several.clock.move(120)
    creates = len([call for call in several.stripe.calls if call.operation.endswith(".create")])
    several.click(order)
    again = [call.operation for call in list(several.stripe.calls) if call.operation.endswith(".create")][creates:]
    looked = [call.operation for call in several.stripe.calls if call.operation.endswith(".list")]
    assert (again, bool(looked)) == ([], True)


def _lost() -> Any:
    from payonce.providers.simulator.faults import Fault

    return Fault("timeout", "after")
