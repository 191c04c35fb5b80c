"""The simulators that stand in where no provider is configured: each is paid at, tells of it, and comes back as it
was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar, get_args

import httpx2
import pytest

import payonce
from payonce.accounts import NowPayments, SimulatedProvider, Stripe, ZaloPay
from payonce.app import adapter_of
from payonce.base.errors import Refused, Unavailable
from payonce.installation import PLACE_FILE, STAND_INS, of_settings
from payonce.settings import load
from payonce.simulators import KINDS, served_elsewhere, start_simulator
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from tests.support.service import Caller, Service
from tests.support.waiting import DEADLINE_SECONDS, until

T = TypeVar("T")
PROVIDERS = get_args(SimulatedProvider)


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work, DEADLINE_SECONDS)

    return asyncio.run(bounded())


def test_without_any_provider_every_simulator_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    accounts = of_settings(load({}, environ={})).accounts
    assert tuple(account.provider for account in accounts) == STAND_INS == PROVIDERS == tuple(KINDS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_simulator_is_reached_by_an_adapter_that_knows_its_secrets_and_is_a_test_account(
    provider: SimulatedProvider, tmp_path: Path
) -> None:
    wished = payonce.Simulated(provider=provider)
    simulation = start_simulator(wished, tmp_path)
    try:
        adapter = adapter_of(simulation.account)
        port = int(simulation.url.rpartition(":")[2])
        elsewhere = served_elsewhere(payonce.Simulated(provider=provider, port=port), tmp_path)
        assert (adapter.provider, adapter.account, adapter.mode) == (provider, "simulated", "test")
        assert elsewhere == simulation.account
        with pytest.raises(Unavailable) as caught:
            start_simulator(wished, tmp_path)
        assert caught.value.code == "simulator_taken"
    finally:
        simulation.stop()


def test_a_provider_that_is_not_simulated_any_more_leaves_its_folder_free(tmp_path: Path) -> None:
    """A port that is taken leaves no lock behind that would keep the next start from trying."""
    first = start_simulator(payonce.Simulated(), tmp_path / "a")
    port = int(first.url.rpartition(":")[2])
    try:
        with pytest.raises(Unavailable) as caught:
            start_simulator(payonce.Simulated(port=port), tmp_path / "b")
        assert caught.value.code == "port_taken"
        start_simulator(payonce.Simulated(port=port, may_move=True), tmp_path / "b").stop()
    finally:
        first.stop()


@pytest.mark.parametrize(("provider", "currency"), [("stripe", "USD"), ("zalopay", "VND"), ("nowpayments", "USD")])
def test_each_of_them_is_paid_at_and_can_be_asked(
    provider: SimulatedProvider, currency: str, database_url: str, tmp_path: Path
) -> None:
    """All three stand side by side in one process, as `make run` starts them; an order is charged and recorded once."""
    engine = payonce.Payonce(
        database_url, providers=[payonce.Simulated(provider=each) for each in STAND_INS], data_dir=tmp_path,
        base_url="http://shop.example",
    )  # fmt: skip

    async def work() -> payonce.OrderView:
        async with engine:
            placed = await engine.place_order(
                reference="R-1", purpose="fee:1", amount_minor=45_000, currency=currency, payer_reference="p"
            )
            wish = Click(provider=provider)
            checkout = await ensure_checkout(engine.world, "default", placed.order.id, wish)
            assert isinstance(checkout, payonce.Checkout) and checkout.provider == provider
            [simulation] = [each for each in engine.simulations if each.account.provider == provider]
            if provider == "zalopay":
                # Its query tells of money only once its callback was answered, and here nobody answers any.
                simulation.running.sim.core.settings.visible_at_latest = 0.0
            simulation.running.sim.core.payer.pay(checkout.url or checkout.provider_ref)
            return await engine.refresh_order(placed.order)

    order = run(work())
    assert (order.state, order.counters.charged, order.counters.recorded) == ("paid", 1, 1)


def test_of_each_of_them_the_service_hears_by_itself(tmp_path: Path) -> None:
    """Every simulator knows where the service takes its news, and signs them with what the service believes."""
    # Nobody asks and no time passes: what is known came by a webhook.
    service = Service(tmp_path, PAYONCE_JOB_RESOLVE="off", PAYONCE_BASE_URL="http://pay.example").start()
    caller = Caller(f"http://127.0.0.1:{service.port}")
    try:
        place = json.loads((tmp_path / "data" / PLACE_FILE).read_text())
        for provider, currency in (("stripe", "USD"), ("zalopay", "VND"), ("nowpayments", "USD")):
            wish = {"reference": provider, "purpose": provider, "amount_minor": 45_000, "currency": currency,
                    "payer": {"reference": "p"}}  # fmt: skip
            order = caller.post_until("/v1/orders", wish, f"place-{provider}")
            order_url = f"/v1/orders/{order['id']}"
            checkout = caller.post_until(f"{order_url}/checkout", {"provider": provider}, f"pay-{provider}")
            simulator = place["simulators"][f"{provider}/simulated"]
            paid = httpx2.post(f"{simulator}/_sim/pay/{checkout['provider_ref']}", json={}, timeout=DEADLINE_SECONDS)
            assert paid.status_code == 200, paid.text
        until(lambda: told(caller) == set(PROVIDERS), what="every provider's news")
        assert "webhook_forged" not in service.log() and '"verdict":"forged"' not in service.log()
    finally:
        service.stop()


def told(caller: Caller) -> set[str]:
    """The providers of whom an event came."""
    events = caller.get("/v1/events?limit=100") or {"data": []}
    return {event["provider"] for event in events["data"]}


def test_simulators_of_several_merchants_stand_side_by_side(database_url: str, tmp_path: Path) -> None:
    two = [
        payonce.Simulated(provider="stripe"),
        payonce.Simulated(provider="stripe", account="second", merchant_id="shop_2"),
    ]
    engine = payonce.Payonce(database_url, providers=two, data_dir=tmp_path)

    async def work() -> dict[tuple[str, str], str]:
        async with engine:
            return dict(engine.world.merchants)

    assert run(work()) == {("stripe", "simulated"): "default", ("stripe", "second"): "shop_2"}
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["simulator.jsonl", "simulator_second.jsonl"]


REAL = [
    Stripe(api_key="sk_test_1234567890123456", webhook_secrets=["whsec_1234567890123456"]),
    ZaloPay(app_id="1234", key1="key1_of_the_tests_1234", key2s=["key2_of_the_tests_1234"]),
    NowPayments(api_key="KEY-OF-THE-TESTS-1234", ipn_secrets=["ipn_of_the_tests_1234"]),
]


@pytest.mark.parametrize("real", REAL, ids=lambda each: each.provider)
@pytest.mark.parametrize("simulated", PROVIDERS)
def test_no_simulator_stands_beside_a_real_account(
    real: Stripe | ZaloPay | NowPayments, simulated: SimulatedProvider
) -> None:
    with pytest.raises(Refused) as caught:
        payonce.Payonce("postgresql://nowhere", providers=[real, payonce.Simulated(provider=simulated)])
    assert caught.value.code == "simulator_refused"


@pytest.mark.parametrize("real", REAL, ids=lambda each: each.provider)
def test_every_provider_has_an_adapter_of_its_own_name(real: Stripe | ZaloPay | NowPayments) -> None:
    adapter = adapter_of(real)
    assert (adapter.provider, adapter.account) == (real.provider, "main")
    assert real.flow in adapter.capabilities.flows
