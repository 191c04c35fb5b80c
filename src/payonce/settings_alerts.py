"""Where alerts go: the `[[alerts.routes]]` tables of the file.

    [[alerts.routes]]
    name = "chat"
    to_env = "OPS_SLACK"                      # slack://…, tgram://…, pagerduty://…, mailto:…, https://… with a secret
    severities = ["critical", "warning"]

Behind `_env` stands the name of an environment variable that holds the value, because addresses of chats are secrets.
Refuses unknown keys with a suggestion, names that stand twice, filters that let nothing pass, and addresses that can
lead nowhere. It calls nobody.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from fnmatch import fnmatchcase
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from payonce.base.errors import Refused
from payonce.domain.alert import USUAL_GROUP, Route
from payonce.domain.alert_text import SEVERITIES
from payonce.domain.finding import KINDS

Means = Literal["webhook", "mail", "apprise"]

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,30}://\S+", re.IGNORECASE)
KEYS: Final = ("name", "to", "to_env", "secret", "secret_env", "kinds", "severities", "providers", "merchants",
               "group_seconds")  # fmt: skip
# Addresses of incoming webhooks that these services hand out, which apprise takes as they are.
HANDED_OUT: Final = ("hooks.slack.com", "discord.com", "discordapp.com")
# A message that waits longer than an hour for others is no alert.
LONGEST_GROUP_SECONDS: Final = 3600
_BY_NAME: Final = "_env"


@dataclass(frozen=True, slots=True)
class AlertRoute:
    """A route with its address. `to` holds a secret more often than not, so it is never shown as a whole."""

    route: Route
    means: Means
    to: str = field(repr=False)
    secret: str = field(default="", repr=False)

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Whom mails go to."""
        return tuple(Address(addr_spec=each) for each in _addresses(self.to))

    @property
    def shown(self) -> str:
        """The address for people: where it leads, without what opens it."""
        if self.means == "mail":
            return self.to
        parts = urlsplit(self.to)
        host = (parts.hostname or "") if self.means == "webhook" or parts.hostname in HANDED_OUT else ""
        return f"{parts.scheme}://{host}{'/' if host else ''}…"


def read_routes(written: object, environ: Mapping[str, str], file: str) -> tuple[AlertRoute, ...]:
    """The routes of the file. Raises Refused `setting_invalid`, `setting_unknown`, `secret_missing`."""
    if not isinstance(written, Mapping):
        raise _invalid(f"alerts in {file}: write [[alerts.routes]] tables")
    for key in written:
        if key != "routes":
            raise _unknown(key, ("routes",), f"[alerts] of {file}")
    tables = written.get("routes", [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise _invalid(f"alerts in {file}: write [[alerts.routes]] tables")
    routes = tuple(_read(table, f"[[alerts.routes]] {n} of {file}", environ) for n, table in enumerate(tables, 1))
    names = [each.route.name for each in routes]
    for name in names:
        if names.count(name) > 1:
            raise _invalid(f"two routes of {file} are named {name!r}")
    return routes


def named_variables(written: object) -> frozenset[str]:
    """The environment variables that routes take their addresses and secrets from."""
    tables = written.get("routes", []) if isinstance(written, Mapping) else []
    return frozenset(
        str(name)
        for table in (tables if isinstance(tables, list) else [])
        if isinstance(table, Mapping)
        for key, name in table.items()
        if str(key).endswith(_BY_NAME)
    )


def check_routes(routes: Collection[AlertRoute], merchants: Collection[str], *, has_mail: bool) -> None:
    """Raise Refused for routes that the rest of the settings cannot serve."""
    for each in routes:
        if each.means == "mail" and not has_mail:
            raise Refused(
                f"the route {each.route.name!r} is a mail, and there is no server to hand it in",
                code="setting_invalid", param="alerts",
                hint="Set PAYONCE_SMTP_URL and PAYONCE_MAIL_FROM, or write the route as apprise's mailto://… address.",
            )  # fmt: skip
        for name in each.route.merchants:
            if name not in merchants:
                raise Refused(
                    f"the route {each.route.name!r} is for the merchant {name!r}, which is not of this installation",
                    code="setting_unknown", param="alerts", hint=f"There are {', '.join(sorted(merchants))}.",
                )  # fmt: skip


def _read(table: Mapping[str, Any], place: str, environ: Mapping[str, str]) -> AlertRoute:
    for key in table:
        if key not in KEYS:
            raise _unknown(key, KEYS, place)
    name = table.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _invalid(f"name in {place}: write one of lower-case letters, digits, - and _")
    to = _value(table, "to", place, environ)
    if not to:
        raise Refused(
            f"{place} does not say where it leads", code="setting_invalid", param="alerts",
            hint='Write to_env = "NAME" with the environment variable that holds its address.',
        )  # fmt: skip
    secret = _value(table, "secret", place, environ)
    means = _means_of(to, bool(secret), place)
    kinds = _words(table, "kinds", place)
    for pattern in kinds:
        if not any(fnmatchcase(kind, pattern) for kind in KINDS):
            raise _unknown(pattern, tuple(KINDS), f"kinds of {place}")
    severities = _words(table, "severities", place)
    for severity in severities:
        if severity not in SEVERITIES:
            raise _unknown(severity, SEVERITIES, f"severities of {place}")
    route = Route(
        name, kinds, severities, _words(table, "providers", place), _words(table, "merchants", place),
        _group(table, place), resends=means == "webhook",
    )  # fmt: skip
    return AlertRoute(route, means, to, secret)


def _value(table: Mapping[str, Any], key: str, place: str, environ: Mapping[str, str]) -> str:
    """What a key says, itself or by the variable that it names."""
    named = table.get(f"{key}{_BY_NAME}")
    if named is not None and key in table:
        raise _invalid(f"{key!r} stands twice in {place}")
    if named is None:
        return str(table.get(key, "")).strip()
    value = environ.get(str(named), "").strip()
    if not value:
        raise Refused(
            f"'{key}{_BY_NAME}' in {place} names the environment variable {named}, which is not set",
            code="secret_missing", param="alerts", hint="Set it where the service is started, and restart it.",
        )  # fmt: skip
    return value


def _means_of(to: str, has_secret: bool, place: str) -> Means:
    if to.startswith("mailto:") and not to.startswith("mailto://"):
        if not _addresses(to) or not all(_is_address(each) for each in _addresses(to)):
            raise _invalid(f"{place}: write mailto:ops@example.org, several with commas between")
        return "mail"
    parts = urlsplit(to)
    if not SCHEME.fullmatch(to):
        raise _invalid(f"{place}: its address begins with mailto:, https:// or a scheme of apprise such as slack://")
    if parts.scheme not in ("http", "https"):
        return "apprise"
    if has_secret:
        return "webhook"
    if parts.hostname in HANDED_OUT:
        return "apprise"
    raise Refused(
        f"{place} is a webhook without a secret", code="secret_missing", param="alerts",
        hint="The receiver proves with it that a call is ours: secret_env = … names the variable that holds it.",
    )  # fmt: skip


def _addresses(to: str) -> list[str]:
    return [each.strip() for each in unquote(to.removeprefix("mailto:")).split(",") if each.strip()]


def _is_address(text: str) -> bool:
    try:
        return bool(Address(addr_spec=text).domain) and text.isascii()
    except Exception:
        # The library's parser raises errors of many families for text that is no address.
        return False


def _words(table: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    written = table.get(key, [])
    if not isinstance(written, list) or not all(isinstance(word, str) and word for word in written):
        raise _invalid(f'{key} in {place}: write a list of words, such as ["critical"]')
    if key in table and not written:
        raise _invalid(f"{key} in {place} lets nothing pass; leave it out to let everything pass")
    return tuple(written)


def _group(table: Mapping[str, Any], place: str) -> timedelta:
    seconds = table.get("group_seconds", int(USUAL_GROUP.total_seconds()))
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= LONGEST_GROUP_SECONDS:
        raise _invalid(f"group_seconds in {place}: a whole number from 0 to {LONGEST_GROUP_SECONDS}")
    return timedelta(seconds=seconds)


def _unknown(written: str, known: Sequence[str], place: str) -> Refused:
    close = difflib.get_close_matches(written, known, n=1, cutoff=0.6)
    shown = ", ".join(known) if len(known) < 15 else "see `payonce findings kinds`"
    return Refused(
        f"there is no {written!r:.60} in {place}", code="setting_unknown", param="alerts",
        hint=f"Did you mean {close[0]!r}?" if close else f"There are {shown}.",
    )  # fmt: skip


def _invalid(message: str) -> Refused:
    return Refused(message, code="setting_invalid", param="alerts")
