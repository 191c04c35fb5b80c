"""Alerts reach real receivers: chats and pagers by their own names, mail servers, and our signed webhooks."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from payonce.domain.delivering import Accepted, NotAccepted, Outcome, OutcomeUnknown
from payonce.drivers.clock import SystemClock
from payonce.notify.alert_channels import AppriseChannel, MailChannel, WebhookChannel
from payonce.notify.apprise_child import outcome_of
from payonce.notify.sender import HttpSender
from payonce.notify.smtp import smtp_server
from payonce.notify.webhooks import operators_endpoint
from payonce.testing.serving import free_port
from payonce.usecases.alerting import Channel, Message
from tests.support.services import Services, services
from tests.support.webhook_receiver import hang_up, receiver

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYWxlcnRzIGhlcmU="
MESSAGE = Message(
    "alr_01k", "ops", "critical", "raised", "[critical] second_charge: 45.00 USD at risk",
    "What it means.\nWhat to do.", datetime(2026, 11, 30, 7, tzinfo=UTC), {"kind": "second_charge", "count": 1},
)  # fmt: skip
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
HANDED_OUT = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544"
PAGERDUTY = "pagerduty://integrationkey1234567890@apikey1234567890"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services of the world, and this process led to them."""
    with services(tmp_path) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


def tell(channel: Channel, message: Message = MESSAGE) -> Outcome:
    """Tell once."""
    return asyncio.run(channel.tell(message))


@pytest.mark.parametrize(
    ("url", "host", "holds"),
    [
        (SLACK, "hooks.slack.com", "second_charge: 45.00 USD at risk"),
        (HANDED_OUT, "hooks.slack.com", "What to do."),
        (TELEGRAM, "api.telegram.org", "What it means."),
        (PAGERDUTY, "events.pagerduty.com", "second_charge: 45.00 USD at risk"),
        ("jsons://chat.example/alerts", "chat.example", "What to do."),
    ],
)  # fmt: skip
def test_chats_and_pagers_get_the_message_by_their_own_names(world: Services, url: str, host: str, holds: str) -> None:
    """C17: critical findings reach mail, chat and pager."""
    assert isinstance(tell(AppriseChannel(url)), Accepted)
    assert {request.host for request in world.got} == {host}
    assert holds in json.dumps(world.got[-1].body)


def test_a_refusal_is_clear_and_says_no_more_than_its_status(world: Services) -> None:
    world.answers = [403] * 10
    outcome = tell(AppriseChannel(SLACK))
    assert isinstance(outcome, NotAccepted) and outcome.reason == "403"


def test_a_receiver_that_hangs_is_given_up_after_the_deadline_and_nobody_knows(world: Services) -> None:
    world.answers = [None] * 10
    outcome = tell(AppriseChannel("jsons://chat.example/alerts?rto=50", seconds=4.0))
    assert outcome == OutcomeUnknown("no answer within 4 s")
    assert len(world.got) == 1


def test_a_receiver_that_takes_it_and_says_nothing_may_have_it(world: Services) -> None:
    world.answers = [None] * 10
    outcome = tell(AppriseChannel("jsons://chat.example/alerts?rto=0.3"))
    assert isinstance(outcome, OutcomeUnknown)


def test_what_never_left_is_a_clear_refusal() -> None:
    outcome = tell(AppriseChannel(f"json://127.0.0.1:{free_port()}/alerts"))
    assert isinstance(outcome, NotAccepted), outcome


def test_a_process_that_ends_before_it_tells_anybody_is_a_refusal_that_says_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator who reads why nobody was told finds more than nothing."""
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(killed))
    assert tell(AppriseChannel(SLACK)) == NotAccepted("its process ended with -9")


def test_an_address_that_apprise_does_not_know_is_a_refusal_and_is_found_by_a_check() -> None:
    assert isinstance(tell(AppriseChannel("nonsense://x")), NotAccepted)
    assert asyncio.run(AppriseChannel("nonsense://x").check()) == "apprise knows no such address"
    assert asyncio.run(AppriseChannel(SLACK).check()) == ""


@pytest.mark.parametrize(
    ("said_yes", "seen", "outcome"),
    [
        (True, ["accepted"], "accepted"), (False, ["refused", "never_left"], "refused"), (False, [], "unknown"),
        (False, ["refused", "silent"], "unknown"), (False, ["accepted", "refused"], "unknown"),
    ],
)  # fmt: skip
def test_a_no_is_clear_only_where_no_call_may_have_arrived(said_yes: bool, seen: list[Any], outcome: str) -> None:
    assert outcome_of(said_yes, seen) == outcome


def test_a_webhook_is_signed_and_carries_the_message_in_words_and_as_data() -> None:
    with receiver(SECRET) as endpoint:
        endpoint.script = [500]

        async def twice() -> list[Outcome]:
            async with HttpSender(allow_private=True) as sender:
                channel = WebhookChannel(operators_endpoint(endpoint.url, SECRET), sender, SystemClock())
                return [await channel.tell(MESSAGE) for _ in range(2)]

        refused, accepted = asyncio.run(twice())
    assert isinstance(refused, NotAccepted) and isinstance(accepted, Accepted)
    assert endpoint.refused == [] and endpoint.taken == {"alr_01k"}
    assert endpoint.got[0].payload == {
        "type": "alert",
        "timestamp": "2026-11-30T07:00:00Z",
        "data": {"route": "ops", "title": MESSAGE.title, "text": MESSAGE.body, "kind": "second_charge", "count": 1},
    }


def test_a_webhook_that_hangs_up_may_have_it() -> None:
    with receiver(SECRET) as endpoint:
        endpoint.script = [hang_up]

        async def once() -> Outcome:
            async with HttpSender(allow_private=True) as sender:
                return await WebhookChannel(operators_endpoint(endpoint.url, SECRET), sender, SystemClock()).tell(
                    MESSAGE
                )

        assert isinstance(asyncio.run(once()), OutcomeUnknown)


class Mailbox:
    """A mail server's inner side: keeps what it takes, and refuses whom it is told to."""

    def __init__(self, *refused: str) -> None:
        self.kept: list[tuple[str, bytes]] = []
        self.refused = refused

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "451 not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.kept.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


def mail(box: Mailbox, *recipients: str) -> Outcome:
    """Tell by mail, through a real server."""
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        to = [Address(addr_spec=each) for each in recipients]
        channel = MailChannel(to, "Alerts <pay@example.org>", smtp_server(f"smtp://127.0.0.1:{port}"), SystemClock())
        return tell(channel)
    finally:
        controller.stop()


def test_a_mail_goes_through_our_own_server_to_everybody() -> None:
    """C17: mail."""
    box = Mailbox()
    assert isinstance(mail(box, "ops@example.org", "boss@example.org"), Accepted)
    assert [to for to, _ in box.kept] == ["ops@example.org", "boss@example.org"]
    parsed = message_from_bytes(box.kept[0][1], policy=policy.default)
    assert parsed["Subject"] == MESSAGE.title and parsed["X-Payonce-Alert"] == "alr_01k"
    assert parsed.get_content().replace("\r\n", "\n") == f"{MESSAGE.body}\n"


def test_a_mail_that_a_server_refuses_is_tried_again_unless_somebody_has_it() -> None:
    assert isinstance(mail(Mailbox("ops@example.org"), "ops@example.org"), NotAccepted)
    some = mail(Mailbox("boss@example.org"), "ops@example.org", "boss@example.org")
    assert isinstance(some, OutcomeUnknown) and "some recipients have it" in some.reason
