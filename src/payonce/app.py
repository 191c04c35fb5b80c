"""The composition root: the only place that names a provider, and the place where the parts are put together.

Nothing here is opened and no provider is called: the engine opens what it is handed, when it starts. A simulator
never stands beside a real account.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from payonce.accounts import Account, NowPayments, Real, Simulated, Stripe, ZaloPay
from payonce.api import shapes as shapes
from payonce.api import shapes_of_alerts as shapes_of_alerts
from payonce.api import shapes_of_findings as shapes_of_findings
from payonce.api import shapes_of_jobs as shapes_of_jobs
from payonce.api import shapes_of_payouts as shapes_of_payouts
from payonce.api import shapes_of_reconciliations as shapes_of_reconciliations
from payonce.base.chance import Chance
from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.base.ids import Ids
from payonce.domain.effect import EffectKind
from payonce.domain.switch import MESSAGES
from payonce.installation import Installation
from payonce.jobs.lane import Lane
from payonce.jobs.timetable import TIMETABLE, timetable, with_caps
from payonce.jobs.worker import Hand, Job
from payonce.providers.contract import Adapter
from payonce.providers.gateway import ProviderTill
from payonce.providers.stripe.access import API_BASE
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.transport import Transport
from payonce.store.database import Database, Tx
from payonce.third_party import third_party_adapter
from payonce.usecases.alerting import Alerting
from payonce.usecases.answers import OrderView
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.find_recipient import Recipient, find_recipient
from payonce.usecases.read_order import read_orders, read_within
from payonce.usecases.register_jobs import register_jobs
from payonce.usecases.world import World

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from payonce.notify.sender import HttpSender

# Stands for a key that the service makes by itself.
GENERATED: Final = "a key that is made at the first start"
# A name that no server ever has (RFC 2606): whoever gives it a transport of its own meets no network.
NOWHERE: Final = "http://stripe.invalid"
# What stands in an address as it is.
NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def adapter_of(account: Real) -> Adapter:
    """The adapter of an account. Raises Refused for a key or secret that cannot work (B16), and for a provider that
    nobody brings.
    """
    # A provider is loaded with its first account: who has none pays nothing for it.
    if isinstance(account, Stripe):
        return StripeAdapter(
            account.api_key,
            list(account.webhook_secrets),
            account=account.account,
            api_base=account.api_base or API_BASE,
            allowed_payment_method_types=tuple(account.payment_method_types),
        )
    if isinstance(account, ZaloPay):
        return _zalopay(account)
    if isinstance(account, NowPayments):
        return _nowpayments(account)
    return third_party_adapter(account)


def _zalopay(account: ZaloPay) -> Adapter:
    from payonce.providers.zalopay.access import API_BASE
    from payonce.providers.zalopay.adapter import ZaloPayAdapter

    return ZaloPayAdapter(
        account.app_id, account.key1, list(account.key2s), account=account.account,
        api_base=account.api_base or API_BASE,
    )  # fmt: skip


def _nowpayments(account: NowPayments) -> Adapter:
    from payonce.providers.nowpayments.access import API_BASE
    from payonce.providers.nowpayments.adapter import PAY_CURRENCY, NowPaymentsAdapter

    return NowPaymentsAdapter(
        account.api_key, list(account.ipn_secrets), account=account.account, api_base=account.api_base or API_BASE,
        email=account.email or "", password=account.password or "", pay_currency=account.pay_currency or PAY_CURRENCY,
    )  # fmt: skip


def check_accounts(accounts: Sequence[Account]) -> None:
    """Raise Refused where there is no account, where two have one name, and where play money would meet real money."""
    if not accounts:
        raise Refused(
            "no provider account is configured",
            code="provider_missing",
            hint="Hand in providers=[Stripe(api_key=…, webhook_secrets=[…])], or [Simulated()] to try it out.",
        )
    simulated = sum(isinstance(account, Simulated) for account in accounts)
    if 0 < simulated < len(accounts):
        raise Refused("a simulator never stands beside an account of a provider", code="simulator_refused")
    names = [(account.provider, account.account) for account in accounts]
    for provider, account in names:
        if names.count((provider, account)) > 1:
            raise Refused(
                f"two accounts of {provider} are named {account!r}", code="account_name_taken",
                hint="Test and live as well need a name each, such as Stripe(account='test', …).",
            )  # fmt: skip
    for text in {account.account for account in accounts} | {account.merchant_id for account in accounts}:
        # Both stand in the addresses that providers send their events to.
        if not NAME.fullmatch(text):
            raise Refused(f"{text!r:.80} is no name for an account or merchant", code="account_name_invalid")


def check_start(installation: Installation, clock: Clock) -> None:
    """Raise Refused for whatever a start would refuse, as far as that can be known without opening anything."""
    from payonce.api.settings import ApiSettings

    check_accounts(installation.accounts)
    for account in installation.accounts:
        if not isinstance(account, Simulated):
            flow_of(account, adapter_of(account))
    timetable(installation.jobs, caps=installation.limits.caps)
    Assembly(installation).add_outgoing(clock, deliver=False)
    base_url = installation.base_url.rstrip("/")
    # Without a key of its own the service makes one, which is long enough.
    api_key = installation.api_key or GENERATED
    ApiSettings(base_url=base_url, api_key=api_key, trusted_proxies=installation.trusted_proxies)


def flow_of(account: Real, adapter: Adapter) -> str:
    """What a checkout makes where the click does not say. Raises Refused `flow_unknown`."""
    flows = adapter.capabilities.flows
    flow = account.flow or flows[0]
    if flow not in flows:
        raise Refused(
            f"{account.provider} has no flow {flow!r:.40}; it has {', '.join(flows)}", code="flow_unknown", param="flow"
        )
    return flow


@dataclass(slots=True)
class Assembly:
    """What an installation's effects are: which kinds are owed by themselves, and what delivers them."""

    installation: Installation
    kinds: list[EffectKind] = field(default_factory=list)
    handlers: Handlers = field(init=False)
    adapters: dict[tuple[str, str], Adapter] = field(default_factory=dict)
    world: World | None = None

    def __post_init__(self) -> None:
        self.handlers = Handlers(self._describe, self._describe_within)

    def build_world(
        self, database: Database, clock: Clock, chance: Chance, transport: Callable[[str], Transport],
        accounts: Sequence[Real], public_url: str | None = None,
    ) -> World:  # fmt: skip
        """The world of the use cases. It is remembered, so that effects can describe their orders.

        `transport` is made for each provider by name. `public_url` is where providers reach us, if not where payers do.
        """
        tills: dict[tuple[str, str], ProviderTill] = {}
        merchants: dict[tuple[str, str], str] = {}
        flows: dict[tuple[str, str], str] = {}
        for account in accounts:
            adapter = adapter_of(account)
            key = (adapter.provider, adapter.account)
            self.adapters[key] = adapter
            tills[key] = ProviderTill(adapter, transport(adapter.provider))
            merchants[key] = account.merchant_id
            flows[key] = flow_of(account, adapter)
        it, ids = self.installation, Ids(clock, chance)
        self.world = World(
            database, clock, ids, chance, tills, merchants, self.kinds, it.policy, flows,
            landing_url=f"{it.base_url}/thanks", public_url=public_url or it.base_url, policies=it.policies,
            watch=it.watch, breaker=it.limits.breaker,
        )  # fmt: skip
        return self.world

    def merchants(self) -> list[str]:
        """Every merchant of the installation."""
        it = self.installation
        return sorted({it.merchant_id, *(account.merchant_id for account in it.accounts)})

    def lanes(
        self, world: World, together: Any, observe: Callable[[str, str, Any], None], alerting: Alerting | None = None
    ) -> list[Lane]:
        """The jobs that are switched on, each on its way. Raises Refused `job_unknown`."""
        jobs = timetable(self.installation.jobs, caps=self.installation.limits.caps)
        return [self.lane(job, world, together, observe, alerting) for job in jobs]

    def lane(
        self, job: Job, world: World, together: Any, observe: Callable[[str, str, Any], None],
        alerting: Alerting | None = None,
    ) -> Lane:  # fmt: skip
        """One job on its way, with what it may be handed: nothing that creates a payment (A8)."""
        # Also where a person asks for it by name.
        [job] = with_caps([job], {name: cap for name, cap in self.installation.limits.caps.items() if name == job.name})
        handed = world.for_refunds() if job.sends_back else world.for_jobs()
        is_silent = self.installation.jobs.get(MESSAGES) == "off"
        hand = Hand(handed, traced_handlers(self.handlers), together, observe, alerting or Alerting())
        return Lane(job, hand, self.merchants(), is_silent)

    async def register(self, world: World) -> None:
        """Write down which jobs there are. Those that this process does not run are left as others know them."""
        it = self.installation
        on = timetable(it.jobs, caps=it.limits.caps)
        names = {job.name for job in on}
        await register_jobs(world, [job.facts for job in on])
        await register_jobs(world, [job.facts for job in TIMETABLE if job.name not in names], only_new=True)

    def add_outgoing(self, clock: Clock, *, deliver: bool = True) -> list[HttpSender]:
        """Declare what the installation's own settings ask for: the outgoing endpoint, and mails to payers.

        With `deliver=False` they are owed here and delivered by another process. What is opened for them, to be
        closed. Raises Refused for an address or a secret that cannot work (B16).
        """
        it = self.installation
        senders: list[HttpSender] = []
        declared: list[tuple[EffectKind, Any]] = []
        if it.webhook_url is not None:
            from payonce.notify.sender import HttpSender
            from payonce.notify.webhooks import operators_endpoint, webhook_effects

            # The operator's own address may be private; one that came by an API never is.
            senders.append(HttpSender(allow_private=True))
            declared += webhook_effects(operators_endpoint(it.webhook_url, it.webhook_secret or ""), senders[0], clock)
        if it.smtp_url is not None:
            from payonce.notify.mail import mail_effects
            from payonce.notify.smtp import smtp_server

            declared += mail_effects(it.mail_from or "", smtp_server(it.smtp_url), self._recipient, clock)
        for kind, handler in declared:
            self.kinds.append(kind)
            if deliver:
                self.handlers.add(kind, handler)
        return senders

    async def _recipient(self, merchant_id: str, order_id: UUID) -> Recipient | None:
        return await find_recipient(self._started(), merchant_id, order_id)

    def _started(self) -> World:
        if self.world is None:
            raise Refused("the engine was not started", code="not_started")
        return self.world

    async def _describe(self, merchant_id: str, order_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        if self.world is None:
            raise Refused("the engine was not started", code="not_started")
        return self._shown(await read_orders(self.world, merchant_id, order_ids))

    async def _describe_within(
        self, tx: Tx, merchant_id: str, order_ids: Sequence[UUID]
    ) -> Mapping[UUID, Mapping[str, Any]]:
        if self.world is None:
            raise Refused("the engine was not started", code="not_started")
        return self._shown(await read_within(tx, self.world, merchant_id, order_ids))

    def _shown(self, orders: Mapping[UUID, OrderView]) -> dict[UUID, dict[str, Any]]:
        return {order_id: self.show(order) for order_id, order in orders.items()}

    def show(self, order: OrderView) -> dict[str, Any]:
        """An order as `GET /v1/orders/{id}` gives it."""
        return shapes.order_json(order, self.installation.base_url)


def build_api(
    world: World,
    installation: Installation,
    api_key: str,
    simulators: Sequence[tuple[str, str, str]],
    shop: bool,
    metrics: Any,
    background: Sequence[Callable[[], Awaitable[None]]],
    alerting: Alerting,
    wait_seconds: Callable[[], float],
) -> Starlette:
    """The HTTP edge of the installation. `simulators`: provider, where this process reaches it, where a person does.

    `background`: what makes the process unready when it ends by itself. `wait_seconds`: how long requests wait for the
    database at present.
    """
    from payonce.api.application import build
    from payonce.api.settings import ApiSettings, Simulator

    settings = ApiSettings(
        base_url=installation.base_url.rstrip("/"),
        api_key=api_key,
        merchant_id=installation.merchant_id,
        merchant_name=installation.merchant_name,
        pay_page_url=installation.pay_page_url,
        trusted_proxies=installation.trusted_proxies,
        simulators=tuple(Simulator(*each) for each in simulators),
        alert_routes=installation.alert_routes,
    )
    simulated = installation.is_simulated
    return build(
        world, settings, shop=shop, simulated=simulated, background=background, metrics=metrics, alerting=alerting,
        wait_seconds=wait_seconds,
    )  # fmt: skip


def make_metrics() -> Any:
    """The counters of a process, for Prometheus."""
    from payonce.api.metrics import Metrics

    return Metrics()


def traced(transport: Transport) -> Callable[[str], Transport]:
    """Makes a provider's transport: with a span around every call, where the tracing API is installed."""
    try:
        from payonce.api.tracing import TracedTransport
    except ModuleNotFoundError:
        return lambda provider: transport
    return lambda provider: TracedTransport(transport, provider)


def traced_handlers(handlers: Handlers) -> Handlers:
    """The handlers, with a span around every delivery, where the tracing API is installed."""
    try:
        from payonce.api.tracing import TracedHandlers
    except ModuleNotFoundError:
        return handlers
    return TracedHandlers(handlers)


def simulated_stripe(webhook_secret: str) -> Adapter:
    """A Stripe test account for the simulation and for `payonce conformance`, at an address that nobody has."""
    return adapter_of(
        Stripe(api_key="sk_test_simulation_1234567890", webhook_secrets=[webhook_secret], api_base=NOWHERE)
    )


def simulated_zalopay(secret: str) -> Adapter:
    """An application of ZaloPay for the simulation, whose two keys are one, at an address that nobody has."""
    return adapter_of(ZaloPay(app_id="2553", key1=secret, key2s=[secret], api_base=NOWHERE))


def simulated_nowpayments(secret: str) -> Adapter:
    """An account of NOWPayments for the simulation, all of whose secrets are one, at an address that nobody has."""
    who = "merchant@shop.invalid"
    return adapter_of(NowPayments(api_key=secret, ipn_secrets=[secret], api_base=NOWHERE, email=who, password=secret))
