"""One installation, described: whose money, which accounts, where the data is. Made from arguments or from settings.

It opens nothing. The engine and the command line are built from the same description, so that they cannot differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from payonce.accounts import Account, Simulated, SimulatedProvider
from payonce.domain.breaker import Limits
from payonce.domain.policy import Policy
from payonce.domain.watch import Watch
from payonce.settings_alerts import AlertRoute
from payonce.settings_values import listed

if TYPE_CHECKING:
    from pydantic import SecretStr

    from payonce.settings import Settings

DEFAULT_DATA_DIR = Path(".payonce")
# In the data directory: where the service was last reached, for commands that are run beside it.
PLACE_FILE = "service.json"
# Which simulators stand in where no provider is configured. The first that takes an order's currency serves it.
STAND_INS: Final[tuple[SimulatedProvider, ...]] = ("stripe", "zalopay", "nowpayments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What an engine is made from. Without `database_url`, PostgreSQL runs embedded, its data in `data_dir`.

    `base_url` is how payers and providers reach the service, a path prefix included. `policies`: what single merchants
    decided for themselves; the others have `policy`. `jobs`: name -> `on`, `off`, or another interval in seconds.
    """

    database_url: str | None = field(default=None, repr=False)
    data_dir: Path = DEFAULT_DATA_DIR
    connections: int = 10
    accounts: tuple[Account, ...] = ()
    merchant_id: str = "default"
    merchant_name: str = ""
    policy: Policy = field(default_factory=Policy)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    # What the monitor takes for too long, too late and too often.
    watch: Watch = field(default_factory=Watch)
    base_url: str = "http://127.0.0.1:8080"
    api_key: str | None = field(default=None, repr=False)
    pay_page_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    alert_routes: tuple[AlertRoute, ...] = ()
    heartbeat_url: str | None = field(default=None, repr=False)
    heartbeat_every: timedelta = timedelta(minutes=5)
    jobs: Mapping[str, str | float] = field(default_factory=dict)
    # What one run of a job may take up and tell at most, and when it does far more than usual.
    limits: Limits = field(default_factory=Limits)

    @property
    def is_simulated(self) -> bool:
        """Whether its accounts are the simulator's, so that no real money moves."""
        return any(isinstance(account, Simulated) for account in self.accounts)


def of_settings(settings: Settings) -> Installation:
    """The installation that the settings describe: the accounts that are configured, else the simulators."""
    return Installation(
        database_url=_revealed(settings.database_url),
        data_dir=settings.data_dir,
        connections=settings.database_connections,
        accounts=settings.accounts or _stand_ins(settings),
        merchant_id=settings.merchant,
        merchant_name=settings.merchant_name,
        policy=settings.policy,
        policies=settings.policies,
        watch=settings.watch,
        base_url=settings.base_url or f"http://{reachable(settings.host)}:{settings.port}",
        api_key=_revealed(settings.api_key),
        pay_page_url=settings.pay_page_url,
        trusted_proxies=listed(settings.trusted_proxies),
        webhook_url=settings.webhook_url,
        webhook_secret=_revealed(settings.webhook_secret),
        smtp_url=_revealed(settings.smtp_url),
        mail_from=settings.mail_from,
        alert_routes=settings.alert_routes,
        heartbeat_url=_revealed(settings.heartbeat_url),
        heartbeat_every=settings.heartbeat_every,
        jobs=settings.switches,
        limits=settings.limits,
    )


def _stand_ins(settings: Settings) -> tuple[Simulated, ...]:
    first = settings.simulator_port if settings.simulator_port is not None else _beside(settings.port)
    return tuple(
        Simulated(
            provider=provider,
            # Behind each other, and a free one each behind a free one.
            port=first + number if first else 0,
            may_move=settings.simulator_port is None,
            host=settings.host,
            seen_as=urlsplit(settings.base_url).hostname if settings.base_url else None,
            flow=settings.stripe_flow if provider == "stripe" else None,
            merchant_id=settings.merchant,
        )
        for number, provider in enumerate(STAND_INS)
    )


def webhook_urls(installation: Installation) -> list[str]:
    """Where the providers send their events: without a merchant in the address where only one has that provider."""
    owners = {(account.provider, account.merchant_id): None for account in installation.accounts}
    providers = [provider for provider, _ in owners]
    return [
        f"{installation.base_url}/webhooks/{provider if providers.count(provider) == 1 else f'{merchant}/{provider}'}"
        for provider, merchant in owners
    ]


def beside_the_service(installation: Installation, settings: Settings) -> Installation:
    """The installation as a running service has it: its addresses may come from flags that a command beside it lacks.

    What the settings say themselves stays.
    """
    try:
        told = json.loads((installation.data_dir / PLACE_FILE).read_text("utf-8"))
        base_url = str(told["base_url"])
        served = {str(name): urlsplit(str(url)) for name, url in told["simulators"].items()}
        places = {name: (url.hostname, url.port) for name, url in served.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return installation
    accounts = tuple(
        _moved(account, *places.get(f"{account.provider}/{account.account}", (None, None)))
        if isinstance(account, Simulated)
        else account
        for account in installation.accounts
    )
    is_said = any(settings.origins[name] != "default" for name in ("base_url", "host", "port"))
    return replace(installation, accounts=accounts, base_url=installation.base_url if is_said else base_url)


def _moved(account: Simulated, host: str | None, port: int | None) -> Simulated:
    return replace(account, host=host or account.host, port=port) if port else account


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _beside(port: int) -> int:
    """The next port, so that two services of one machine do not meet; a free one beside a free one."""
    return port + 1 if 0 < port <= 65535 - len(STAND_INS) else 0


def reachable(host: str) -> str:
    """A name in addresses for a host that is listened on: this machine itself where it listens everywhere."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1"
    return f"[{address}]" if address.version == 6 else host
