"""What an installation is told: flag before environment (`PAYONCE_*`) before `payonce.toml` before default.

    settings = load({"port": 9000})
    settings.port, settings.origins["port"]

A key of the file is the environment's name without `PAYONCE_`, in lower case. Refuses unknown keys, with a suggestion,
and secrets that are empty, short or samples (B16). It reads and checks; it opens and calls nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from payonce.accounts import NowPaymentsFlow, Real, StripeFlow
from payonce.base.errors import Refused
from payonce.decisions import Decision, decide
from payonce.domain.breaker import Limits
from payonce.domain.policy import Policy, Strategy
from payonce.domain.watch import Watch
from payonce.settings_accounts import configured, named_variables, read_tables
from payonce.settings_alerts import AlertRoute, check_routes, read_routes
from payonce.settings_alerts import named_variables as named_by_routes
from payonce.settings_checks import check_accounts, check_policy, check_secrets
from payonce.settings_layers import FILE, TABLES, from_environment, know, read_file, written_as
from payonce.settings_limits import Limit, limits_of, read_limits
from payonce.settings_surplus import Choice, choose, of_merchants, policy_of, shipped
from payonce.settings_values import Address, Amounts, Duration, Secret
from payonce.settings_values import show_duration as show_duration

# Our name for an account stands in addresses.
ACCOUNT: Final = r"^[A-Za-z0-9_.-]{1,64}$"


class Settings(BaseModel):
    """All settings of an installation. `origins` says for each where its value comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    # Where the service listens and keeps its data.
    data_dir: Path = Field(Path(".payonce"), description="where the embedded database and generated keys are kept")
    host: str = Field("127.0.0.1", description="the address that the service listens on")
    port: int = Field(8080, ge=0, le=65535, description="the port that the service listens on; 0 takes a free one")
    base_url: Address | None = Field(None, description="how payers and providers reach the service")
    trusted_proxies: str = Field("", description="networks whose X-Forwarded-For is believed, comma between")
    merchant: str = Field("default", pattern=r"^[a-z0-9_]{1,40}$", description="whose money it is")
    merchant_name: str = Field("", max_length=200, description="the merchant's name as payers read it")
    api_key: Secret | None = Field(None, description="the first API key; generated and kept where there is none")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is logged")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: pretty on a terminal, else JSON")

    # The database: embedded in the data directory, unless DATABASE_URL or PG* name a server.
    database_url: SecretStr | None = Field(None, description="a PostgreSQL server, version 15 or later")
    database_connections: int = Field(10, ge=2, le=500, description="the most connections one process opens")

    # The first account of each provider; more stand in [[accounts]] of the file. Without any, the simulators stand in.
    stripe_api_key: SecretStr | None = Field(None, description="the secret or restricted key of the Stripe account")
    stripe_webhook_secret: SecretStr | None = Field(None, description="signing secrets of the endpoint, comma between")
    stripe_api_base: Address | None = Field(None, description="Stripe, or a stand-in at another address")
    stripe_account: str = Field("main", pattern=ACCOUNT, description="our name for the Stripe account")
    stripe_flow: StripeFlow = Field(
        "checkout_session", description="what a checkout makes where the request does not say"
    )
    stripe_payment_method_types: str = Field("", description="narrows what Stripe offers (card,…); empty: its settings")
    zalopay_app_id: str | None = Field(
        None, pattern=r"^[0-9]{1,10}$", description="the number of ZaloPay's application"
    )
    zalopay_key1: SecretStr | None = Field(None, description="signs what is sent to ZaloPay")
    zalopay_key2: SecretStr | None = Field(None, description="proves ZaloPay's callbacks; several with commas between")
    zalopay_api_base: Address | None = Field(None, description="ZaloPay, its sandbox, or a stand-in")
    zalopay_account: str = Field("main", pattern=ACCOUNT, description="our name for the ZaloPay application")
    nowpayments_api_key: SecretStr | None = Field(None, description="the API key of the NOWPayments account")
    nowpayments_ipn_secret: SecretStr | None = Field(
        None, description="proves NOWPayments' notices (IPN); several with commas between"
    )
    nowpayments_api_base: Address | None = Field(None, description="NOWPayments, its sandbox, or a stand-in")
    nowpayments_email: str | None = Field(
        None, max_length=320, description="opens its list of payments, with the password; without, only known ones"
    )
    nowpayments_password: SecretStr | None = Field(None, description="the password to that address")
    nowpayments_account: str = Field("main", pattern=ACCOUNT, description="our name for the NOWPayments account")
    nowpayments_flow: NowPaymentsFlow = Field(
        "invoice", description="invoice: payers choose the coin there; payment: one coin, on our own page"
    )
    nowpayments_pay_currency: str | None = Field(
        None, pattern=r"^[A-Za-z0-9]{2,20}$", description="the coin of the flow payment; usdttrc20 if not set"
    )
    simulate: bool = Field(False, description="use the simulators; refused beside real keys")
    simulator_port: int | None = Field(
        None, ge=0, le=65533, description="where the first simulator listens, the others behind it; beside the port"
    )

    # What is told to the application and to payers.
    webhook_url: Address | None = Field(None, description="a first outgoing endpoint")
    webhook_secret: Secret | None = Field(None, description="what outgoing webhooks are signed with (whsec_…)")
    pay_page_url: Address | None = Field(None, description="the application's own page for paying a payment intent")
    smtp_url: SecretStr | None = Field(None, description="smtp://user:password@host:port for mails to payers")
    mail_from: str | None = Field(None, description="the sender of mails to payers")

    # Who is told when nobody tells anything any more; where alerts go stands in [[alerts.routes]] of the file.
    heartbeat_url: SecretStr | None = Field(
        None, description="called while all is well; whoever watches it raises the alarm when the calls stop"
    )
    heartbeat_every: Duration = Field(timedelta(minutes=5), description="how often it is called")

    # The merchant's policy; each default has its reason in domain/policy.py.
    strategy: Strategy = Field(Policy().strategy, description="whether a click may start a new attempt number")
    window: Duration = Field(Policy().window, description="for the strategy window: once per this time")
    stale_after: Duration = Field(Policy().stale_after, description="an older attempt is replaced at the next click")
    session_slack: Duration = Field(Policy().session_slack, description="how much longer a session lives there")
    close_after: Duration = Field(Policy().close_after, description="open orders are closed this long after opening")
    lease: Duration = Field(Policy().lease, description="how long one caller may hold an attempt")
    longest_wait: Duration = Field(Policy().longest_wait, description="how long a click waits for another's answer")
    notification_horizon: Duration = Field(Policy().notification_horizon, description="older ones are not sent")
    event_tries: int = Field(Policy().event_tries, ge=1, le=100, description="tries before an event is quarantined")
    close_all_of_payer: bool = Field(Policy().close_all_of_payer, description="a new order closes all unpaid ones")

    keep_payers: Duration = Field(Policy().keep_payers, description="names and addresses, after an order's end")
    keep_evidence: Duration = Field(Policy().keep_evidence, description="who called: address, user agent, referer")
    keep_event_bodies: Duration = Field(Policy().keep_event_bodies, description="raw bodies of finished events")

    payout_threshold_minor: Amounts = Field(
        default_factory=dict, description="what a payee must be owed before it is paid out (USD:5000,…); else at once"
    )

    # What the monitor takes for too long, too late and too often; each default has its reason in domain/watch.py.
    monitor_in_doubt_after: Duration = Field(
        Watch().in_doubt_after, description="an order in doubt for longer is stuck"
    )
    monitor_pending_after: Duration = Field(
        Watch().pending_after, description="a payment processing for longer is stuck"
    )
    monitor_overstayed_after: Duration = Field(
        Watch().overstayed_after, description="an attempt that is open so long after its end is stuck"
    )
    monitor_waiting_after: Duration = Field(
        Watch().waiting_after, description="an order that waits so long for its predecessor is stuck"
    )
    monitor_effect_due_after: Duration = Field(
        Watch().effect_due_after, description="an effect that nobody took up for so long is stuck"
    )
    monitor_effect_owed_after: Duration = Field(
        Watch().effect_owed_after, description="an effect that is owed for so long is stuck"
    )
    monitor_usual_tries: int = Field(
        Watch().usual_tries, ge=1, le=100, description="more tries at one effect are a finding"
    )
    monitor_repeats: int = Field(
        Watch().repeats, ge=2, description="so many repetitions of one payment's events in a day are a finding"
    )
    monitor_callback_after: Duration = Field(
        Watch().callback_after, description="how long a provider's callback may follow its payment"
    )
    monitor_silent_payments: int = Field(
        Watch().silent_payments, ge=1, description="so many payments in a row without a callback are a finding"
    )
    monitor_webhook_lag: Duration = Field(
        Watch().webhook_lag, description="the p95 of an hour's events above which they are late"
    )
    monitor_refused_share: float = Field(
        Watch().refused_share, gt=0, le=1, description="the share of refused checkouts that is a finding"
    )
    monitor_refused_share_critical: float = Field(
        Watch().refused_share_critical, gt=0, le=1, description="the share of refused checkouts that is critical"
    )
    monitor_fewest_in_five_minutes: int = Field(
        Watch().fewest_in_five_minutes, ge=1, description="fewer checkouts in five minutes say nothing"
    )
    monitor_fewest_in_a_day: int = Field(
        Watch().fewest_in_a_day, ge=1, description="fewer checkouts in a day say nothing"
    )
    monitor_stale_intervals: int = Field(
        Watch().stale_intervals, ge=1, description="a job without a good end for so many intervals is stale"
    )
    monitor_stale_after: Duration = Field(Watch().stale_after, description="and for at least so long")

    # `PAYONCE_JOB_<NAME>=off`, or [jobs] in the file.
    jobs: Mapping[str, Literal["on", "off"] | Duration] = Field(
        default_factory=dict, description="name = on, off, or another interval; all and messages = on or off"
    )

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _file: Path | None = PrivateAttr(default=None)
    _decisions: tuple[Decision, ...] = PrivateAttr(default=())
    _accounts: tuple[Real, ...] = PrivateAttr(default=())
    _alert_routes: tuple[AlertRoute, ...] = PrivateAttr(default=())
    _limits: tuple[Limit, ...] = PrivateAttr(default=())
    _choices: tuple[Choice, ...] = PrivateAttr(default_factory=shipped)
    _choices_of: dict[str, tuple[Choice, ...]] = PrivateAttr(default_factory=dict)

    @property
    def origins(self) -> Mapping[str, str]:
        """Name of a setting -> `flag`, `environment …`, the file's name, or `default`."""
        return self._origins

    @property
    def file(self) -> Path | None:
        """The file that was read, by its whole path; None: there is none here, and none was named."""
        return self._file

    @property
    def file_shown(self) -> str:
        """The same for people, who may have started the command elsewhere than they believe."""
        return str(self._file) if self._file else f"none: no {FILE} in {Path.cwd()}"

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The four decisions in force (B5)."""
        return self._decisions

    @property
    def accounts(self) -> tuple[Real, ...]:
        """The provider accounts that are configured: those of single settings first, then those of the tables."""
        return self._accounts

    @property
    def alert_routes(self) -> tuple[AlertRoute, ...]:
        """Where alerts go."""
        return self._alert_routes

    @property
    def decided_limits(self) -> tuple[Limit, ...]:
        """The limits of runs that somebody decided, with reasons."""
        return self._limits

    @property
    def limits(self) -> Limits:
        """The limits of runs in force."""
        return limits_of(self._limits)

    @property
    def merchants(self) -> tuple[str, ...]:
        """Every merchant of the installation; its own first."""
        return tuple(dict.fromkeys((self.merchant, *(account.merchant_id for account in self._accounts))))

    def choices_of(self, merchant: str) -> tuple[Choice, ...]:
        """What the merchant decided about money that does not fit, with reasons (X6)."""
        return self._choices_of.get(merchant, self._choices)

    @property
    def switches(self) -> dict[str, str | float]:
        """The switches of jobs; intervals in seconds."""
        return {
            name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in self.jobs.items()
        }

    @property
    def policies(self) -> dict[str, Policy]:
        """The policies of the merchants that decided something for themselves."""
        return {name: replace(self.policy, surplus=policy_of(own)) for name, own in self._choices_of.items()}

    @property
    def watch(self) -> Watch:
        """The limits of the monitor's checks."""
        return Watch(**{each.name: getattr(self, f"monitor_{each.name}") for each in fields(Watch)})

    @property
    def policy(self) -> Policy:
        """The policy that the use cases run with, where a merchant has none of its own."""
        return Policy(
            strategy=self.strategy, window=self.window, stale_after=self.stale_after,
            session_slack=self.session_slack, close_after=self.close_after, lease=self.lease,
            longest_wait=self.longest_wait, notification_horizon=self.notification_horizon,
            event_tries=self.event_tries, close_all_of_payer=self.close_all_of_payer, surplus=policy_of(self._choices),
            payout_threshold_minor=self.payout_threshold_minor, keep_payers=self.keep_payers,
            keep_evidence=self.keep_evidence, keep_event_bodies=self.keep_event_bodies,
        )  # fmt: skip


NAMES: Final = tuple(Settings.model_fields)
SECRETS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)  # fmt: skip


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """The settings in force. A `file` that is named must exist; without one, `payonce.toml` is read where it is here.

    Raises Refused `setting_unknown`, `setting_invalid`, `secret_missing`, `secret_weak`, `decision_invalid`,
    `policy_invalid`.
    """
    environ = os.environ if environ is None else environ
    name, path, written = read_file(file, environ)
    # What a table takes its secret from is a name of the operator's own, whatever it begins with.
    named = named_variables(written.get("accounts")) | named_by_routes(written.get("alerts"))
    told = {key: value for key, value in environ.items() if key not in named}
    layers = (
        ("flag", {key: value for key, value in (flags or {}).items() if value is not None}),
        ("environment", from_environment(told, NAMES, SECRETS)),
        (name, {key: value for key, value in written.items() if key not in TABLES}),
    )
    values: dict[str, Any] = {}
    origins = dict.fromkeys(NAMES, "default")
    for layer, found in reversed(layers):
        for key, value in found.items():
            know(key, layer, (*NAMES, *TABLES) if layer == name else NAMES)
            values[key] = _switches(values.get("jobs", {}), value, layer) if key == "jobs" else value
            origins[key] = layer
    decisions = decide(written.get("decisions", {}), name)
    if origins["strategy"] == "default" and decisions[0].origin != "default":
        values["strategy"], origins["strategy"] = decisions[0].value, f"{name} [decisions.idempotency_key]"
    settings = _checked(values, lambda key: written_as(key, origins.get("jobs" if key[:4] == "job_" else key, "flag")))
    settings._origins.update(origins)
    settings._file = path
    settings._decisions = decisions
    tables = read_tables(written.get("accounts", []), environ, name, settings.merchant, _checked)
    settings._accounts = (*configured(settings), *tables)
    settings._alert_routes = read_routes(written.get("alerts", {}), environ, name)
    settings._limits = read_limits(written.get("limits", {}), name)
    settings._choices = choose(written.get("surplus", {}), shipped(), f"[surplus] of {name}")
    settings._choices_of = of_merchants(written.get("merchants", {}), settings._choices, settings.merchants, name)
    check_secrets(settings)
    check_accounts(settings)
    check_policy(settings)
    check_routes(settings.alert_routes, settings.merchants, has_mail=settings.smtp_url is not None)
    return settings


def _switches(before: Mapping[str, Any], value: object, name: str) -> Mapping[str, Any]:
    """The switches of a layer over those of the layers below. Raises Refused `setting_invalid` for what is no table."""
    if not isinstance(value, Mapping):
        raise Refused(
            f"jobs in {name}: write a table, [jobs], with a line for each job", code="setting_invalid", param="jobs"
        )
    return {**before, **value}


def _checked(values: Mapping[str, Any], write: Callable[[str], str]) -> Settings:
    """The values as settings, each by itself; `write` says how a person wrote the name of one that is wrong."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        # The values stay out of the message: one of them may be a secret.
        [first, *_] = error.errors(include_input=False, include_url=False, include_context=False)
        key, *inner = [str(part) for part in first["loc"]] or ["settings"]
        reason = first["msg"].removeprefix("Value error, ")
        if key == "jobs" and inner:
            key, reason = f"job_{inner[0]}", "it can be on, off, or an interval like 10m"
        code = "secret_weak" if key in SECRETS else "setting_invalid"
        raise Refused(f"{write(key)}: {reason}", code=code, param=key) from None
