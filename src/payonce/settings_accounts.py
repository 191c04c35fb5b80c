"""The provider accounts of the settings: one of each provider by settings of its own, more by `[[accounts]]` tables.

    [[accounts]]
    provider = "stripe"
    account = "shop_2"
    merchant = "shop_2"
    api_key_env = "SHOP_2_STRIPE_KEY"
    webhook_secret_env = "SHOP_2_STRIPE_SECRET"

A table's keys are the provider's settings without its name in front, so that both are checked alike. Refuses accounts
of which a part is missing (B16), unknown keys with a suggestion, and variables that are named and not set.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from payonce.accounts import NowPayments, Real, Stripe, ThirdParty, ZaloPay
from payonce.base.errors import Refused
from payonce.settings_values import listed

if TYPE_CHECKING:
    from payonce.settings import Settings

MERCHANT: Final = re.compile(r"[a-z0-9_]{1,40}")
ACCOUNT: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PROVIDER: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
# Behind a key: the name of the environment variable that holds its value.
_BY_NAME: Final = "_env"


@dataclass(frozen=True, slots=True)
class Form:
    """What the settings of a provider's account are: `required` ones, and `also` those that mean nothing alone."""

    title: str
    required: tuple[str, ...]
    also: tuple[str, ...]
    make: Callable[[Settings], Real]
    hint: str


def _stripe(told: Settings) -> Real:
    return Stripe(
        api_key=_plain(told.stripe_api_key), webhook_secrets=listed(_plain(told.stripe_webhook_secret)),
        account=told.stripe_account, api_base=told.stripe_api_base, flow=told.stripe_flow,
        payment_method_types=listed(told.stripe_payment_method_types), merchant_id=told.merchant,
    )  # fmt: skip


def _zalopay(told: Settings) -> Real:
    return ZaloPay(
        app_id=told.zalopay_app_id or "", key1=_plain(told.zalopay_key1), key2s=listed(_plain(told.zalopay_key2)),
        account=told.zalopay_account, api_base=told.zalopay_api_base, merchant_id=told.merchant,
    )  # fmt: skip


def _nowpayments(told: Settings) -> Real:
    return NowPayments(
        api_key=_plain(told.nowpayments_api_key), ipn_secrets=listed(_plain(told.nowpayments_ipn_secret)),
        account=told.nowpayments_account, api_base=told.nowpayments_api_base, email=told.nowpayments_email,
        password=_plain(told.nowpayments_password) or None, flow=told.nowpayments_flow,
        pay_currency=told.nowpayments_pay_currency, merchant_id=told.merchant,
    )  # fmt: skip


_ALL: Final = "Set all that {title} needs, or none of it for the simulators."
FORMS: Final[Mapping[str, Form]] = {
    "stripe": Form(
        "Stripe", ("api_key", "webhook_secret"), ("api_base",), _stripe,
        "Copy the signing secret (whsec_…) of your endpoint from Stripe's dashboard; without it anybody could tell "
        "this service that an order was paid.",
    ),
    "zalopay": Form(
        "ZaloPay", ("app_id", "key1", "key2"), ("api_base",), _zalopay,
        "ZaloPay gives the three together: app_id names the application, key1 signs what is sent, and without key2 "
        "anybody could tell this service that an order was paid.",
    ),
    "nowpayments": Form(
        "NOWPayments", ("api_key", "ipn_secret"), ("api_base", "email", "password", "pay_currency"), _nowpayments,
        "Make both in NOWPayments' dashboard; without an IPN secret it sends no notices at all.",
    ),
}  # fmt: skip


def configured(settings: Settings) -> list[Real]:
    """The account of each provider whose settings are there. Raises Refused `secret_missing` for a part of one."""
    found = []
    for provider, form in FORMS.items():
        names = [name for name in (*form.required, *form.also) if getattr(settings, f"{provider}_{name}") is not None]
        if names:
            found.append(_whole(provider, form, settings, _as_variable(provider)))
    return found


def _as_variable(provider: str) -> Callable[[str], str]:
    return lambda name: f"PAYONCE_{provider}_{name}".upper()


def read_tables(
    written: object, environ: Mapping[str, str], origin: str, merchant: str,
    check: Callable[[Mapping[str, Any], Callable[[str], str]], Settings],
) -> list[Real]:  # fmt: skip
    """The accounts of the `[[accounts]]` tables. `check` makes settings of values, and writes names as it is told.

    Raises Refused `setting_invalid`, `setting_unknown`, `secret_missing` and what `check` raises.
    """
    if not isinstance(written, Sequence) or not all(isinstance(table, Mapping) for table in written):
        raise Refused(f"accounts in {origin}: write [[accounts]] tables", code="setting_invalid", param="accounts")
    return [_read(dict(table), f"[[accounts]] {number} of {origin}", environ, merchant, check)
            for number, table in enumerate(written, 1)]  # fmt: skip


def named_variables(written: object) -> frozenset[str]:
    """The environment variables that `[[accounts]]` tables take their secrets from."""
    tables = [table for table in written if isinstance(table, Mapping)] if isinstance(written, list) else []
    return frozenset(str(name) for table in tables for key, name in table.items() if str(key).endswith(_BY_NAME))


def _read(
    table: dict[str, Any], place: str, environ: Mapping[str, str], merchant: str,
    check: Callable[[Mapping[str, Any], Callable[[str], str]], Settings],
) -> Real:  # fmt: skip
    provider = _word(table.pop("provider", None), PROVIDER, f"provider in {place}")
    owner = _word(table.pop("merchant", merchant), MERCHANT, f"merchant in {place}")
    account = _word(table.get("account", "main"), ACCOUNT, f"account in {place}")
    form = FORMS.get(provider)
    if form is None:
        flow = table.pop("flow", None)
        told = _resolved(table, None, place, environ)
        settings = {**told, "provider": provider, "account": account}
        return ThirdParty(
            provider=provider, account=account, settings=settings, flow=None if flow is None else str(flow),
            merchant_id=owner,
        )  # fmt: skip
    prefix = f"{provider}_"

    def write(name: str) -> str:
        return f"{name.removeprefix(prefix)!r} in {place}"

    values = _resolved(table, _keys_of(provider), place, environ)
    settings_of_it = check({f"{prefix}{key}": _as_text(value) for key, value in values.items()}, write)
    return replace(_whole(provider, form, settings_of_it, write), merchant_id=owner)


def _keys_of(provider: str) -> list[str]:
    from payonce.settings import NAMES

    return [name.removeprefix(f"{provider}_") for name in NAMES if name.startswith(f"{provider}_")]


def _resolved(
    table: Mapping[str, Any], known: Sequence[str] | None, place: str, environ: Mapping[str, str]
) -> dict[str, Any]:
    """The values by key, those that are named by a variable taken from there. Without `known` keys any will do."""
    found: dict[str, Any] = {}
    for written, value in table.items():
        key = written.removesuffix(_BY_NAME)
        if known is not None and key not in known:
            raise _unknown(written, known, place)
        if key in found:
            raise Refused(f"{key!r} stands twice in {place}", code="setting_invalid", param=key)
        if key != written and not environ.get(str(value), "").strip():
            raise Refused(
                f"{written!r} in {place} names the environment variable {value}, which is not set",
                code="secret_missing", param=key, hint="Set it where the service is started, and restart it.",
            )  # fmt: skip
        found[key] = value if key == written else environ[str(value)].strip()
    return found


def _unknown(written: str, known: Sequence[str], place: str) -> Refused:
    names = ["provider", "merchant", *known]
    close = difflib.get_close_matches(written.removesuffix(_BY_NAME), names, n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(names)}."
    return Refused(f"there is no {written!r} in {place}", code="setting_unknown", param=written, hint=hint)


def _whole(provider: str, form: Form, told: Settings, write: Callable[[str], str]) -> Real:
    """The account. Raises Refused `secret_missing` where a part of it is missing or empty, naming all that are."""
    values = {name: _plain(getattr(told, f"{provider}_{name}")) for name in (*form.required, *form.also)}
    names = {name: write(name) for name in values}
    missing = [name for name in form.required if not listed(values[name])]
    given = [names[name] for name, value in values.items() if value.strip(" ,")]
    if missing:
        lacks = " and ".join(names[name] for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        said = f"{given[0]} is set and {lacks} {verb} missing" if given else f"{lacks} {verb} empty"
        hint = form.hint if given else _ALL.format(title=form.title)
        raise Refused(said, code="secret_missing", hint=hint, param=f"{provider}_{missing[0]}")
    if provider == "nowpayments":
        _check_nowpayments(told, write)
    return form.make(told)


def _check_nowpayments(told: Settings, write: Callable[[str], str]) -> None:
    has_email, has_password = bool(told.nowpayments_email), bool(_plain(told.nowpayments_password))
    if has_email != has_password:
        there, lacks = ("email", "password") if has_email else ("password", "email")
        raise Refused(
            f"{write(there)} is set and {write(lacks)} is missing", code="secret_missing",
            hint="Its list of payments is opened by both; without both, only known payments are asked for.",
            param=f"nowpayments_{lacks}",
        )  # fmt: skip


def _word(value: object, pattern: re.Pattern[str], name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        said = "is missing" if value is None else f"is {value!r:.60}, and it takes letters, digits and _"
        raise Refused(f"{name} {said}", code="setting_invalid", param="accounts")
    return value


def _as_text(value: object) -> object:
    """As the environment would say it: a list with commas, a number in digits."""
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain(value: SecretStr | str | None) -> str:
    return (value.get_secret_value() if isinstance(value, SecretStr) else value) or ""
