"""The library: payonce inside an application on asyncio.

    engine = Payonce("postgresql://…", providers=[Stripe(api_key=…, webhook_secrets=[…])])

    @engine.effect("invite", on="order.paid", on_unknown="ask")
    async def invite(effect): ...

    async with engine:
        placed = await engine.place_order(reference="R-62", purpose="fee:27:2026-05", amount_minor=4500, …)
        checkout = await engine.ensure_checkout(placed.order)

Starting opens the database and calls no provider. Refuses to start without a provider, on a database that another
release has migrated, and with an account that is another merchant's.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from payonce import app
from payonce.accounts import Account, Real, Simulated
from payonce.alarm import Alarm
from payonce.asgi import Mounted
from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.clicking import Clicking
from payonce.declaring import Bounded, Declares, Offload
from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.domain.refund import Serves
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import SystemClock
from payonce.drivers.embedded import EmbeddedServer
from payonce.drivers.http import AsyncTransport
from payonce.drivers.postgres_async import AsyncDatabase
from payonce.ids_of import id_of
from payonce.installation import DEFAULT_DATA_DIR, Installation
from payonce.jobs.running import Worker
from payonce.jobs.worker import Ran
from payonce.joining import Joined, joined_world, psycopg_of
from payonce.notify import side_by_side
from payonce.providers.contract import Acknowledgement
from payonce.simulators import Simulation, served_elsewhere, start_simulator
from payonce.store.migrate import migrate, require_current
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.acknowledge import acknowledgement_of
from payonce.usecases.answers import CheckoutAnswer, OrderView, Placed, Received, RefundView
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.claim_accounts import claim_accounts
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.ensure_checkout import Click
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.list_refunds import list_refunds
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import read_order
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.refresh_order import refresh_order
from payonce.usecases.restock_order import restock_order
from payonce.usecases.set_stock import StockView, list_stock, set_stock
from payonce.usecases.world import World
from payonce.waking import WakingDatabase


class Payonce(Declares):
    """One installation in one process. Declare effects, then start it once; it is used from one event loop."""

    def __init__(
        self,
        database_url: str | None = None,
        *,
        providers: Sequence[Account] = (),
        data_dir: str | Path = DEFAULT_DATA_DIR,
        merchant_id: str = "default",
        policy: Policy | None = None,
        policies: Mapping[str, Policy] | None = None,
        base_url: str = "http://127.0.0.1:8080",
        api_key: str | None = None,
        pay_page_url: str | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        connections: int = 10,
        installation: Installation | None = None,
        shop: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Without `database_url` PostgreSQL runs embedded, its data in `data_dir`. `base_url` is how payers and
        providers reach `engine.asgi()`, the prefix included that it is mounted below. Every value is described at
        `Installation`, which can be handed in instead. Raises Refused for what can never start."""
        self.installation = installation or Installation(
            database_url=database_url,
            data_dir=Path(data_dir),
            accounts=tuple(providers),
            merchant_id=merchant_id,
            policy=policy or Policy(),
            policies=policies or {},
            base_url=base_url.rstrip("/"),
            api_key=api_key,
            pay_page_url=pay_page_url,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            connections=connections,
        )
        app.check_accounts(self.installation.accounts)
        # Without one given, the API of a library is closed: nobody knows this key.
        self.api_key = self.installation.api_key or secrets.token_urlsafe(32)
        # The simulators that this process serves.
        self.simulations: list[Simulation] = []
        self._assembly = app.Assembly(self.installation)
        # Another clock than the machine's is for tests, which move it (`payonce.testing.clock`).
        self._clock, self._chance = clock or SystemClock(), SystemChance()
        self._senders = self._assembly.add_outgoing(self._clock)
        self._alarm = Alarm(self.installation, self._clock, self._senders)
        self._shop = shop
        self._server: EmbeddedServer | None = None
        self._database: AsyncDatabase | None = None
        self._transport: AsyncTransport | None = None
        self._worker: Worker | None = None
        self._mounted: Mounted | None = None
        self._counted: Any = None
        self._clicking: Clicking | None = None

    async def start(self, *, work: bool = True, local_url: str | None = None, simulator: bool = True) -> None:
        """Open everything: database, migrations, accounts, and (with `work`) the worker. Whatever fails closes again.

        `local_url` is where the simulator reaches this process when `base_url` is for others; without `simulator` it is
        served by another process. Raises Refused, Conflict and Unavailable with what to do.
        """
        if self._database is not None:
            raise Refused("the engine is started already", code="already_started")
        try:
            await self._open((local_url or self.installation.base_url) if simulator else None)
            self._worker = self._make_worker() if work else None
            if self._worker is not None:
                self._worker.start()
                self._alarm.begin(self.world, self._worker.lanes)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """End what was begun: the worker's steps, then requests and their evidence, then connections, then servers.

        Whatever one of them raises, the others are ended too.
        """
        async with AsyncExitStack() as ending:
            # Pushed last, ended first.
            ending.callback(self._forget)
            if self._server is not None:
                ending.push_async_callback(asyncio.to_thread, self._server.stop)
            for simulation in self.simulations:
                ending.push_async_callback(asyncio.to_thread, simulation.stop)
            for sender in (self._transport, *self._senders):
                if sender is not None:
                    ending.push_async_callback(sender.close)
            if self._database is not None:
                ending.push_async_callback(self._database.close)
            for part in (self._mounted, self._clicking):
                if part is not None:
                    ending.push_async_callback(part.aclose)
            ending.push_async_callback(self._alarm.close)
            if self._worker is not None:
                ending.push_async_callback(self._worker.stop)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def kinds(self) -> Sequence[EffectKind]:
        """What it declares to be owed by itself."""
        return tuple(self._assembly.kinds)

    @property
    def is_started(self) -> bool:
        """Whether it is open."""
        return self._database is not None

    @property
    def world(self) -> World:
        """What the use cases are handed. Raises Refused `not_started`."""
        if self._assembly.world is None:
            raise Refused(
                "the engine was not started",
                code="not_started",
                hint="Call `await engine.start()` in your application's lifespan, or use `async with engine:`.",
            )
        return self._assembly.world

    def work_in(self, world: World) -> None:
        """Do what follows in this world, as the run of a script does."""
        self._assembly.world = world

    async def place_order(self, wish: PlaceOrder | None = None, /, **values: Any) -> Placed:
        """Place an order, or find the one that is there. Values as of `PlaceOrder`.

        Raises Refused for a wish that cannot be, and Conflict `order_paid`, `purpose_taken`, `purpose_held`,
        `reference_taken`, `sold_out`.
        """
        return await place_order(self.world, self.installation.merchant_id, wish or PlaceOrder(**values))

    async def ensure_checkout(
        self, order: OrderView | UUID | str, *, flow: str | None = None, account: str | None = None,
        provider: str | None = None, leave_attempt: int | None = None,
    ) -> CheckoutAnswer:  # fmt: skip
        """A payable attempt of the order, or why there is none now. Any number of calls make one payable object.

        `leave_attempt`: the number of an attempt that its provider cannot cancel (`Checkout.can_leave`), of which the
        payer says expressly that nothing was sent.
        """
        click = Click(provider=provider, account=account, flow=flow, leave_attempt=leave_attempt)
        self._clicking = self._clicking or Clicking(self.world)
        return await self._clicking.ensure(self.world, self.installation.merchant_id, id_of(order), click)

    async def read_order(self, order: OrderView | UUID | str) -> OrderView:
        """The order as it stands. Reading changes nothing. Raises Refused `order_unknown`."""
        return await read_order(self.world, self.installation.merchant_id, id_of(order))

    async def refresh_order(self, order: OrderView | UUID | str) -> OrderView:
        """The order after at most one question to the provider: for the page that a payer returns to."""
        return await refresh_order(self.world, self.installation.merchant_id, id_of(order))

    async def cancel_order(self, order: OrderView | UUID | str) -> OrderView:
        """Close the order, at the provider first. Raises Conflict `order_paid`."""
        return await cancel_order(self.world, self.installation.merchant_id, id_of(order))

    async def accept_payment(self, order: OrderView | UUID | str, *, by: str, reason: str) -> OrderView:
        """Let held money of the order pay it after all. Raises Conflict `order_paid`, `nothing_held`,
        `attempt_still_live`."""
        return await accept_payment(self.world, self.installation.merchant_id, id_of(order), by=by, reason=reason)

    async def set_stock(self, sku: str, on_hand: int, *, by: str = "application", reason: str = "") -> StockView:
        """Say how many pieces of an item there are, with those that orders hold or bought. Raises Conflict
        `stock_in_use` for fewer than that."""
        return await set_stock(self.world, self.installation.merchant_id, sku, on_hand, by=by, reason=reason)

    async def list_stock(self, *, limit: int = 100, after: str | None = None) -> list[StockView]:
        """Items of stock by sku, behind the sku `after`."""
        return await list_stock(self.world, self.installation.merchant_id, limit=limit, after=after)

    async def restock_order(
        self, order: OrderView | UUID | str, *, by: str, reason: str, skus: Collection[str] | None = None
    ) -> OrderView:
        """Take goods of a paid order back into stock, once. Raises Conflict `nothing_to_restock`."""
        merchant_id = self.installation.merchant_id
        return await restock_order(self.world, merchant_id, id_of(order), by=by, reason=reason, skus=skus)

    async def refund_order(
        self, order: OrderView | UUID | str, *, by: str, reason: str, amount_minor: int | None = None,
        of: Serves = "order", by_hand: bool = False,
    ) -> list[RefundView]:  # fmt: skip
        """Send money of the order back, or of its surplus: all that is left of it, or an amount. The worker sends it;
        `by_hand`: it was sent by other means already, and is only booked.

        Raises Refused `amount_too_large`, `reason_missing`; Conflict `order_not_paid`, `nothing_to_refund`,
        `order_disputed`, `refund_unsupported`.
        """
        merchant_id, order_id = self.installation.merchant_id, id_of(order)
        asked = ask_refund(
            self.world, merchant_id, order_id, reason=reason, actor=by, amount_minor=amount_minor, of=of,
            by_hand=by_hand,
        )  # fmt: skip
        return await asked

    async def list_refunds(
        self, order: OrderView | UUID | str | None = None, *, state: str | None = None, limit: int = 20
    ) -> list[RefundView]:
        """Refunds, the newest first; of one order, or of all."""
        order_id = id_of(order) if order is not None else None
        merchant_id = self.installation.merchant_id
        found = list_refunds(self.world, merchant_id, limit=limit, state=state, order_id=order_id)
        return await found

    async def list_findings(self, *, limit: int = 20, **filters: Any) -> list[FindingView]:
        """Differences that somebody must resolve, the newest first. Filters: state, kind, severity, provider, owner."""
        return await list_findings(self.world, self.installation.merchant_id, limit=limit, **filters)

    async def receive(
        self, provider: str, headers: Mapping[str, str], body: bytes, *, account: str | None = None
    ) -> Received:
        """Take in one webhook, in an application that has a route of its own for it. `acknowledge` says what to
        answer; without `account` it is the one whose secret verifies."""
        lowered = {name.lower(): value for name, value in headers.items()}
        delivery = Delivery(provider, account, lowered, body)
        [received] = await receive(self.world, self.installation.merchant_id, [delivery])
        return received

    def acknowledge(self, received: Received) -> Acknowledgement:
        """The status and the body to answer a webhook with, in its provider's own words."""
        return acknowledgement_of(self.world, self.installation.merchant_id, received)

    def transaction(self, connection: Any) -> Joined:
        """Join a transaction of the application that is open on `connection` (psycopg's, or Django's or SQLAlchemy's
        over it): what is done through the answer is committed or rolled back by the application."""
        world = joined_world(self.world, self._assembly.adapters, psycopg_of(connection), self._clock)
        return Joined(world, self.installation.merchant_id, self._assembly.handlers)

    def show(self, order: OrderView) -> dict[str, Any]:
        """The order as `GET /v1/orders/{id}` gives it."""
        return self._assembly.show(order)

    def asgi(self) -> Mounted:
        """The HTTP edge (webhooks, payment links, status pages, `/v1`) to be mounted, or to be served by itself."""
        if self._mounted is None:
            self._mounted = Mounted(self)
        return self._mounted

    def worker(self) -> Worker:
        """The worker of a process that does nothing else: `await engine.worker().run()`, after `start(work=False)`."""
        if self._worker is None:
            self._worker = self._make_worker()
        return self._worker

    async def _open(self, local_url: str | None) -> None:
        url = self.installation.database_url
        if url is None:
            self._server = EmbeddedServer(self.installation.data_dir)
            await asyncio.to_thread(self._server.start)
            url = self._server.dsn()
        connections = self.installation.connections
        database = AsyncDatabase(url, clock=self._clock, chance=self._chance, connections=connections)
        self._database = database
        await database.open()
        # With old processes beside us only what is harmless to them is applied; the rest is `payonce db migrate`'s.
        await migrate(database, only_pre=self._server is None)
        await require_current(database)
        self._transport = AsyncTransport()
        accounts = [await self._resolve(account, local_url) for account in self.installation.accounts]
        waking = WakingDatabase(database, self._wake)
        # A simulator of ours reaches this process where it listens, whatever it is to others.
        public_url = local_url if self.simulations else None
        traced = app.traced(self._transport)
        world = self._assembly.build_world(waking, self._clock, self._chance, traced, accounts, public_url)
        await claim_accounts(world)
        await self._assembly.register(world)

    async def _resolve(self, account: Account, local_url: str | None) -> Real:
        if not isinstance(account, Simulated):
            return account
        if local_url is None:
            return served_elsewhere(account, self.installation.data_dir)
        simulation = await asyncio.to_thread(start_simulator, account, self.installation.data_dir)
        self.simulations.append(simulation)
        simulation.deliver_to(f"{local_url}/webhooks/{account.merchant_id}/{account.provider}/{account.account}")
        return simulation.account

    def build_api(self) -> Any:
        """The HTTP edge as it is now; what `asgi()` leads to."""
        simulators = [(each.account.provider, each.url, each.running.sim.base_url) for each in self.simulations]
        background = [self._worker.ended] if self._worker is not None else []
        return app.build_api(
            self.world, self.installation, self.api_key, simulators, self._shop, self._metrics(), background,
            self._alarm.alerting, lambda: self._database.wait_seconds if self._database else 0.0,
        )  # fmt: skip

    def _metrics(self) -> Any:
        if self._counted is None:
            self._counted = self._alarm.counted = app.make_metrics()
        return self._counted

    def _make_worker(self) -> Worker:
        alerting = self._alarm.alerting
        return Worker(self._assembly.lanes(self.world, side_by_side.SideBySide(), self._observed, alerting))

    def _forget(self) -> None:
        self._worker = self._database = self._transport = self._server = self._clicking = None
        self.simulations.clear()
        self._assembly.world = None

    def _wake(self) -> None:
        if self._worker is not None:
            self._worker.wake()

    def _observed(self, job: str, merchant_id: str, result: Any) -> None:
        if self._counted is None:
            return
        if isinstance(result, Ran):
            self._counted.batch(job, result.taken, result.messages)
        elif job == "deliver":
            for delivered in result:
                self._counted.effect(delivered.kind, delivered.outcome)

    def _offload(self) -> Offload:
        return side_by_side.in_thread

    def _bounded(self) -> Bounded:
        return side_by_side.bounded()
