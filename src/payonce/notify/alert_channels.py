"""Where alerts go: our own signed webhooks, mails through our own server, and everything else through apprise.

Each channel makes one call, within its own deadline, and says what became of it: accepted, refused, or not known. What
is not known is never repeated here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from payonce.base.clock import Clock
from payonce.base.errors import ensure
from payonce.domain.delivering import Accepted, NotAccepted, Outcome, OutcomeUnknown
from payonce.notify import apprise_child
from payonce.notify.mail import Postbox, sender_of
from payonce.notify.webhooks import CALL_SECONDS, USER_AGENT, Endpoint, outcome_of
from payonce.providers.transport import Request, Transport, Unreachable
from payonce.store.database import in_transaction
from payonce.usecases.alerting import Message

# Half of the lease of a message. A chat answers within a second; the start of the process takes another.
APPRISE_SECONDS: Final = 30.0
# What apprise calls a message, so that a chat can colour it.
_TYPES: Final = {"critical": "failure", "warning": "warning", "notice": "info"}


class WebhookChannel:
    """Standard Webhooks to the operator's own address. The message's id is the same at every try."""

    def __init__(self, endpoint: Endpoint, transport: Transport, clock: Clock) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._clock = clock

    async def tell(self, message: Message, /) -> Outcome:
        """Call the endpoint once: 2xx is accepted, 410 ends it, anything else is refused for now."""
        body = json.dumps(
            {
                "type": "alert",
                "timestamp": message.at.isoformat().replace("+00:00", "Z"),
                "data": {"route": message.route, "title": message.title, "text": message.body, **message.data},
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        headers = (
            ("content-type", "application/json"),
            ("user-agent", USER_AGENT),
            *self._endpoint.signer.headers(message.id, self._clock.now(), body),
        )
        request = Request("POST", self._endpoint.url, headers, body.encode(), CALL_SECONDS)
        try:
            return outcome_of(await self._transport.send(request))
        except Unreachable as error:
            return OutcomeUnknown(error.reason) if error.sent else NotAccepted(error.reason)


class MailChannel:
    """Mails through the operator's own server, whose answers are exact."""

    def __init__(self, recipients: Sequence[Address], mail_from: str, postbox: Postbox, clock: Clock) -> None:
        """Raises Refused `mail_from_invalid`."""
        self._recipients = tuple(recipients)
        self._sender = sender_of(mail_from)
        self._postbox = postbox
        self._clock = clock

    async def tell(self, message: Message, /) -> Outcome:
        """Hand in one mail for each recipient; the worst of what the server said counts for the message."""
        outcomes = [await self._hand_in(message, to) for to in self._recipients]
        unknown = next((each for each in outcomes if isinstance(each, OutcomeUnknown)), None)
        refused = next((each for each in outcomes if isinstance(each, NotAccepted)), None)
        if unknown is None and refused is not None and any(isinstance(each, Accepted) for each in outcomes):
            # Again would be twice for those who have it.
            return OutcomeUnknown(f"some recipients have it, and one does not: {refused.reason}")
        return unknown or refused or outcomes[0]

    async def _hand_in(self, message: Message, to: Address) -> Outcome:
        mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        mail["From"] = self._sender
        mail["To"] = to
        mail["Subject"] = " ".join(message.title.split())
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = f"<{message.id}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Payonce-Alert"] = message.id
        mail.set_content(f"{message.body}\n")
        return await self._postbox.hand_in(self._sender.addr_spec, to.addr_spec, mail.as_bytes())


class AppriseChannel:
    """Any service that apprise knows, called by a process that is given up on after the deadline."""

    def __init__(self, url: str, *, seconds: float = APPRISE_SECONDS) -> None:
        self._url = url
        self._seconds = seconds

    async def tell(self, message: Message, /) -> Outcome:
        """Tell it once. Without an answer in time nobody knows, unless nothing had begun to leave."""
        said, why = await _ask(
            {
                "url": self._url,
                "title": message.title,
                "body": message.body,
                "type": "success" if message.tone == "resolved" else _TYPES.get(message.severity, "info"),
            },
            self._seconds,
        )
        if not said:
            return NotAccepted(why)
        try:
            answer: dict[str, Any] = json.loads(said[-1])
        except ValueError:
            return OutcomeUnknown(why or "apprise ended without a word")
        words = str(answer["words"])
        if answer["outcome"] == "accepted":
            return Accepted(words)
        return NotAccepted(words or "refused") if answer["outcome"] == "refused" else OutcomeUnknown(words)

    async def check(self) -> str:
        """Why apprise does not take the address, or nothing. Calls nobody."""
        said, why = await _ask({"url": self._url, "check": True}, self._seconds)
        try:
            answer: dict[str, Any] = json.loads(said[-1])
        except (ValueError, IndexError):
            return why or "apprise could not be started"
        return "" if answer["outcome"] == "accepted" else str(answer["words"])


async def _ask(asked: dict[str, Any], seconds: float) -> tuple[list[str], str]:
    """The lines that the process said, and why there are no more."""
    ensure(not in_transaction(), "an alert was to be sent inside a transaction")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", apprise_child.__name__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said: list[str] = []

    async def talk() -> str:
        process.stdin.write(json.dumps(asked).encode())  # type: ignore[union-attr]
        process.stdin.close()  # type: ignore[union-attr]
        async for line in process.stdout:  # type: ignore[union-attr]
            said.append(line.decode("utf-8", "replace").strip())
        # Its traceback may name the address, so only its last line's kind of error is told.
        last = (await process.stderr.read()).decode("utf-8", "replace").strip().rpartition("\n")[2]  # type: ignore[union-attr]
        status = await process.wait()
        return last.partition(":")[0][:100] or (f"its process ended with {status}" if status else "")

    try:
        async with asyncio.timeout(seconds):
            return said, await talk()
    except TimeoutError:
        return said, f"no answer within {seconds:g} s"
    except OSError as error:
        return said, type(error).__name__
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
