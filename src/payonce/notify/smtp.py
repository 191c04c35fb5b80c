"""Handing a mail to an SMTP server, and knowing exactly what its silence means.

Before the message itself is sent nothing has happened, whatever fails. After that only the server's answer tells: a
code is a clear yes or no, silence or a broken connection is an unknown outcome, because the server may have taken it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from payonce.base.errors import Refused, ensure
from payonce.store.database import in_transaction
from payonce.usecases.effect_handlers import Accepted, NotAccepted, Outcome, OutcomeUnknown

# A server checks a mail for spam before it answers, which takes some of them ten seconds; half of the lease of 60 s.
MAIL_SECONDS: Final = 30.0
GOODBYE_SECONDS: Final = 2.0
_IMPLICIT_TLS: Final = 465
_PLAIN: Final = 25
_SUBMISSION: Final = 587


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are handed in. `tls`: `implicit` from the first byte, else STARTTLS, `required` or as `offered`."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: str = "offered"

    async def hand_in(self, sender: str, recipient: str, message: bytes) -> Outcome:
        """Hand in one message for one recipient; never raises for what the server does."""
        ensure(not in_transaction(), "a mail was to be sent inside a transaction")
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.tls == "implicit",
            start_tls={"required": True, "implicit": False}.get(self.tls),
            # Else the library asks the resolver for this machine's name, which can take long.
            local_hostname=sender.partition("@")[2] or None,
            timeout=MAIL_SECONDS,
        )
        has_left = False
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                await client.connect()
                await client.mail(sender)
                await client.rcpt(recipient)
                has_left = True
                code, text = await client.data(message)
                return Accepted(f"{code} {text}")
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return _outcome(error, has_left, recipient)
        finally:
            # To leave politely, outside of the time for the mail: what counts has been said, whatever comes now.
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                if client.is_connected:
                    await client.quit(timeout=GOODBYE_SECONDS)
            client.close()


def smtp_server(url: str) -> SmtpServer:
    """The server of `smtp://user:password@host:port`; `smtps://` is TLS from the first byte, `?starttls` insists on it.

    A password is only ever sent encrypted, except to this machine itself. Raises Refused `smtp_url_invalid`.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise _invalid("its port is no number") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise _invalid("write it as smtp://user:password@host:port, or smtps://")
    if parts.query not in ("", "starttls"):
        raise _invalid("after the question mark only `starttls` is known")
    if (parts.username is None) != (parts.password is None):
        raise _invalid("a name goes with a password")
    if parts.scheme == "smtps":
        tls, usual = "implicit", _IMPLICIT_TLS
    elif parts.query or (parts.username and not _is_this_machine(parts.hostname)):
        tls, usual = "required", _SUBMISSION
    else:
        tls, usual = "offered", _PLAIN
    username = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    return SmtpServer(parts.hostname, port or usual, username, password, tls)


def _outcome(error: Exception, has_left: bool, recipient: str) -> Outcome:
    # Servers repeat the address in what they say, and what they say is kept.
    reason = f"{type(error).__name__}: {error}".replace(recipient, "the recipient")[:300]
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        # 5xx about the recipient does not change by waiting; anything else may be mended, on either side.
        return NotAccepted(reason, is_final=500 <= error.code < 600)
    if isinstance(error, aiosmtplib.SMTPResponseException) or not has_left:
        return NotAccepted(reason)
    return OutcomeUnknown(reason)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _invalid(why: str) -> Refused:
    return Refused(f"the address of the mail server is refused: {why}", code="smtp_url_invalid", param="smtp_url")
