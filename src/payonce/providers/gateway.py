"""A provider as use cases see it: an adapter that knows what to say, and a transport that says it.

The looker is what jobs get: it reads, finds and closes, and has no way to create a payment (A8). The till adds that
one. Nothing here retries, and nothing is decided but what silence means: what never left was not done, all else is
unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from payonce.base.errors import Bug, ensure
from payonce.domain.observation import Observation, Ref
from payonce.domain.reconciliation import MoneyRecord, MoneySource
from payonce.providers.contract import (
    Acknowledged,
    Acknowledgement,
    Adapter,
    Ask,
    Call,
    Capabilities,
    Done,
    Flow,
    Mode,
    NotDone,
    Outcome,
    RefundAsk,
    SendsBack,
    SignsIn,
    Subscription,
    TellsSubscriptions,
    Unknown,
    Unreadable,
    Verdict,
    Verified,
)
from payonce.providers.listing import Lists, Page
from payonce.providers.money import MoneyPage, TellsMoney
from payonce.providers.money_file import read_file
from payonce.providers.transport import Answer, Request, Transport, Unreachable

# At 100 objects a page: 5,000 objects in one window. A larger answer is asked for again in smaller windows.
MOST_PAGES: Final = 50


class _Nobody:
    """A transport that reaches nobody."""

    async def send(self, request: Request) -> Answer:
        """Refuse."""
        raise Bug("a look without effect called out")


class ProviderLooker:
    """Asks a provider and ends things there. Every method is one call (`find`: one a page) and never raises for it."""

    def __init__(self, adapter: Adapter, transport: Transport) -> None:
        self._adapter = adapter
        self._transport = transport
        # Asking a protocol what an object can do takes longer than most calls' own work; an adapter does not change.
        self._lists = adapter if isinstance(adapter, Lists) else None
        self._signs_in = adapter if isinstance(adapter, SignsIn) else None

    def as_looker(self) -> ProviderLooker:
        """The same account without the means to create a payment."""
        return ProviderLooker(self._adapter, self._transport)

    def as_refunder(self) -> ProviderRefunder:
        """The same account with the means to send money back. Raises Bug: a looker does not get them (A8)."""
        raise Bug("a job asked for the means to send money back")

    def as_silent(self) -> ProviderLooker:
        """The same account for a look without any effect: whoever calls out with it meets a Bug (S17)."""
        return ProviderLooker(self._adapter, _Nobody())

    @property
    def provider(self) -> str:
        return self._adapter.provider

    @property
    def account(self) -> str:
        return self._adapter.account

    @property
    def mode(self) -> Mode:
        return self._adapter.mode

    @property
    def capabilities(self) -> Capabilities:
        return self._adapter.capabilities

    async def read(self, ref: Ref) -> Outcome:
        """How the object is now. NotDone `not_found`: the provider has no such object."""
        return await self._ask(self._adapter.read(ref))

    async def close(self, ref: Ref, attempt_id: UUID) -> Outcome:
        """Make the object unpayable. NotDone `not_closable`: read it; it may be closed already, paid or processing."""
        return await self._ask(self._adapter.close(ref, attempt_id))

    async def find(self, flow: Flow, since: datetime, until: datetime) -> Outcome:
        """What of ours was made in the window: Done with the observations of all pages, newest first as listed.

        One page without an answer leaves the whole unknown, because an object that is not found would be taken for one
        that was never made.
        """
        found: list[Observation] = []
        page: str | None = None
        for _ in range(MOST_PAGES):
            outcome = await self._ask(self._adapter.find(flow, since, until, page))
            if not isinstance(outcome, Done):
                return outcome
            found.extend(outcome.observations)
            page = outcome.next_page
            if page is None:
                return Done(tuple(found))
        return Unknown(f"more than {MOST_PAGES} pages in one window", is_too_much=True)

    async def list_page(
        self, name: str, since: datetime, until: datetime | None, page: str | None = None
    ) -> Page | NotDone | Unknown:
        """One page of a list of `Capabilities.lists`. NotDone `not_supported` where the provider lists nothing."""
        adapter = self._lists
        if adapter is None:
            return NotDone("not_supported", f"{self._adapter.provider} lists nothing")
        call = adapter.list_page(name, since, until, page)
        answer = await self._send(call)
        if not isinstance(answer, Answer):
            return answer
        told = adapter.listed(call, answer)
        return replace(told, told_at=answer.made_at) if isinstance(told, Page) else told

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
        """Whether the bytes are the provider's, and what they say. No call is made; nothing is raised."""
        return self._adapter.verify(headers, body, now)

    def again(self, body: bytes, source: Literal["webhook", "poll", "backfill"]) -> Verified | Unreadable:
        """What bytes say that were verified and stored before. No call is made; nothing is raised."""
        return self._adapter.again(body, source)

    async def subscriptions(self) -> tuple[Subscription, ...] | NotDone | Unknown:
        """Which endpoints hear which events (B12). NotDone `not_supported` where the provider cannot say."""
        adapter = self._adapter
        if not isinstance(adapter, TellsSubscriptions):
            return NotDone("not_supported", f"{adapter.provider} does not list its endpoints")
        call = adapter.subscriptions()
        answer = await self._send(call)
        return adapter.subscribed(call, answer) if isinstance(answer, Answer) else answer

    @property
    def money_source(self) -> MoneySource:
        """Where the account's money records come from; a file of days of UTC where its adapter says nothing."""
        source = getattr(self._adapter, "money_source", None)
        return source if isinstance(source, MoneySource) else MoneySource("file")

    async def money(self, since: datetime, until: datetime, page: str | None) -> MoneyPage | NotDone | Unknown:
        """One page of what moved in the window. NotDone `not_supported` where the provider has no such list."""
        adapter = self._adapter
        if not isinstance(adapter, TellsMoney) or self.money_source.by != "list":
            return NotDone("not_supported", f"{adapter.provider} does not list what moved; bring its settlement file")
        call = adapter.money(since, until, page)
        answer = await self._send(call)
        return adapter.moved(call, answer) if isinstance(answer, Answer) else answer

    def money_of_file(self, lines: Iterable[str], day: date, *, plain: bool = False) -> Iterator[MoneyRecord]:
        """The records of a settlement file of that day. Raises Refused `money_file_invalid`. No call is made."""
        return read_file(lines, self._adapter, self.money_source, day, plain=plain)

    def own_ref(self, call: Call) -> Ref | None:
        """The name that the object of a stored create has because we chose it; None where the provider names it."""
        return self._adapter.own_ref(call)

    def acknowledge(self, what: Acknowledged) -> Acknowledgement:
        """What a delivery is answered with, in the provider's own words."""
        return self._adapter.acknowledge(what)

    async def _ask(self, call: Call | NotDone) -> Outcome:
        if isinstance(call, NotDone):
            return call
        answer = await self._send(call)
        return self._adapter.understand(call, answer) if isinstance(answer, Answer) else answer

    async def _send(self, call: Call) -> Answer | NotDone | Unknown:
        """The answer, or what its absence means. A token is asked for first where the call needs one."""
        adapter = self._signs_in
        if adapter is not None and adapter.needs_token(call):
            answer = await self._deliver(self._adapter.request(adapter.sign_in()))
            token = adapter.token_of(answer) if isinstance(answer, Answer) else answer
            return await self._deliver(adapter.request_with(call, token)) if isinstance(token, str) else token
        return await self._deliver(self._adapter.request(call))

    async def _deliver(self, request: Request) -> Answer | NotDone | Unknown:
        try:
            return await self._transport.send(request)
        except Unreachable as silence:
            if silence.sent:
                return Unknown(f"no answer: {silence.reason}")
            return NotDone("unreachable", f"the provider was not reached: {silence.reason}", may_repeat=True)


class ProviderRefunder(ProviderLooker):
    """A looker that also sends money back, and cannot create a payment. Only the refund worker is given one."""

    def as_refunder(self) -> ProviderRefunder:
        """The same."""
        return self

    @property
    def can_refund(self) -> bool:
        return self.capabilities.refund != "none" and isinstance(self._adapter, SendsBack)

    def prepare_refund(self, ask: RefundAsk) -> Call:
        """The exact call that sends money back, to be stored before it is sent. No call is made."""
        return self._sends_back().refund(ask)

    async def refund(self, call: Call) -> Outcome:
        """Send the stored call of a refund, byte for byte, the first time or again with the same key."""
        ensure(call.operation == "refund", f"a refunder sends money back, and was asked to {call.operation}")
        return await self._ask(call)

    async def look_for_refund(self, ask: RefundAsk, call: Call, now: datetime) -> Outcome:
        """How the refund stands, asked by what we know ourselves. NotDone `not_found`: there is none."""
        return await self._ask(self._sends_back().look_for_refund(ask, call, now))

    def _sends_back(self) -> SendsBack:
        adapter = self._adapter
        if not isinstance(adapter, SendsBack):
            raise Bug(f"{adapter.provider} cannot send money back, and was asked to")
        return adapter


class ProviderTill(ProviderLooker):
    """A looker that also creates payments. Only the checkout guard is given one."""

    def as_refunder(self) -> ProviderRefunder:
        """The same account with the means to send money back, and without the means to create a payment."""
        return ProviderRefunder(self._adapter, self._transport)

    def prepare(self, ask: Ask) -> Call:
        """The exact call that makes a payable object, to be stored before it is sent. No call is made."""
        return self._adapter.create(ask)

    async def create(self, call: Call) -> Outcome:
        """Send the stored call of an attempt, byte for byte, the first time or again with the same key."""
        ensure(call.operation == "create", f"a till creates payments, and was asked to {call.operation}")
        return await self._ask(call)
