"""The doctor on several accounts and merchants: what follows from what a provider cannot do, where events belong, and
what a merchant decided about money that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from payonce.accounts import NowPayments, Real, Stripe, ZaloPay
from payonce.app import adapter_of
from payonce.domain.policy import Policy, SurplusPolicy
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.stripe.endpoints import enter
from payonce.usecases.doctor import Check, Facts, doctor
from tests.support.house import SECRET, House

HERE = "http://shop.invalid"
LIVE = Stripe(api_key="sk_live_1234567890123456", webhook_secrets=[SECRET], account="live")
TEST = Stripe(api_key="sk_test_1234567890123456", webhook_secrets=[SECRET])
ZALOPAY = ZaloPay(app_id="1234", key1="key1_of_the_tests_1234", key2s=["key2_of_the_tests_1234"])
COINS = NowPayments(api_key="KEY-OF-THE-TESTS-1234", ipn_secrets=["ipn_of_the_tests_1234"])


def looked(house: House, *accounts: Real, policies: Mapping[str, Policy] | None = None, **facts: Any) -> list[Check]:
    """Every check of an installation with these accounts."""
    adapters = [adapter_of(account) for account in accounts]
    transport = DirectTransport(house.stripe, house.clock)
    keys = [(each.provider, each.account) for each in adapters]
    house.world = replace(
        house.world,
        tills={key: ProviderTill(each, transport) for key, each in zip(keys, adapters, strict=True)},
        merchants={key: account.merchant_id for key, account in zip(keys, accounts, strict=True)},
        flows={key: account.flow or "" for key, account in zip(keys, accounts, strict=True)},
        policies=policies or {},
    )

    async def look() -> list[Check]:
        said: dict[str, Any] = {"base_url": HERE, "connections": 10} | facts
        told = Facts(**said)
        return [check async for check in doctor(house.world, "default", told)]

    return house.run(look())


def named(checks: list[Check], name: str) -> Check:
    [found] = [check for check in checks if check.name == name]
    return found


def test_what_a_provider_cannot_do_is_said_with_what_follows(house: House) -> None:
    checks = looked(house, TEST, ZALOPAY, COINS)
    assert "cancels, sends money back" in named(checks, "stripe:main limits").says
    zalopay, coins = named(checks, "zalopay:main limits"), named(checks, "nowpayments:main limits")
    for said in ("takes VND alone", "ends without money are found by asking", "48 hours"):
        assert said in zalopay.says
    for said in ("cannot cancel", "held with a finding", "believed after a read", "asked about for a month"):
        assert said in coins.says
    # No fault of the installation.
    assert {zalopay.health, coins.health} == {"ok"}


def test_without_an_email_and_a_password_only_known_payments_are_asked_for_and_that_is_said(house: House) -> None:
    said = named(looked(house, COINS), "nowpayments:main list")
    assert (said.health, "only those whose number is known are asked for" in said.says) == ("warning", True)
    opened = replace(COINS, email="shop@example.org", password="the password")
    assert [check for check in looked(house, opened) if check.name == "nowpayments:main list"] == []


def test_every_account_says_its_mode_and_its_merchant(house: House) -> None:
    checks = looked(house, TEST, replace(LIVE, merchant_id="shop_2"), ZALOPAY)
    assert named(checks, "stripe:main").says == "test account of the merchant default, the key is good"
    assert "live account of the merchant shop_2" in named(checks, "stripe:live").says
    zalopay = named(checks, "zalopay:main")
    assert "live account" in zalopay.says and zalopay.says.endswith(f"its events belong to {HERE}/webhooks/zalopay")


@pytest.mark.parametrize(
    ("path", "health"),
    [
        ("default/stripe/main", "ok"),
        ("default/stripe", "ok"),
        ("stripe", "warning"),
        ("shop_2/stripe", "warning"),
        ("default/stripe/second", "warning"),
        ("default/stripe/main/more", "warning"),
    ],
)
def test_an_endpoint_counts_only_where_it_leads_to_this_account(house: House, path: str, health: str) -> None:
    """B12: an address that several merchants share, or that is another one's, brings no event of this one."""
    house.stripe.books.endpoints.clear()
    enter(house.stripe.books, f"{HERE}/webhooks/{path}", ["*"], SECRET)
    second = replace(TEST, account="second", merchant_id="shop_2")
    said = named(looked(house, TEST, second), "stripe:main events")
    assert said.health == health
    if health == "warning":
        assert f"Add an endpoint {HERE}/webhooks/default/stripe," in said.hint


def test_test_money_beside_real_money_of_one_merchant_is_warned_of(house: House) -> None:
    apart = looked(house, replace(TEST, merchant_id="trial"), LIVE, base_url="https://pay.example")
    assert [check for check in apart if check.name == "modes"] == []
    beside = named(looked(house, TEST, LIVE), "modes")
    assert (beside.health, "stripe:main" in beside.says) == ("warning", True)


@pytest.mark.parametrize(
    ("base_url", "health"),
    [("https://pay.example", "ok"), ("http://pay.example", "warning"), ("http://127.0.0.1:8080", "warning")],
)
def test_where_real_money_is_taken_the_world_must_reach_us(house: House, base_url: str, health: str) -> None:
    assert named(looked(house, LIVE, base_url=base_url), "base_url").health == health
    assert [check for check in looked(house, TEST, base_url=base_url) if check.name == "base_url"] == []


def test_payment_intents_without_a_page_are_warned_of(house: House) -> None:
    intents = replace(TEST, flow="payment_intent")
    assert named(looked(house, intents), "stripe:main flow").health == "warning"
    with_page = looked(house, intents, pay_page_url="https://shop.example/pay")
    assert [check for check in with_page if check.name == "stripe:main flow"] == []


def surplus(house: House, **choices: Any) -> list[Check]:
    policies = {"shop_2": Policy(surplus=SurplusPolicy(**choices))}
    checks = looked(house, TEST, replace(TEST, account="second", merchant_id="shop_2"), policies=policies)
    return [check for check in checks if check.name.startswith("surplus of shop_2")]


def test_what_a_merchant_decided_about_surplus_is_summed_up(house: House) -> None:
    """X6: what becomes of every second, late and excess payment is said in one line."""
    [said] = surplus(house, second="hold", late="hold")
    assert said.health == "ok"
    assert "second hold, over refund, late hold" in said.says
    assert "Held until a person decides: second, late." in said.hint


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"late_within": timedelta(days=91)}, "up to 91 days"),
        ({"unfinished_after": timedelta(minutes=5)}, "before its payer can send the rest"),
        ({"refund_at_most_minor": {"USD": 1_000_001}, "refund_a_day_minor": {"USD": 2_000_000}}, "10000.01 USD goes"),
        ({"refund_a_day_minor": {"USD": 10_000_001}}, "a day's refunds of up to 100000.01 USD"),
        ({"refund_at_most_minor": {"USD": 101}, "refund_a_day_minor": {"USD": 100}}, "one refund may be 1.01 USD"),
    ],
)
def test_a_risky_choice_is_warned_of(house: House, choices: dict[str, Any], says: str) -> None:
    """X6: what is perhaps a slip of the pen is said before money moves by it."""
    found = [check for check in surplus(house, **choices) if check.health == "warning"]
    assert len(found) == 1
    assert says in found[0].says


CAREFUL: list[dict[str, Any]] = [
    {},
    {"late": "hold", "late_within": timedelta(days=300)},
    {"unfinished": "hold", "unfinished_after": timedelta()},
]


@pytest.mark.parametrize("choices", CAREFUL)
def test_the_shipped_choices_and_careful_ones_are_not(house: House, choices: dict[str, Any]) -> None:
    assert {check.health for check in surplus(house, **choices)} == {"ok"}


def test_a_currency_of_the_orders_without_a_limit_is_a_note(house: House) -> None:
    for currency in ("USD", "SEK"):
        house.place(currency, currency=currency)
    said = named(looked(house, TEST), "surplus currencies")
    assert (said.health, "no refund in SEK goes back by itself" in said.says) == ("ok", True)
