"""What an application says about its provider accounts. Descriptions only: `app` makes adapters of them.

An account is named by its provider and `account`, our own name for it, and belongs to one merchant for ever. The test
and the live account of a provider are two accounts, and may stand side by side under two names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

# The account of a simulator. It is a test account, so nothing of it is ever taken for real money.
SIMULATED: Final = "simulated"

StripeFlow = Literal["payment_intent", "checkout_session"]
NowPaymentsFlow = Literal["invoice", "payment"]
SimulatedProvider = Literal["stripe", "zalopay", "nowpayments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripe:
    """An account of Stripe, or of a stand-in at `api_base`.

    `webhook_secrets`: the signing secret of the endpoint; several while one is rolled. `account` is our name for it.
    `flow` is what a checkout makes where the click does not say. `payment_method_types` narrows what Stripe offers.
    """

    api_key: str = field(repr=False)
    webhook_secrets: Sequence[str] = field(repr=False)
    account: str = "main"
    api_base: str | None = None
    flow: StripeFlow = "checkout_session"
    payment_method_types: Sequence[str] = ()
    merchant_id: str = "default"

    @property
    def provider(self) -> str:
        return "stripe"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZaloPay:
    """An application of ZaloPay; it is the sandbox's where `api_base` is the sandbox.

    `key1` signs what we send, `key2s` prove callbacks: several while one is changed.
    """

    app_id: str
    key1: str = field(repr=False)
    key2s: Sequence[str] = field(repr=False)
    account: str = "main"
    api_base: str | None = None
    merchant_id: str = "default"

    @property
    def provider(self) -> str:
        return "zalopay"

    @property
    def flow(self) -> str:
        return "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class NowPayments:
    """An account of NOWPayments; it is the sandbox's where `api_base` is the sandbox.

    `ipn_secrets` prove its notices: several while one is changed. Its list of payments is open only to `email` and
    `password` of the dashboard; without them only payments whose number is known can be asked for. `pay_currency` is
    the coin of the flow `payment`, where payers choose none; None: the adapter's own.
    """

    api_key: str = field(repr=False)
    ipn_secrets: Sequence[str] = field(repr=False)
    account: str = "main"
    api_base: str | None = None
    email: str | None = None
    password: str | None = field(default=None, repr=False)
    flow: NowPaymentsFlow = "invoice"
    pay_currency: str | None = None
    merchant_id: str = "default"

    @property
    def provider(self) -> str:
        return "nowpayments"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdParty:
    """An account of a provider that another package brings, by an entry point of the group `payonce.providers`.

    `settings` is handed to what the entry point names, with `provider` and `account` in it; it may hold secrets, so
    it is never shown as it is. Without `flow` a checkout makes the first thing that the adapter knows.
    """

    provider: str
    account: str = "main"
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    flow: str | None = None
    merchant_id: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """The simulator of a provider, served on loopback by this process. No real money moves.

    `seen_as` is the host that payers reach it by, where that is another one than it listens on.
    `port` 0 takes a free one; so does one that is taken, where `may_move` says that any will do. `flow` is what a
    checkout makes where the click does not say; None: what it makes with the provider itself.
    """

    provider: SimulatedProvider = "stripe"
    account: str = SIMULATED
    port: int = 0
    may_move: bool = False
    host: str = "127.0.0.1"
    seen_as: str | None = None
    flow: str | None = None
    merchant_id: str = "default"


# An account that is reached by an address of its own; what a simulator becomes once it is served is one as well.
Real: TypeAlias = Stripe | ZaloPay | NowPayments | ThirdParty
Account: TypeAlias = Real | Simulated
