"""What the HTTP edge is told. The composition root fills it from the installation's settings; nothing is read here.

Refuses a base address that is none, and a first API key that is missing, short or a known sample (B16).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from urllib.parse import urlsplit

from payonce.base.errors import Refused
from payonce.base.samples import is_sample
from payonce.settings_alerts import AlertRoute
from payonce.usecases.world import DEFAULT_MERCHANT

# The same floor as for every other secret of an installation.
SHORTEST_KEY_BYTES: Final = 12

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulated provider: where this process tells it what to do, and where a person looks at it."""

    provider: str
    control_url: str
    page_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Addresses are complete (`https://pay.example.org`), without a slash at the end.

    `base_url` is how payers and providers reach this application, a path prefix included where it is mounted below one.
    `api_key` is the first API key; it belongs to `merchant_id` and may do everything. `pay_page_url` is the
    application's own page for paying a payment intent. `trusted_proxies` are networks whose `X-Forwarded-For` is
    believed; the server in front must not have rewritten the caller's address already. `simulators` are for the
    shop's buttons.
    """

    base_url: str
    api_key: str = field(repr=False)
    merchant_id: str = DEFAULT_MERCHANT
    merchant_name: str = ""
    pay_page_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    simulators: tuple[Simulator, ...] = ()
    alert_routes: tuple[AlertRoute, ...] = ()

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or self.base_url.endswith("/"):
            raise Refused(f"{self.base_url!r:.80} is no base address", code="setting_invalid", param="base_url")
        if len(self.api_key.encode()) < SHORTEST_KEY_BYTES:
            raise Refused(
                f"the API key is missing or shorter than {SHORTEST_KEY_BYTES} bytes",
                code="secret_weak",
                param="api_key",
            )
        if is_sample(self.api_key):
            raise Refused("the API key is a sample, known to everybody", code="secret_weak", param="api_key")
        _ = self.proxies

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The trusted networks. Raises Refused `setting_invalid` for one that is none."""
        try:
            return tuple(ip_network(text, strict=False) for text in self.trusted_proxies)
        except ValueError as error:
            raise Refused(f"trusted_proxies: {error}", code="setting_invalid", param="trusted_proxies") from None

    @property
    def is_secure(self) -> bool:
        """Whether payers reach it by TLS, so that browsers may be told to insist on it."""
        return self.base_url.startswith("https:")
