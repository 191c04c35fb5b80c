"""Channels for the routes of an installation. Refuses routes that need a package which is not installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.notify.alert_channels import AppriseChannel, MailChannel, WebhookChannel
from payonce.notify.sender import HttpSender
from payonce.notify.smtp import smtp_server
from payonce.notify.webhooks import operators_endpoint
from payonce.settings_alerts import AlertRoute
from payonce.usecases.alerting import Channel


def channels_of(
    routes: Sequence[AlertRoute], smtp_url: str | None, mail_from: str | None, clock: Clock, senders: list[HttpSender]
) -> dict[str, Channel]:
    """A channel for each route by name. What is opened for webhooks is added to `senders`, to be closed.

    Raises Refused `extra_missing`, `webhook_url_invalid`, `secret_weak`, `smtp_url_invalid`, `mail_from_invalid`.
    """
    found: dict[str, Channel] = {}
    sender: HttpSender | None = None
    for each in routes:
        if each.means == "webhook":
            if sender is None:
                # The operator's own address may be private, as the one of PAYONCE_WEBHOOK_URL.
                sender = HttpSender(allow_private=True)
                senders.append(sender)
            found[each.route.name] = WebhookChannel(operators_endpoint(each.to, each.secret), sender, clock)
        elif each.means == "mail":
            postbox = smtp_server(smtp_url or "")
            found[each.route.name] = MailChannel(each.recipients, mail_from or "", postbox, clock)
        else:
            require_apprise(each)
            found[each.route.name] = AppriseChannel(each.to)
    return found


def require_apprise(route: AlertRoute) -> None:
    """Raise Refused `extra_missing` where apprise is not installed. It is looked for and not loaded."""
    if find_spec("apprise") is None:
        raise Refused(
            f"the route {route.route.name!r} goes through apprise, which is not installed", code="extra_missing",
            param="alerts", hint="Install payonce with its extra: payonce[server,alerts].",
        )  # fmt: skip


async def check_routes(routes: Sequence[AlertRoute]) -> dict[str, str]:
    """Routes by name with what is wrong with their addresses (empty: nothing). Nobody is called."""
    found: dict[str, str] = {}
    for each in routes:
        wrong = ""
        if each.means == "apprise":
            wrong = await AppriseChannel(each.to).check() if find_spec("apprise") else "apprise is not installed"
        found[each.route.name] = wrong
    return found
