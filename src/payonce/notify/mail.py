"""Mails to payers about their orders: plain text from a template, one mail per effect, headers that say why it came.

They only tell, so the horizon and every switch hold for them. SMTP has no key that servers honour, so a mail whose
outcome is not known is left to a person (`ask`) rather than sent twice; its Message-ID is made from the effect, so that
mailboxes that look at it recognise a second one that a person asks for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from string import Template
from typing import Any, Final, Protocol
from uuid import UUID

from payonce.base import money
from payonce.base.clock import Clock
from payonce.base.errors import Refused
from payonce.domain.effect import EffectKind, OnUnknown
from payonce.usecases.effect_handlers import EffectCall, NotAccepted, NotNeeded, Outcome
from payonce.usecases.find_recipient import Recipient

# Long subjects are cut off by every mailbox, and folded into several lines by every server.
LONGEST_SUBJECT: Final = 150

# (merchant, order) -> whom to write to, or None where no address is known.
FindRecipient = Callable[[str, UUID], Awaitable[Recipient | None]]


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail's subject and body. `$reference`, `$amount` ("45.00 USD") and every simple field of the order stand for
    themselves; a name that the order does not have is left as it is written."""

    subject: str
    body: str


# What is told where the application says nothing else. A person reads these, so they say little and nothing twice.
DEFAULT_TEXTS: Final[Mapping[str, MailText]] = {
    "order.paid": MailText(
        "We have received your payment: $reference",
        "We have received your payment of $amount for $reference.\n\nIts state at any time: $status_url\n",
    ),
    "refund.done": MailText(
        "A refund is on its way to you: $reference",
        "Money was returned to you for $reference. Your bank may take some days to show it.\n\n"
        "The state at any time: $status_url\n",
    ),
}


class Postbox(Protocol):
    """Takes a message for one recipient and says what became of it (`SmtpServer`)."""

    async def hand_in(self, sender: str, recipient: str, message: bytes) -> Outcome: ...


class MailHandler:
    """Writes and hands in the mails of one occasion."""

    def __init__(
        self, text: MailText, mail_from: str, postbox: Postbox, find_recipient: FindRecipient, clock: Clock
    ) -> None:
        """`mail_from`: `shop@example.org` or `The Shop <shop@example.org>`. Raises Refused `mail_from_invalid`."""
        self._text = text
        self._sender = sender_of(mail_from)
        self._postbox = postbox
        self._find_recipient = find_recipient
        self._clock = clock

    async def deliver(self, effect: EffectCall, /) -> Outcome:
        """Send the mail. Without an address there is nobody to tell; what cannot be one is refused for good."""
        try:
            recipient = await self._find_recipient(effect.merchant_id, effect.order_id)
            if recipient is None:
                return NotNeeded("no_address")
            to = _address(recipient)
            if to is None:
                return NotAccepted("what the order gives as the payer's mail address is none", is_final=True)
            message = self._write(effect, to).as_bytes()
        except Exception as error:
            # Nothing was sent, so this is a clear no and needs nobody to look whether it arrived.
            return NotAccepted(f"it could not be written: {type(error).__name__}")
        return await self._postbox.hand_in(self._sender.addr_spec, to.addr_spec, message)

    def _write(self, effect: EffectCall, to: Address) -> EmailMessage:
        values = _values(effect)
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = _line(Template(self._text.subject).safe_substitute(values))[:LONGEST_SUBJECT]
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{effect.id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        # Which effect it is, its cause, what that followed from, by which run: support can name them (A20).
        message["X-Payonce-Effect"] = effect.id
        message["X-Payonce-Cause"] = _line(effect.cause)
        message["X-Payonce-Caused-By"] = _line(effect.caused_by)
        if effect.run_id:
            message["X-Payonce-Run"] = effect.run_id
        message["X-Payonce-Try"] = str(effect.try_number)
        message.set_content(Template(self._text.body).safe_substitute(values))
        return message


def mail_effects(
    mail_from: str,
    postbox: Postbox,
    find_recipient: FindRecipient,
    clock: Clock,
    *,
    texts: Mapping[str, MailText] = DEFAULT_TEXTS,
    on_unknown: OnUnknown = "ask",
) -> list[tuple[EffectKind, MailHandler]]:
    """The kinds `mail.order.paid` and so on with their handlers, one for each occasion that has a text.

    Raises Refused `mail_from_invalid`, and for a text whose occasion does not exist.
    """
    return [
        (
            EffectKind(f"mail.{occasion}", occasion, "notification", on_unknown),
            MailHandler(text, mail_from, postbox, find_recipient, clock),
        )
        for occasion, text in texts.items()
    ]


def sender_of(mail_from: str) -> Address:
    """The sender as an address. Raises Refused `mail_from_invalid`."""
    found = getaddresses([mail_from])
    sender = _address(Recipient(found[0][1], found[0][0])) if len(found) == 1 else None
    if sender is None:
        raise Refused(f"{mail_from!r:.80} is no sender of mails", code="mail_from_invalid", param="mail_from")
    return sender


def _address(recipient: Recipient) -> Address | None:
    try:
        to = Address(display_name=_line(recipient.name or ""), addr_spec=recipient.email.strip())
    except Exception:
        # The library's parser raises errors of many families for text that is no address.
        return None
    # Letters outside of ASCII need an extension that few servers have; without it the address would be changed.
    return to if to.username and to.domain and to.addr_spec.isascii() else None


def _values(effect: EffectCall) -> dict[str, str]:
    """What a text may name: the simple fields of the order, and its amount as people write it."""
    order = effect.order
    simple = {key: str(value) for key, value in order.items() if isinstance(value, str | int)}
    return {**simple, "amount": _amount(order)}


def _amount(order: Mapping[str, Any]) -> str:
    minor, currency = order.get("amount_minor"), order.get("currency")
    return money.show(minor, currency) if isinstance(minor, int) and isinstance(currency, str) else ""


def _line(text: str) -> str:
    """Text as one line of a header: what could begin another header is a space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
