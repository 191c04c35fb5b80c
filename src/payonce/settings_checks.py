"""What an installation refuses to start with: settings that are each fine and together are not.

B16: whoever receives news of money has the secret that proves them, or does not start.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from payonce.base.errors import Refused
from payonce.domain.attempt import LONGEST_LEASE
from payonce.usecases.ensure_checkout import LAST_STEP

if TYPE_CHECKING:
    from payonce.settings import Settings

# Services that watch heartbeats take no more than a call a minute or two.
SHORTEST_HEARTBEAT = timedelta(seconds=30)


def check_secrets(settings: Settings) -> None:
    """B16: what receives news of an order does not start without the secret that proves them."""
    if settings.webhook_url is not None and settings.webhook_secret is None:
        raise _missing(
            "PAYONCE_WEBHOOK_URL is set and PAYONCE_WEBHOOK_SECRET is missing",
            "The receiver proves with it that a call is ours. One can be made with: "
            "echo whsec_$(head -c 24 /dev/urandom | base64)",
            "webhook_secret",
        )  # fmt: skip
    if settings.heartbeat_url is not None:
        url = settings.heartbeat_url.get_secret_value()
        if not url.startswith(("https://", "http://")) or any(letter.isspace() for letter in url):
            raise Refused(
                "PAYONCE_HEARTBEAT_URL: write an address that begins with https://",
                code="setting_invalid",
                param="heartbeat_url",
            )
    if settings.smtp_url is not None and settings.mail_from is None:
        raise Refused(
            "PAYONCE_SMTP_URL is set and PAYONCE_MAIL_FROM is missing", code="setting_invalid", param="mail_from"
        )  # fmt: skip


def check_accounts(settings: Settings) -> None:
    """Refuse play money beside real money, and two accounts of one name: references are kept by that name."""
    names = Counter((account.provider, account.account) for account in settings.accounts)
    if names and settings.simulate:
        (provider, account), *_ = names
        raise Refused(
            f"the simulators never run beside real keys, and the account {account!r} of {provider} is configured",
            code="simulator_refused", param="simulate", hint="Leave out --simulate, or unset the keys.",
        )  # fmt: skip
    for (provider, account), times in names.items():
        if times > 1:
            raise Refused(
                f"two accounts of {provider} are named {account!r}", code="account_name_taken", param="accounts",
                hint=f"Name them: PAYONCE_{provider.upper()}_ACCOUNT, or account = … in its [[accounts]] table.",
            )  # fmt: skip


def check_policy(settings: Settings) -> None:
    # A call to a provider may take 20 s; whoever holds an attempt must not lose it while the call runs.
    if settings.lease < timedelta(seconds=25):
        raise Refused("lease: at least 25s, for a call takes up to 20s", code="setting_invalid", param="lease")
    if settings.lease > LONGEST_LEASE:
        raise Refused("lease: at most 60s, for payers wait behind a dead one's", code="setting_invalid", param="lease")
    if settings.longest_wait > LAST_STEP:
        raise Refused(
            "longest_wait: at most 20s, for two calls of 20s may follow and everybody is to have an answer within 60s",
            code="setting_invalid", param="longest_wait",
        )  # fmt: skip
    if settings.heartbeat_every < SHORTEST_HEARTBEAT:
        raise Refused("heartbeat_every: at least 30s", code="setting_invalid", param="heartbeat_every")
    for name in ("window", "stale_after", "close_after", "notification_horizon"):
        if getattr(settings, name) <= timedelta():
            raise Refused(f"{name}: longer than nothing", code="setting_invalid", param=name)


def _missing(message: str, hint: str, param: str) -> Refused:
    return Refused(message, code="secret_missing", hint=hint, param=param)
