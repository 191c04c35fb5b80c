"""The library without an event loop: for Django, Flask and scripts. The same core, stepped in the caller's thread.

    from payonce.sync import Payonce

    engine = Payonce("postgresql://…", providers=[Stripe(…)])
    engine.start()
    placed = engine.place_order(reference="R-62", purpose="fee:27:2026-05", amount_minor=4500, …)

No thread and no loop is started. Effects are delivered by `payonce worker`, by a process that calls `run_worker()`, or
by a script that calls `work()`. Any number of threads may use one engine.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from payonce import app
from payonce.accounts import Account, Simulated
from payonce.base.clock import Clock
from payonce.base.errors import Bug, Conflict, Refused
from payonce.declaring import Bounded, Declares, Offload
from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.domain.refund import Serves
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.embedded import EmbeddedServer
from payonce.drivers.http import SyncTransport
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.ids_of import id_of
from payonce.installation import DEFAULT_DATA_DIR, Installation
from payonce.jobs.dry import look
from payonce.jobs.lane import Lane
from payonce.jobs.worker import Job, Would, unobserved
from payonce.joining import Joined as _Joined
from payonce.joining import joined_world, psycopg_of
from payonce.providers.contract import Acknowledgement
from payonce.simulators import served_elsewhere
from payonce.store.migrate import migrate, require_current
from payonce.sync_tally import PAUSE, SyncTally
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.acknowledge import acknowledgement_of
from payonce.usecases.answers import CheckoutAnswer, OrderView, Placed, Received, RefundView
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.claim_accounts import claim_accounts
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.deliver_effects import OneAfterAnother
from payonce.usecases.ensure_checkout import Click
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.list_refunds import list_refunds
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.python_handlers import at_once, unbounded
from payonce.usecases.read_order import read_order
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.refresh_order import refresh_order
from payonce.usecases.restock_order import restock_order
from payonce.usecases.run_context import RunContext
from payonce.usecases.set_stock import StockView, list_stock, set_stock
from payonce.usecases.tally_checkouts import counted_checkout
from payonce.usecases.world import World


class Joined:
    """What can be done inside a transaction of the application. It commits and rolls back nothing."""

    def __init__(self, joined: _Joined) -> None:
        self._joined = joined

    def place_order(self, wish: PlaceOrder | None = None, /, **values: Any) -> Placed:
        """Place an order, or find the one that is there."""
        return run_to_end(self._joined.place_order(wish, **values))

    def read_order(self, order: OrderView | UUID | str) -> OrderView:
        """The order as it stands, with what this transaction changed."""
        return run_to_end(self._joined.read_order(order))

    def cancel_order(self, order: OrderView | UUID | str) -> OrderView:
        """Mark the order to be closed; a worker closes it at the provider after the COMMIT."""
        return run_to_end(self._joined.cancel_order(order))

    def add_effect(self, order: OrderView | UUID | str, name: str, cause: str) -> str:
        """Owe the effect `name` of the order for `cause`, once; its key."""
        return run_to_end(self._joined.add_effect(order, name, cause))

    def ensure_checkout(self, order: OrderView | UUID | str) -> CheckoutAnswer:
        """Always raises Refused `inside_transaction`."""
        return run_to_end(self._joined.ensure_checkout(order))


class Payonce(Declares):
    """One installation in one process. Declare effects, then start it once. Arguments as of `payonce.Payonce`."""

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
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        connections: int = 10,
        installation: Installation | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.installation = installation or Installation(
            database_url=database_url,
            data_dir=Path(data_dir),
            accounts=tuple(providers),
            merchant_id=merchant_id,
            policy=policy or Policy(),
            policies=policies or {},
            base_url=base_url.rstrip("/"),
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            connections=connections,
        )
        app.check_accounts(self.installation.accounts)
        self._assembly = app.Assembly(self.installation)
        self._clock, self._chance = clock or BlockingClock(), SystemChance()
        # Sending needs an event loop, so webhooks and mails are owed here and sent by `payonce worker`.
        self._assembly.add_outgoing(self._clock, deliver=False)
        self._server: EmbeddedServer | None = None
        self._database: SyncDatabase | None = None
        self._transport: SyncTransport | None = None
        self._lanes: list[Lane] | None = None
        self._tally: SyncTally | None = None

    def start(self, *, prepare: bool = True, any_schema: bool = False) -> None:
        """Open the database, and with `prepare` bring it up to date and claim the accounts. Calls no provider. Whatever
        fails closes again. `any_schema`: for whoever only looks whether the schema fits.

        The simulator is not started here: `payonce serve --simulate` serves it, and this engine finds it by its port.
        """
        if self._database is not None:
            raise Refused("the engine is started already", code="already_started")
        try:
            self._open(prepare, any_schema)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close connections, and the embedded server if it is ours."""
        if self._tally is not None:
            self._tally.write()
        for part in (self._database, self._transport):
            if part is not None:
                part.close()
        if self._server is not None:
            self._server.stop()
        self._database = self._transport = self._server = self._lanes = self._tally = None
        self._assembly.world = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def world(self) -> World:
        """What the use cases are handed. Raises Refused `not_started`."""
        if self._assembly.world is None:
            raise Refused("the engine was not started", code="not_started", hint="Call engine.start() first.")
        return self._assembly.world

    def place_order(self, wish: PlaceOrder | None = None, /, **values: Any) -> Placed:
        """Place an order, or find the one that is there. Values as of `PlaceOrder`."""
        return run_to_end(place_order(self.world, self.installation.merchant_id, wish or PlaceOrder(**values)))

    def ensure_checkout(
        self, order: OrderView | UUID | str, *, flow: str | None = None, account: str | None = None,
        provider: str | None = None, leave_attempt: int | None = None,
    ) -> CheckoutAnswer:  # fmt: skip
        """A payable attempt of the order, or why there is none now. Any number of calls make one payable object.

        `leave_attempt`: the number of an attempt that its provider cannot cancel (`Checkout.can_leave`), of which the
        payer says expressly that nothing was sent.
        """
        click = Click(provider=provider, account=account, flow=flow, leave_attempt=leave_attempt)
        world, merchant_id = self.world, self.installation.merchant_id
        tally = self._tally or SyncTally(world, self._clock)
        try:
            answer = run_to_end(counted_checkout(tally, world, merchant_id, id_of(order), click))
        except (Conflict, Refused):
            tally.write(PAUSE)
            raise
        tally.write(PAUSE)
        return answer

    def read_order(self, order: OrderView | UUID | str) -> OrderView:
        """The order as it stands. Reading changes nothing."""
        return run_to_end(read_order(self.world, self.installation.merchant_id, id_of(order)))

    def refresh_order(self, order: OrderView | UUID | str) -> OrderView:
        """The order after at most one question to the provider."""
        return run_to_end(refresh_order(self.world, self.installation.merchant_id, id_of(order)))

    def accept_payment(self, order: OrderView | UUID | str, *, by: str, reason: str) -> OrderView:
        """Let held money of the order pay it after all. Raises Conflict as the asynchronous one does."""
        merchant_id = self.installation.merchant_id
        return run_to_end(accept_payment(self.world, merchant_id, id_of(order), by=by, reason=reason))

    def cancel_order(self, order: OrderView | UUID | str) -> OrderView:
        """Close the order, at the provider first. Raises Conflict `order_paid`."""
        return run_to_end(cancel_order(self.world, self.installation.merchant_id, id_of(order)))

    def set_stock(self, sku: str, on_hand: int, *, by: str = "application", reason: str = "") -> StockView:
        """Say how many pieces of an item there are, with those that orders hold or bought."""
        return run_to_end(set_stock(self.world, self.installation.merchant_id, sku, on_hand, by=by, reason=reason))

    def list_stock(self, *, limit: int = 100, after: str | None = None) -> list[StockView]:
        """Items of stock by sku, behind the sku `after`."""
        return run_to_end(list_stock(self.world, self.installation.merchant_id, limit=limit, after=after))

    def restock_order(
        self, order: OrderView | UUID | str, *, by: str, reason: str, skus: Collection[str] | None = None
    ) -> OrderView:
        """Take goods of a paid order back into stock, once. Raises Conflict `nothing_to_restock`."""
        merchant_id = self.installation.merchant_id
        return run_to_end(restock_order(self.world, merchant_id, id_of(order), by=by, reason=reason, skus=skus))

    def refund_order(
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
        return run_to_end(asked)

    def list_refunds(
        self, order: OrderView | UUID | str | None = None, *, state: str | None = None, limit: int = 20
    ) -> list[RefundView]:
        """Refunds, the newest first; of one order, or of all."""
        order_id = id_of(order) if order is not None else None
        merchant_id = self.installation.merchant_id
        found = list_refunds(self.world, merchant_id, limit=limit, state=state, order_id=order_id)
        return run_to_end(found)

    def list_findings(self, *, limit: int = 20, **filters: Any) -> list[FindingView]:
        """Differences that somebody must resolve, the newest first. Filters: state, kind, severity, provider, owner."""
        return run_to_end(list_findings(self.world, self.installation.merchant_id, limit=limit, **filters))

    def receive(
        self, provider: str, headers: Mapping[str, str], body: bytes, *, account: str | None = None
    ) -> Received:
        """Take in one webhook; `acknowledge` says what to answer."""
        delivery = Delivery(provider, account, {name.lower(): value for name, value in headers.items()}, body)
        [received] = run_to_end(receive(self.world, self.installation.merchant_id, [delivery]))
        return received

    def acknowledge(self, received: Received) -> Acknowledgement:
        """The status and the body to answer a webhook with, in its provider's own words."""
        return acknowledgement_of(self.world, self.installation.merchant_id, received)

    def transaction(self, connection: Any) -> Joined:
        """Join a transaction of the application that is open on `connection` (psycopg's, Django's, SQLAlchemy's)."""
        world = joined_world(self.world, self._assembly.adapters, psycopg_of(connection), self._clock)
        return Joined(_Joined(world, self.installation.merchant_id, self._assembly.handlers))

    def show(self, order: OrderView) -> dict[str, Any]:
        """The order as `GET /v1/orders/{id}` gives it."""
        return self._assembly.show(order)

    def work(self) -> float:
        """Run a batch of every job that is due; after how many seconds the next is due. For a script or a scheduler of
        the application's own."""
        if self._lanes is None:
            self._lanes = self._assembly.lanes(self.world, OneAfterAnother(), unobserved)
        return min([run_to_end(lane.step()) for lane in self._lanes], default=60.0)

    def run_worker(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Work until `stop()` says so; it is asked after every round."""
        while not stop():
            time.sleep(self.work())

    def run_job(self, job: Job, by: str) -> RunContext:
        """Run one job to its end, because somebody asked for it. Raises Conflict `job_running`, `job_paused`,
        `job_retired`.
        """
        return run_to_end(self._lane(job).run_now(by))

    def look_at_job(self, job: Job) -> dict[str, Would]:
        """What the job would take up now, by merchant; nothing is written and nobody called. Raises Refused
        `job_not_dry`.
        """
        lane = self._lane(job)
        return run_to_end(look(lane.job, lane.hand, lane.merchants))

    def _lane(self, job: Job) -> Lane:
        return self._assembly.lane(job, self.world, OneAfterAnother(), unobserved)

    def work_in(self, world: World) -> World:
        """Do what follows in this world, as the run of a script does; the world before it."""
        before, self._assembly.world = self.world, world
        return before

    def merchants(self) -> list[str]:
        """Every merchant of the installation."""
        return self._assembly.merchants()

    def adopt_kinds(self, kinds: Sequence[EffectKind]) -> None:
        """Owe what another engine of the application declares, and leave its delivery to that one."""
        known = {kind.name for kind in self._assembly.kinds}
        self._assembly.kinds.extend(kind for kind in kinds if kind.name not in known)

    @property
    def database_url(self) -> str:
        """Where the database is that it works on. Raises Bug before the start."""
        url = self.installation.database_url or (self._server.dsn() if self._server is not None else None)
        if url is None:
            raise Bug("the engine was not started")
        return url

    def _open(self, prepare: bool, any_schema: bool) -> None:
        if self.installation.database_url is None:
            self._server = EmbeddedServer(self.installation.data_dir)
            self._server.start()
        url = self.database_url
        connections = self.installation.connections
        self._database = SyncDatabase(url, clock=self._clock, chance=self._chance, connections=connections)
        if prepare:
            run_to_end(migrate(self._database, only_pre=self._server is None))
        if not any_schema:
            run_to_end(require_current(self._database))
        self._transport = transport = SyncTransport()
        accounts = [
            served_elsewhere(account, self.installation.data_dir) if isinstance(account, Simulated) else account
            for account in self.installation.accounts
        ]
        build = self._assembly.build_world
        world = build(self._database, self._clock, self._chance, lambda provider: transport, accounts)
        self._tally = SyncTally(world, self._clock)
        if prepare:
            run_to_end(claim_accounts(world))
            run_to_end(self._assembly.register(world))

    def _offload(self) -> Offload:
        return at_once

    def _bounded(self) -> Bounded:
        async def unlimited(call: Awaitable[Any]) -> Any:
            return await unbounded(call)

        return unlimited
