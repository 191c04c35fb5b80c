"""`payonce config`: the settings in force, and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import typer
from pydantic import SecretStr

from payonce.accounts import Real
from payonce.app import check_start
from payonce.cli.common import AsJson, settings_in_force
from payonce.cli.saying import say_json, say_note, say_rows
from payonce.drivers.clock import SystemClock
from payonce.installation import of_settings
from payonce.jobs.timetable import NAMES as JOBS
from payonce.jobs.timetable import TIMETABLE, with_caps
from payonce.settings import NAMES, Settings, show_duration
from payonce.settings_alerts import AlertRoute
from payonce.settings_limits import BREAKER, NUMBERS

app = typer.Typer(help="The settings.", no_args_is_help=True)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show every setting: its value, with secrets masked, and where it comes from. Refuses what `serve` refuses."""
    settings = settings_in_force()
    check_start(of_settings(settings), SystemClock())
    shown = {name: _shown(getattr(settings, name)) for name in NAMES}
    # Every job by name, so that a person sees which there are to switch.
    shown["jobs"] = {job: shown["jobs"].get(job, "on") for job in JOBS}
    accounts = [account_shown(account) for account in settings.accounts]
    routes = [route_shown(each) for each in settings.alert_routes]
    if as_json:
        told: dict[str, Any] = {name: {"value": shown[name], "origin": settings.origins[name]} for name in NAMES}
        file = settings.file and str(settings.file)
        told |= {"file": file, "accounts": accounts, "alerts": routes, "surplus": surplus_shown(settings)}
        told["limits"] = limits_shown(settings)
        say_json(told)
        return
    described = Settings.model_fields
    say_note(f"settings file: {settings.file_shown}")
    say_rows(
        ["setting", "value", "from", "what it is"],
        [(name, shown[name], settings.origins[name], described[name].description or "") for name in NAMES],
    )
    say_rows(
        ["provider", "account", "merchant", "settings"],
        [(told["provider"], told["account"], told["merchant"], _rest(told)) for told in accounts],
        none="no provider account is configured; the simulators stand in",
    )
    say_rows(
        ["alerts", "leads to", "settings"],
        [
            (told["name"], told["leads_to"], ", ".join(f"{name} = {told[name]}" for name in list(told)[2:]))
            for told in routes
        ],
        none="no route for alerts is configured; nobody is told of findings",
    )
    say_rows(
        ["merchant", "surplus", "value", "why"],
        [
            (merchant, choice["name"], choice["value"], choice["because"])
            for merchant, choices in surplus_shown(settings).items()
            for choice in choices
        ],
    )
    say_rows(
        ["limits", "limit", "value", "why"],
        [(told["table"], told["name"], told["value"], told["because"]) for told in limits_shown(settings)],
    )


@app.command()
def sample() -> None:
    """Print a settings file with every setting in it, to begin with: payonce config sample > payonce.toml"""
    print((files("payonce") / "payonce.sample.toml").read_text("utf-8"), end="")


def account_shown(account: Real) -> dict[str, Any]:
    """An account for people: its settings, with every secret masked."""
    told: dict[str, Any] = {"provider": account.provider, "account": account.account, "merchant": account.merchant_id}
    for each in fields(account):
        value = getattr(account, each.name)
        if each.name in ("provider", "account", "merchant_id") or value in (None, ()):
            continue
        told[each.name] = value if each.repr else _masked(value)
    return told


def route_shown(each: AlertRoute) -> dict[str, Any]:
    """A route of alerts for people: where it leads without what opens it, and what it lets pass."""
    route = each.route
    told: dict[str, Any] = {"name": route.name, "leads_to": each.shown}
    filters = {
        "kinds": route.kinds, "severities": route.severities, "providers": route.providers, "merchants": route.merchants
    }  # fmt: skip
    told |= {name: list(words) for name, words in filters.items() if words}
    if each.secret:
        told["secret"] = mask(each.secret)
    return told | {"group_seconds": int(route.group.total_seconds())}


def surplus_shown(settings: Settings) -> dict[str, list[dict[str, str]]]:
    """What becomes of money that does not fit, with every merchant's reasons (X6)."""
    return {
        merchant: [
            {
                "name": each.name, "question": each.question, "value": each.shown, "reason": each.reason,
                "who": each.who, "when": each.when, "origin": each.origin, "because": each.because,
            }
            for each in settings.choices_of(merchant)
        ]
        for merchant in settings.merchants
    }  # fmt: skip


def limits_shown(settings: Settings) -> list[dict[str, Any]]:
    """The limits of runs in force: of every job that has some, and of the breaker, each with its reason."""
    decided = {(each.table, each.name): each.because for each in settings.decided_limits}
    found = []
    for job in with_caps(TIMETABLE, settings.limits.caps):
        for name, value in (("rows", job.most_rows), ("messages", job.most_messages)):
            if value is not None:
                found.append((job.name, name, value, "default: above any day of the shop, and no more"))
    for name, (_, why, _, _) in NUMBERS.items():
        found.append((BREAKER, name, getattr(settings.limits.breaker, name), f"default: {why}"))
    return [
        {"table": table, "name": name, "value": value, "because": decided.get((table, name), why)}
        for table, name, value, why in found
    ]


def _masked(value: Any) -> Any:
    """A secret, several, or the settings of another package's provider, of which any may be one."""
    if isinstance(value, Mapping):
        return {name: each if name in ("provider", "account") else _masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return mask(str(value))


def _rest(told: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in list(told.items())[3:])


def _shown(value: Any) -> Any:
    """A value for people, with nothing in it that must stay secret."""
    if isinstance(value, SecretStr):
        return mask(value.get_secret_value())
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items()}
    return value if value is None or isinstance(value, bool | int) else str(value)


def mask(secret: str) -> str:
    """Enough of a secret to tell which one it is, and not enough to use it."""
    if "://" in secret:
        parts = urlsplit(secret)
        host = parts.netloc.rpartition("@")[2]
        user = f"{parts.username}:…@" if parts.password else f"{parts.username}@" if parts.username else ""
        return urlunsplit((parts.scheme, user + host, parts.path, "", ""))
    prefix = next(
        (
            mark
            for mark in ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "pok_")
            if secret.startswith(mark)
        ),
        "",
    )
    # Four letters of at least twenty-four are no help to anybody who guesses.
    return f"{prefix}…{secret[-4:]}" if len(secret) >= len(prefix) + 16 else f"{prefix}…"
