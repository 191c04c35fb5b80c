"""Providers that other packages bring: an entry point of the group `payonce.providers`, named as the provider.

    [project.entry-points."payonce.providers"]
    acme = "acme_payonce:adapter"

What it names is called with the settings of the account (`provider`, `account`, and whatever its `[[accounts]]` table
says more) and returns an adapter as `payonce.providers.contract.Adapter` describes it. Refuses what is not installed,
what fails, and what is no adapter of that account.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, cast

from payonce.accounts import ThirdParty
from payonce.base.errors import PayonceError, Refused
from payonce.providers.contract import Adapter, Capabilities

GROUP: Final = "payonce.providers"
METHODS: Final = (
    "create", "read", "close", "find", "own_ref", "request", "understand", "verify", "again", "acknowledge",
)  # fmt: skip


def third_party_adapter(account: ThirdParty, found: Iterable[EntryPoint] | None = None) -> Adapter:
    """The adapter of the account. Raises Refused `provider_missing`, `provider_broken`, and what its maker refuses."""
    points = list(entry_points(group=GROUP) if found is None else found)
    makers = [point for point in points if point.name == account.provider]
    if not makers:
        known = ", ".join(sorted({point.name for point in points})) or "none"
        raise Refused(
            f"no installed package brings the provider {account.provider!r}", code="provider_missing",
            hint=f"Install it, or correct its name. Built in are stripe, zalopay and nowpayments; installed: {known}.",
        )  # fmt: skip
    if len(makers) > 1:
        raise _broken(account, f"{len(makers)} installed packages bring it; one must go")
    settings = {**account.settings, "provider": account.provider, "account": account.account}
    try:
        adapter = makers[0].load()(settings)
    except PayonceError:
        raise
    except Exception as error:
        # Other people's code: its error may repeat a secret, so only its kind is told.
        raise _broken(account, f"{makers[0].value} raised {type(error).__name__}") from error
    why_not = _why_no_adapter(adapter, account)
    if why_not is not None:
        raise _broken(account, f"{makers[0].value} gave no adapter of it: {why_not}")
    return cast(Adapter, adapter)


def _why_no_adapter(adapter: Any, account: ThirdParty) -> str | None:
    for name, expected in (("provider", account.provider), ("account", account.account)):
        said = getattr(adapter, name, None)
        if said != expected:
            return f"its {name} is {said!r:.60} and not {expected!r}"
    if getattr(adapter, "mode", None) not in ("test", "live"):
        return "its mode is neither test nor live"
    if not isinstance(getattr(adapter, "capabilities", None), Capabilities):
        return "its capabilities are none of payonce.providers.contract.Capabilities"
    missing = [name for name in METHODS if not callable(getattr(adapter, name, None))]
    return f"it has no {', no '.join(missing)}" if missing else None


def _broken(account: ThirdParty, why: str) -> Refused:
    return Refused(
        f"the provider {account.provider!r} cannot be used: {why}", code="provider_broken",
        hint="It must return what payonce.providers.contract.Adapter describes; tell its authors.",
    )  # fmt: skip
