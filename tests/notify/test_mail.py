"""Mails to payers against a real SMTP server: one mail per effect, and a silence is never taken for a no."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from payonce.base.errors import Bug, Refused
from payonce.domain.effect import EffectKind
from payonce.drivers.stepping import run_to_end
from payonce.notify.mail import DEFAULT_TEXTS, FindRecipient, MailHandler, MailText, mail_effects, sender_of
from payonce.notify.smtp import SmtpServer, smtp_server
from payonce.store.database import inside
from payonce.usecases.effect_handlers import Accepted, EffectCall, NotAccepted, NotNeeded, Outcome, OutcomeUnknown
from payonce.usecases.find_recipient import Recipient, find_recipient
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.clocks import HandClock
from tests.support.house import House

ORDER = {
    "id": "ord_1", "reference": "fee 27/2026-05", "amount_minor": 4500, "currency": "USD",
    "status_url": "https://pay.example.org/status/abc", "counters": {"charged": 1},
}  # fmt: skip


class Postmaster:
    """What the server does with a mail. `answers` are given to RCPT and DATA; None hangs up."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.to_recipient = "250 OK"
        self.to_data: str | None = "250 taken"

    async def handle_RCPT(  # noqa: N802  (the server's own names)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.envelopes.append(envelope)
        if self.to_data is None:
            # Taken, and then the line breaks: nobody outside can tell this from a server that took nothing.
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "250 nobody hears this"
        return self.to_data


class _Anywhere(Controller):
    """A server at a port that the system chooses."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture
def postmaster() -> Postmaster:
    return Postmaster()


@pytest.fixture
def server(postmaster: Postmaster) -> Iterator[SmtpServer]:
    controller = _Anywhere(postmaster, hostname="127.0.0.1", port=0)
    controller.start()
    yield SmtpServer("127.0.0.1", controller.port)
    controller.stop()


def call_of(**more: Any) -> EffectCall:
    given: dict[str, Any] = {
        "id": "eff_01jd0000000000000000000000", "key": "0:paid:mail.order.paid", "kind": "mail.order.paid",
        "occasion": "order.paid", "cause": "paid", "merchant_id": "default", "order_id": uuid4(), "try_number": 1,
        "owed_at": datetime(2026, 11, 20, 12, tzinfo=UTC), "order": ORDER,
    }  # fmt: skip
    return EffectCall(**(given | more))


def lives_at(address: str | None, name: str | None = None) -> FindRecipient:
    async def find(merchant_id: str, order_id: UUID) -> Recipient | None:
        return Recipient(address, name) if address is not None else None

    return find


def send(server: SmtpServer, to: FindRecipient, text: MailText | None = None, **more: Any) -> Outcome:
    text = text or DEFAULT_TEXTS["order.paid"]
    handler = MailHandler(text, "The Shop <shop@example.org>", server, to, HandClock())
    return asyncio.run(handler.deliver(call_of(**more)))


def test_a_mail_says_what_was_paid(server: SmtpServer, postmaster: Postmaster) -> None:
    assert send(server, lives_at("linh@example.com", "Linh Đỗ")) == Accepted("250 taken")
    [mail] = postmaster.mails
    assert mail["Subject"] == "We have received your payment: fee 27/2026-05"
    assert mail["From"] == "The Shop <shop@example.org>"
    assert mail["To"] == "Linh Đỗ <linh@example.com>"
    assert "45.00 USD" in mail.get_content()
    assert "https://pay.example.org/status/abc" in mail.get_content()
    assert postmaster.envelopes[0].rcpt_tos == ["linh@example.com"]


def test_a_mail_carries_its_effect_and_its_cause(server: SmtpServer, postmaster: Postmaster) -> None:
    """A20: every message carries the id and the cause that produced it."""
    for number in (1, 2):
        send(server, lives_at("linh@example.com"), cause="paid\r\nBcc: all@example.com", try_number=number)
    first, second = postmaster.mails
    assert first["X-Payonce-Effect"] == "eff_01jd0000000000000000000000"
    assert first["X-Payonce-Cause"] == "paid Bcc: all@example.com"
    assert (first["X-Payonce-Try"], second["X-Payonce-Try"]) == ("1", "2")
    # The same at every try, so that a mailbox can tell that it has the mail already.
    assert first["Message-ID"] == second["Message-ID"] == "<eff_01jd0000000000000000000000@example.org>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Bcc"] is None


def test_a_mail_carries_the_run_that_produced_it_and_what_that_followed_from(
    server: SmtpServer, postmaster: Postmaster
) -> None:
    """A20: of a run of a job its id, and what it read or heard; without one, only what it followed from."""
    send(server, lives_at("linh@example.com"), run_id="run_01k8", caused_by="read:0192\r\nBcc: all@example.com")
    send(server, lives_at("linh@example.com"), caused_by="webhook:evt_1")
    by_run, by_event = postmaster.mails
    assert (by_run["X-Payonce-Run"], by_run["X-Payonce-Caused-By"]) == ("run_01k8", "read:0192 Bcc: all@example.com")
    assert (by_event["X-Payonce-Run"], by_event["X-Payonce-Caused-By"]) == (None, "webhook:evt_1")
    assert by_run["Bcc"] is None


def test_nothing_of_an_order_can_add_a_header_or_a_recipient(server: SmtpServer, postmaster: Postmaster) -> None:
    order = {**ORDER, "reference": "x\r\nBcc: all@example.com\r\n\r\nbody"}
    text = MailText("About $reference", "$reference costs $amount; $unknown and $$ stay.\n")
    assert send(server, lives_at("linh@example.com", "L\r\nCc: all@example.com"), text, order=order) == Accepted(
        "250 taken"
    )
    [mail] = postmaster.mails
    assert (mail["Bcc"], mail["Cc"]) == (None, None)
    assert mail["Subject"] == "About x Bcc: all@example.com body"
    assert "$unknown and $ stay" in mail.get_content()
    assert postmaster.envelopes[0].rcpt_tos == ["linh@example.com"]


@pytest.mark.parametrize(
    "address",
    ["", "linh", "@example.com", "a@b.c, evil@example.com", "a@b.c\r\nRCPT TO:<x@y.z>", "lình@example.com", "a b@c.d"],
)
def test_what_is_no_address_is_refused_for_good(server: SmtpServer, postmaster: Postmaster, address: str) -> None:
    outcome = send(server, lives_at(address))
    assert isinstance(outcome, NotAccepted) and outcome.is_final
    assert postmaster.mails == []


def test_without_an_address_there_is_nobody_to_tell(server: SmtpServer) -> None:
    assert send(server, lives_at(None)) == NotNeeded("no_address")


def test_when_the_address_cannot_be_read_nothing_was_sent(server: SmtpServer) -> None:
    async def fail(merchant_id: str, order_id: UUID) -> Recipient | None:
        raise OSError("no database")

    assert send(server, fail) == NotAccepted("it could not be written: OSError")


def test_a_clear_no_is_a_no(server: SmtpServer, postmaster: Postmaster) -> None:
    postmaster.to_recipient = "451 try later"
    outcome = send(server, lives_at("linh@example.com"))
    assert isinstance(outcome, NotAccepted) and not outcome.is_final
    postmaster.to_recipient = "550 linh@example.com is not here"
    outcome = send(server, lives_at("linh@example.com"))
    assert isinstance(outcome, NotAccepted) and outcome.is_final
    assert "linh@" not in outcome.reason
    postmaster.to_recipient, postmaster.to_data = "250 OK", "452 no room"
    outcome = send(server, lives_at("linh@example.com"))
    assert isinstance(outcome, NotAccepted) and not outcome.is_final


def test_silence_after_the_mail_was_sent_is_unknown(server: SmtpServer, postmaster: Postmaster) -> None:
    postmaster.to_data = None
    assert isinstance(send(server, lives_at("linh@example.com")), OutcomeUnknown)
    assert len(postmaster.mails) == 1


def test_a_server_that_is_not_there_got_nothing() -> None:
    outcome = send(SmtpServer("127.0.0.1", 1), lives_at("linh@example.com"))
    assert isinstance(outcome, NotAccepted) and not outcome.is_final


def test_no_mail_is_sent_inside_a_transaction(server: SmtpServer, postmaster: Postmaster) -> None:
    with inside(object()), pytest.raises(Bug):
        send(server, lives_at("linh@example.com"))
    assert postmaster.mails == []


def test_mails_only_tell_and_an_unknown_outcome_is_left_to_a_person(server: SmtpServer) -> None:
    kinds = [kind for kind, _ in mail_effects("shop@example.org", server, lives_at(None), HandClock())]
    assert kinds == [
        EffectKind("mail.order.paid", "order.paid", "notification", "ask"),
        EffectKind("mail.refund.done", "refund.done", "notification", "ask"),
    ]


def test_the_recipient_is_the_orders_payer(house: House) -> None:
    named = house.place("one", payer_email="linh@example.com", payer_name="Linh")
    unnamed = house.place("two")
    found = [run_to_end(find_recipient(house.world, DEFAULT_MERCHANT, order.id)) for order in (named, unnamed)]
    assert found == [Recipient("linh@example.com", "Linh"), None]
    assert "linh" not in repr(found[0])


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 25)),
        ("smtp://127.0.0.1:2525", SmtpServer("127.0.0.1", 2525)),
        ("smtp://mail.example.org?starttls", SmtpServer("mail.example.org", 587, tls="required")),
        ("smtp://shop:p%40ss@mail.example.org", SmtpServer("mail.example.org", 587, "shop", "p@ss", "required")),
        ("smtp://shop:pass@localhost:2525", SmtpServer("localhost", 2525, "shop", "pass")),
        ("smtps://shop:pass@mail.example.org/", SmtpServer("mail.example.org", 465, "shop", "pass", "implicit")),
    ],
)
def test_a_password_is_only_sent_encrypted_or_to_this_machine(url: str, server: SmtpServer) -> None:
    assert smtp_server(url) == server
    assert "pass" not in repr(smtp_server(url))


@pytest.mark.parametrize(
    "url", ["", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://shop@mail.example.org", "smtp://a:b@c:x",
            "smtp://mail.example.org/inbox", "smtp://mail.example.org?tls=no"],
)  # fmt: skip
def test_an_address_that_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        smtp_server(url)
    assert refused.value.code == "smtp_url_invalid"


@pytest.mark.parametrize("sender", ["", "shop", "The Shop", "shop@", "shöp@example.org", "a@b.c, d@e.f"])
def test_a_sender_that_is_none_is_refused(sender: str) -> None:
    with pytest.raises(Refused) as refused:
        sender_of(sender)
    assert refused.value.code == "mail_from_invalid"
