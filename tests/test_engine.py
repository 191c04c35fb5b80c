"""The library: an engine inside an application, on asyncio and without a loop, over real databases and servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import httpx2
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import payonce
from payonce import sync
from payonce.base.errors import Conflict, Refused
from payonce.domain.policy import SurplusPolicy
from payonce.installation import Installation
from payonce.joining import psycopg_of
from payonce.providers.simulator.serve import serve_in_thread
from payonce.providers.simulator.signing import stripe_signature
from payonce.providers.simulator.stripe import StripeSimulator
from payonce.usecases.effect_handlers import EffectCall
from payonce.usecases.together import Occasion
from payonce.waking import OWING
from tests.project.tree import SOURCE
from tests.support.waiting import DEADLINE_SECONDS, until

T = TypeVar("T")
SECRET = "whsec_of_the_engine_1234567890"
ORDER: dict[str, Any] = {
    "reference": "R-62", "purpose": "fee:27:2026-05", "amount_minor": 4500, "currency": "USD",
    "payer_reference": "player 27", "success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no",
}  # fmt: skip


@pytest.fixture
def stripe() -> Iterator[StripeSimulator]:
    """Stripe's simulator on a port; `base_url` is where."""
    with serve_in_thread(StripeSimulator()) as running:
        yield running.sim


def account(stripe: StripeSimulator, **more: Any) -> payonce.Stripe:
    said = {"api_key": "sk_test_of_the_engine_1234", "webhook_secrets": [SECRET], "api_base": stripe.base_url}
    return payonce.Stripe(**said | more)


@pytest.fixture
def engine(database_url: str, stripe: StripeSimulator) -> payonce.Payonce:
    """An engine that is not started."""
    return payonce.Payonce(database_url, providers=[account(stripe)])


@pytest.fixture
def stepped(database_url: str, stripe: StripeSimulator) -> Iterator[sync.Payonce]:
    """An engine without a loop, started."""
    with sync.Payonce(database_url, providers=[account(stripe)]) as engine:
        yield engine


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work, DEADLINE_SECONDS)

    return asyncio.run(bounded())


async def soon(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until the condition holds."""

    async def wait() -> None:
        # What is waited for is in a database, which has no event to wait on.
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), DEADLINE_SECONDS)


async def pay(engine: payonce.Payonce, stripe: StripeSimulator, order: payonce.OrderView) -> payonce.OrderView:
    """Pay at the provider and come back to the application's page."""
    checkout = await engine.ensure_checkout(order)
    assert isinstance(checkout, payonce.Checkout) and checkout.provider_ref
    stripe.payer.pay(checkout.provider_ref)
    return await engine.refresh_order(order)


def test_an_order_is_placed_paid_and_fulfilled_once(engine: payonce.Payonce, stripe: StripeSimulator) -> None:
    """E16: however often it is asked again, the effect is done once."""
    invited: list[EffectCall] = []

    @engine.effect("invite", on="order.paid")
    async def invite(effect: EffectCall) -> None:
        invited.append(effect)

    async def work() -> payonce.OrderView:
        async with engine:
            placed = await engine.place_order(**ORDER)
            paid = await pay(engine, stripe, placed.order)
            assert paid.state == "paid"
            await soon(lambda: done(placed.order))
            for _ in range(3):
                await engine.refresh_order(placed.order)
            assert isinstance(await engine.ensure_checkout(placed.order), payonce.AlreadyPaid)
            return await engine.read_order(placed.order)

    async def done(order: payonce.OrderView) -> bool:
        return [effect.state for effect in (await engine.read_order(order)).effects] == ["done"]

    order = run(work())
    assert (order.counters.charged, order.counters.recorded, order.counters.fulfilled) == (1, 1, 1)
    assert len(invited) == 1
    assert invited[0].order["reference"] == "R-62"


def test_a_plain_function_delivers_too_and_its_answer_is_kept(engine: payonce.Payonce, stripe: StripeSimulator) -> None:
    engine.effect("mail", on="order.paid")(lambda effect: f"sent {effect.order['reference']}")

    async def work() -> None:
        async with engine:
            placed = await engine.place_order(**ORDER)
            await pay(engine, stripe, placed.order)
            await soon(lambda: fulfilled(placed.order))

    async def fulfilled(order: payonce.OrderView) -> bool:
        return (await engine.read_order(order)).counters.fulfilled == 1

    run(work())


def test_a_transactional_effect_commits_with_its_mark(
    engine: payonce.Payonce, stripe: StripeSimulator, database_url: str
) -> None:
    """E5: what is written to the same database is written exactly once, also where the handler fails at first."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE seats (order_id text)")
    tries = 0

    @engine.effect("seat", on="order.paid", transactional=True)
    async def seat(effect: EffectCall, connection: psycopg.AsyncConnection[Any]) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("INSERT INTO seats VALUES (%s)", [effect.order["id"]])
        if tries == 1:
            raise payonce.NotDone("not yet", retry_after_seconds=0.01)

    async def work() -> None:
        async with engine:
            placed = await engine.place_order(**ORDER)
            await pay(engine, stripe, placed.order)

            async def fulfilled() -> bool:
                return (await engine.read_order(placed.order)).counters.fulfilled == 1

            await soon(fulfilled)

    run(work())
    with psycopg.connect(database_url) as connection:
        assert len(connection.execute("SELECT order_id FROM seats").fetchall()) == 1
    assert tries == 2


def test_starting_calls_no_provider(database_url: str) -> None:
    """An outage of the provider keeps nobody from starting, and orders are placed meanwhile."""
    unreachable = payonce.Stripe(
        api_key="sk_test_of_the_engine_1234", webhook_secrets=[SECRET], api_base="http://127.0.0.1:9"
    )
    engine = payonce.Payonce(database_url, providers=[unreachable])

    async def work() -> payonce.CheckoutAnswer:
        async with engine:
            placed = await engine.place_order(**ORDER)
            return await engine.ensure_checkout(placed.order)

    answer = run(work())
    assert not isinstance(answer, payonce.Checkout)


def test_an_engine_that_was_not_started_says_so(engine: payonce.Payonce) -> None:
    with pytest.raises(Refused) as refused:
        run(engine.place_order(**ORDER))
    assert refused.value.code == "not_started"


def test_an_engine_without_a_provider_is_refused(database_url: str) -> None:
    with pytest.raises(Refused) as refused:
        payonce.Payonce(database_url)
    assert refused.value.code == "provider_missing"


def test_the_simulator_stands_beside_no_real_account(database_url: str, stripe: StripeSimulator) -> None:
    with pytest.raises(Refused) as refused:
        payonce.Payonce(database_url, providers=[account(stripe), payonce.Simulated()])
    assert refused.value.code == "simulator_refused"


def test_two_accounts_need_two_names(database_url: str, stripe: StripeSimulator) -> None:
    with pytest.raises(Refused) as refused:
        payonce.Payonce(database_url, providers=[account(stripe), account(stripe)])
    assert refused.value.code == "account_name_taken"


def test_test_and_live_and_several_merchants_stand_side_by_side_under_their_names(
    database_url: str, stripe: StripeSimulator
) -> None:
    live = account(stripe, account="live", api_key="sk_live_of_the_engine_1234", api_base=None)
    other = account(stripe, account="other", merchant_id="shop_2")
    wary = payonce.Policy(surplus=SurplusPolicy(second="hold"))
    engine = payonce.Payonce(
        database_url, providers=[account(stripe), live, other], policies={"shop_2": wary},
        base_url="https://shop.example/pay",
    )  # fmt: skip

    async def work() -> None:
        async with engine:
            world = engine.world
            assert world.accounts_of("default") == [("stripe", "main"), ("stripe", "live")]
            assert [world.looker("stripe", name).mode for name in ("main", "live", "other")] == ["test", "live", "test"]
            assert (world.policy_of("shop_2"), world.policy_of("default")) == (wary, payonce.Policy())
            # Every account has an address of its own.
            assert world.callback_url("stripe", "other") == "https://shop.example/pay/webhooks/shop_2/stripe/other"

    run(work())
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT account, mode, merchant_id FROM accounts ORDER BY account").fetchall()
    assert rows == [("live", "live", "default"), ("main", "test", "default"), ("other", "test", "shop_2")]


@pytest.mark.parametrize("more", [{"account": "a/b"}, {"account": ""}, {"merchant_id": "my shop"}])
def test_names_that_cannot_stand_in_an_address_are_refused(stripe: StripeSimulator, more: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        payonce.Payonce("postgresql://nowhere", providers=[account(stripe, **more)])
    assert refused.value.code == "account_name_invalid"


def test_a_flow_that_the_provider_does_not_have_starts_nothing(database_url: str, stripe: StripeSimulator) -> None:
    engine = payonce.Payonce(database_url, providers=[account(stripe, flow="order")])
    with pytest.raises(Refused) as refused:
        run(engine.start())
    assert (refused.value.code, engine.is_started) == ("flow_unknown", False)


def test_an_account_belongs_to_one_merchant(database_url: str, stripe: StripeSimulator) -> None:
    """Another merchant's installation does not start on an account that is taken; test and live are two accounts."""

    async def start(merchant_id: str, api_key: str) -> None:
        mine = account(stripe, merchant_id=merchant_id, api_key=api_key, api_base=None)
        async with payonce.Payonce(database_url, providers=[mine], merchant_id=merchant_id):
            pass

    run(start("one", "sk_test_of_the_engine_1234"))
    run(start("one", "sk_test_of_the_engine_1234"))
    run(start("two", "sk_live_of_the_engine_1234"))
    with pytest.raises(Conflict) as conflict:
        run(start("two", "sk_test_of_the_engine_1234"))
    assert conflict.value.code == "account_taken"


def test_an_engine_whose_start_fails_leaves_nothing_open(tmp_path: Path, stripe: StripeSimulator) -> None:
    engine = payonce.Payonce("postgresql://nobody@127.0.0.1:9/none?connect_timeout=2", providers=[account(stripe)])
    with pytest.raises(payonce.Unavailable):
        run(engine.start())
    assert not engine.is_started


def test_an_order_placed_in_a_transaction_of_the_application_lives_and_dies_with_it(
    engine: payonce.Payonce, database_url: str
) -> None:
    async def work() -> None:
        async with engine, await psycopg.AsyncConnection.connect(database_url) as connection:
            async with connection.transaction(force_rollback=True):
                placed = await engine.transaction(connection).place_order(**ORDER)
            with pytest.raises(Refused) as refused:
                await engine.read_order(placed.order)
            assert refused.value.code == "order_unknown"
            async with connection.transaction():
                placed = await engine.transaction(connection).place_order(**ORDER)
                seen = await engine.transaction(connection).read_order(placed.order)
            assert seen.state == (await engine.read_order(placed.order)).state == "open"

    run(work())


def test_stock_that_is_held_in_a_transaction_of_the_application_is_free_again_with_its_rollback(
    engine: payonce.Payonce, database_url: str
) -> None:
    """C13: what an order holds lives and dies with the transaction that it was placed in."""
    asked: dict[str, Any] = ORDER | {"amount_minor": 0, "items": [payonce.Item("seat", 1)]}

    async def work() -> None:
        async with engine, await psycopg.AsyncConnection.connect(database_url) as connection:
            await engine.set_stock("seat", 1, reason="delivered")
            async with connection.transaction(force_rollback=True):
                placed = await engine.transaction(connection).place_order(**asked)
                assert [item.state for item in placed.order.items] == ["sold"]
            assert [item.free for item in await engine.list_stock()] == [1]
            async with connection.transaction():
                placed = await engine.transaction(connection).place_order(**asked)
            assert [item.sold for item in await engine.list_stock()] == [1]
            back = await engine.restock_order(placed.order, by="mai", reason="came by post")
            assert [item.state for item in back.items] == ["returned"]
            assert engine.show(back)["items"] == [{"sku": "seat", "quantity": 1, "state": "returned"}]

    run(work())


def test_an_engine_without_a_loop_sells_what_there_is_and_not_more(stepped: sync.Payonce) -> None:
    """C13: the last piece is sold once."""
    stepped.set_stock("seat", 1)
    wish: dict[str, Any] = ORDER | {"amount_minor": 0, "items": [{"sku": "seat", "quantity": 1}]}
    first = stepped.place_order(**wish)
    with pytest.raises(Conflict) as error:
        stepped.place_order(**wish | {"reference": "R-63", "purpose": "fee:28"})
    assert error.value.code == "sold_out"
    assert stepped.restock_order(first.order, by="mai", reason="came by post").items[0].state == "returned"
    assert [item.free for item in stepped.list_stock()] == [1]


def test_inside_a_transaction_of_the_application_nobody_can_be_paid(
    engine: payonce.Payonce, stripe: StripeSimulator, database_url: str
) -> None:
    """What a provider made cannot be rolled back, so a checkout inside is refused, with what to do instead."""

    async def work() -> Refused:
        async with engine, await psycopg.AsyncConnection.connect(database_url) as connection:
            async with connection.transaction():
                joined = engine.transaction(connection)
                placed = await joined.place_order(**ORDER)
                with pytest.raises(Refused) as refused:
                    await joined.ensure_checkout(placed.order)
            assert isinstance(await engine.ensure_checkout(placed.order), payonce.Checkout)
            return refused.value

    refused = run(work())
    assert (refused.code, "Commit first" in refused.hint) == ("inside_transaction", True)
    assert len(stripe.truth.payable_now()) == 1


def test_an_order_cancelled_inside_is_closed_at_the_provider_after_the_commit(
    database_url: str, stripe: StripeSimulator
) -> None:
    """X7: closed at the provider, and no call is made while the application's transaction is open."""
    # Marked orders are closed by the next run of this job; here it comes soon. Jobs that read lists would call as well.
    jobs: dict[str, str | float] = {"close": 0.05, "backfill": "off", "recover": "off", "reconcile": "off"}
    told = Installation(database_url=database_url, accounts=(account(stripe),), jobs=jobs)
    engine = payonce.Payonce(installation=told)

    async def work() -> None:
        async with engine, await psycopg.AsyncConnection.connect(database_url) as connection:
            placed = await engine.place_order(**ORDER)
            await engine.ensure_checkout(placed.order)
            calls = len(stripe.calls)
            async with connection.transaction():
                marked = await engine.transaction(connection).cancel_order(placed.order)
                assert (marked.state, len(stripe.calls)) == ("open", calls)

            async def closed() -> bool:
                return (await engine.read_order(placed.order)).state == "closed"

            await soon(closed)

    run(work())
    assert stripe.truth.payable_now() == []


def test_an_effect_added_inside_is_owed_once_and_only_if_it_is_committed(
    engine: payonce.Payonce, database_url: str
) -> None:
    gifts: list[str] = []
    engine.effect("gift", on=None, nature="notification")(lambda effect: gifts.append(effect.cause))

    async def work() -> None:
        async with engine, await psycopg.AsyncConnection.connect(database_url) as connection:
            placed = await engine.place_order(**ORDER)
            for _ in range(2):
                async with connection.transaction():
                    await engine.transaction(connection).add_effect(placed.order, "gift", "birthday")

            async def done() -> bool:
                return [e.state for e in (await engine.read_order(placed.order)).effects] == ["done"]

            await soon(done)
            with pytest.raises(Refused):
                async with connection.transaction():
                    await engine.transaction(connection).add_effect(placed.order, "no such", "birthday")

    run(work())
    assert gifts == ["birthday"]


def test_connections_of_other_libraries_are_unwrapped(database_url: str) -> None:
    class Below:
        def __init__(self, **names: Any) -> None:
            self.__dict__.update(names)

    with psycopg.connect(database_url) as connection:
        assert psycopg_of(connection) is connection
        assert psycopg_of(Below(connection=connection)) is connection  # Django's
        assert psycopg_of(Below(connection=Below(driver_connection=connection))) is connection  # SQLAlchemy's
    with pytest.raises(Refused) as refused:
        psycopg_of(object())
    assert refused.value.code == "connection_unknown"


def test_mounted_in_an_application_it_serves_once_the_engine_is_started(
    database_url: str, stripe: StripeSimulator
) -> None:
    engine = payonce.Payonce(
        database_url, providers=[account(stripe)], base_url="http://shop.example/pay", api_key="key_of_the_engine_1234"
    )
    shop = Starlette(routes=[Mount("/pay", app=engine.asgi())])

    async def work() -> tuple[int, dict[str, Any], dict[str, Any]]:
        transport = httpx2.ASGITransport(app=shop)
        headers = {"Authorization": "Bearer key_of_the_engine_1234"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop.example", headers=headers) as client:
            before = await client.get("/pay/readyz")
            async with engine:
                placed = await engine.place_order(**ORDER)
                ready = await client.get("/pay/readyz")
                seen = await client.get(f"/pay/v1/orders/{engine.show(placed.order)['id']}")
                return before.status_code, ready.json(), seen.json()

    before, ready, seen = run(work())
    assert before == 503
    assert ready["ready"] is True
    assert seen["pay_url"].startswith("http://shop.example/pay/pay/")


def test_served_by_itself_it_starts_and_stops_with_its_lifespan(engine: payonce.Payonce) -> None:
    async def work() -> list[str]:
        told: list[str] = []
        coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def send(message: Any) -> None:
            told.append(message["type"])

        served = asyncio.create_task(engine.asgi()({"type": "lifespan"}, coming.get, send))
        await coming.put({"type": "lifespan.startup"})

        async def started() -> bool:
            return bool(told)

        await soon(started)
        assert engine.is_started
        await coming.put({"type": "lifespan.shutdown"})
        await served
        return told

    assert run(work()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert not engine.is_started


def test_a_start_that_fails_under_a_server_says_why(stripe: StripeSimulator) -> None:
    engine = payonce.Payonce("postgresql://nobody@127.0.0.1:9/none?connect_timeout=2", providers=[account(stripe)])

    async def work() -> dict[str, Any]:
        told: list[Any] = []
        coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await coming.put({"type": "lifespan.startup"})

        async def send(message: Any) -> None:
            told.append(message)

        await engine.asgi()({"type": "lifespan"}, coming.get, send)
        return dict(told[0])

    assert run(work())["type"] == "lifespan.startup.failed"


def test_without_a_loop_the_same_is_done_by_the_same_core(stepped: sync.Payonce, stripe: StripeSimulator) -> None:
    """The synchronous driver: placed, paid, worked and fulfilled in one thread."""
    done: list[str] = []
    stepped.effect("invite", on="order.paid")(lambda effect: done.append(effect.key))
    placed = stepped.place_order(**ORDER)
    checkout = stepped.ensure_checkout(placed.order)
    assert isinstance(checkout, payonce.Checkout) and checkout.provider_ref
    assert stepped.ensure_checkout(placed.order) == checkout.__class__(
        **{name: getattr(checkout, name) for name in checkout.__slots__} | {"outcome": "reused"}
    )
    stripe.payer.pay(checkout.provider_ref)
    assert stepped.refresh_order(placed.order).state == "paid"
    until(lambda: stepped.work() and done)
    assert stepped.read_order(placed.order).counters.fulfilled == 1
    assert len(done) == 1


def test_without_a_loop_a_transaction_of_the_application_is_joined(
    stepped: sync.Payonce, stripe: StripeSimulator, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        with connection.transaction():
            joined = stepped.transaction(connection)
            placed = joined.place_order(**ORDER)
            with pytest.raises(Refused) as refused:
                joined.ensure_checkout(placed.order)
            assert refused.value.code == "inside_transaction"
        stepped.ensure_checkout(placed.order)
        with connection.transaction():
            assert stepped.transaction(connection).cancel_order(placed.order).state == "open"
    stepped.work()
    assert stepped.read_order(placed.order).state == "closed"
    assert stripe.truth.payable_now() == []


def test_a_webhook_is_taken_in_by_a_route_of_the_applications_own(
    stepped: sync.Payonce, stripe: StripeSimulator
) -> None:
    """B16: what is not signed with the secret is forged, and changes nothing."""
    placed = stepped.place_order(**ORDER)
    checkout = stepped.ensure_checkout(placed.order)
    assert isinstance(checkout, payonce.Checkout) and checkout.provider_ref
    stripe.payer.pay(checkout.provider_ref)
    listed = httpx2.get(f"{stripe.base_url}/v1/events", headers={"Authorization": "Bearer sk_test_x"}).json()["data"]
    [told] = [event for event in listed if event["type"] == "payment_intent.succeeded"]
    body, now = json.dumps(told).encode(), int(time.time())
    forged = stepped.receive("stripe", {"Stripe-Signature": stripe_signature(("whsec_another_1234",), now, body)}, body)
    assert (forged.verdict, stepped.read_order(placed.order).state) == ("forged", "open")
    signed = {"Stripe-Signature": stripe_signature((SECRET,), now, body)}
    received = [stepped.receive("stripe", signed, body) for _ in range(2)]
    assert [each.verdict for each in received] == ["accepted", "duplicate"]
    assert [stepped.acknowledge(each).status for each in (*received, forged)] == [200, 200, 400]
    assert stepped.read_order(placed.order).state == "paid"


def test_an_order_is_named_by_its_id_in_any_form(stepped: sync.Payonce) -> None:
    placed = stepped.place_order(**ORDER)
    text = stepped.show(placed.order)["id"]
    assert stepped.read_order(text).id == stepped.read_order(placed.order.id).id == placed.order.id
    with pytest.raises(Refused) as refused:
        stepped.read_order("ord_nonsense")
    assert refused.value.code == "id_invalid"


def test_the_public_names_are_there_when_they_are_asked_for() -> None:
    for name in payonce.__all__:
        assert getattr(payonce, name) is not None
    with pytest.raises(AttributeError):
        _ = payonce.nothing_of_that_name


def test_the_transactions_that_wake_the_worker_exist() -> None:
    """A name that nobody uses any more would let effects wait for their interval, and nobody would notice."""
    source = "".join(path.read_text("utf-8") for path in (SOURCE / "usecases").glob("*.py"))
    gathered = set(get_args(Occasion))
    assert {name for name in OWING if f'name="{name}"' not in source} - gathered == set()


def test_an_order_without_a_page_to_come_back_to_is_payable_all_the_same(stepped: sync.Payonce) -> None:
    """D1: the payer is led back to the service's own page, as with an order that was placed by the interface."""
    placed = stepped.place_order(**{name: value for name, value in ORDER.items() if not name.endswith("_url")})
    assert placed.order.success_url.endswith("/thanks")
    assert isinstance(stepped.ensure_checkout(placed.order), payonce.Checkout)
