"""What a provider is to payonce. An adapter is pure: it builds exact requests and understands answers; it does no I/O.

Three rules hold for every adapter. The outcome of a call is done, not done or unknown, and *not done* is said only on a
clear no. A status that is not known is `unknown`, never failed. Our attempt id travels with every create, so
that whatever the provider made can be traced back to the attempt, even when its answer was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

from payonce.base.money import show
from payonce.domain.observation import Flow as Flow
from payonce.domain.observation import Observation, Ref
from payonce.providers.transport import Answer, Request

Mode = Literal["test", "live"]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the provider's that is walked by the times at which its entries were made (`listing.Lists`).

    `is_log`: its entries are events, under the same keys by which webhooks tell of them; else objects as they are now.
    `reach_seconds`: how far it reaches back; None: for ever. `overlap_seconds`: how much of what was read is read
    again, because lists lag behind and objects change after they were made. `pause_seconds`: how long it rests between
    two walks to its end, where that overlap is long.
    """

    name: str
    is_log: bool = False
    reach_seconds: int | None = None
    overlap_seconds: int = 15 * 60
    pause_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the provider can do; the engine's behaviour follows from these and never from its name."""

    flows: tuple[Flow, ...]
    # How a create that is sent twice is recognised, and for how long after the first sending we rely on it. `natural`:
    # the object has the name that we gave it (`Adapter.own_ref`), and a second create is refused.
    idempotency: Literal["key", "natural", "none"]
    idempotency_life_seconds: int
    # Whether an unpaid object can be made unpayable.
    can_close: bool
    # Whether objects of which we know nothing but our own attempt id can be found: by a list, or by their natural name.
    can_find: bool
    # Whether a notice proves nothing by itself, so that it is stored and the object is read before anything is joined.
    confirm_by_read: bool
    shortest_session_seconds: int | None
    # The least that is taken, by currency; a currency that is not named has no least amount.
    smallest_minor: Mapping[str, int]
    handled_events: tuple[str, ...]
    # The currencies that are taken; None: all of ISO 4217.
    currencies: frozenset[str] | None = None
    # The most that is taken, by currency (`*`: every other one), and the step that an amount must be a multiple of.
    largest_minor: Mapping[str, int] = field(default_factory=dict)
    step_minor: Mapping[str, int] = field(default_factory=dict)
    # `sync`: the answer says how it ended; `async`: it is followed until it ends; `none`: money cannot be sent back.
    refund: Literal["sync", "async", "none"] = "none"
    # For how long after its first sending the same refund may be sent again; afterwards we only look.
    refund_life_seconds: int = 0
    # Flows that take an end of the object's life (`Ask.expires_at`).
    expiring_flows: tuple[Flow, ...] = ()
    # Kinds of references that are read beside the payer's object, because one attempt may be paid by several.
    also_read: tuple[str, ...] = ()
    # How long after its making an object can be asked for; None: for ever.
    read_horizon_seconds: int | None = None
    # Whether ends without money are told of as well; where not, only asking finds them.
    tells_failures: bool = True
    # Whether objects that ended can still bring money, so that they are asked about for a month.
    pays_after_end: bool = False
    # What is walked for what nobody told of, in this order: payments before what is given back of them. Empty: there is
    # no list, and what is known is asked for one by one.
    lists: tuple[Listing, ...] = ()

    def why_not(self, amount_minor: int, currency: str) -> str | None:
        """Why the amount can never be paid here, as a sentence; None where it can."""
        if self.currencies is not None and currency not in self.currencies:
            return f"{currency} is not taken there; {', '.join(sorted(self.currencies))} is"
        smallest = self.smallest_minor.get(currency, 0)
        if amount_minor < smallest:
            return f"the least that can be paid there is {show(smallest, currency)}"
        largest = self.largest_minor.get(currency, self.largest_minor.get("*"))
        if largest is not None and amount_minor > largest:
            return f"the most that can be paid there is {show(largest, currency)}"
        step = self.step_minor.get(currency, 1)
        if amount_minor % step:
            return f"amounts there are multiples of {show(step, currency)}"
        return None


@dataclass(frozen=True, slots=True)
class Ask:
    """All that a provider needs to know to collect an order, taken from our own rows only."""

    attempt_id: UUID
    order_id: UUID
    flow: Flow
    amount_minor: int
    currency: str
    description: str
    success_url: str
    cancel_url: str
    payer_email: str | None
    expires_at: datetime | None
    # When the attempt was stored: what a provider wants to know as the time of asking, the same at every repetition.
    asked_at: datetime
    # Where the provider's events go, for providers that are told so with every payment; empty: it knows by itself.
    callback_url: str = ""
    payer_reference: str = ""


@dataclass(frozen=True, slots=True)
class RefundAsk:
    """All that a provider needs to know to send money back, taken from our own rows only.

    `capture` is the object that the money came by; `asked_at` is when its call is made, to be stored and sent: every
    repetition sends the same bytes.
    """

    refund_id: UUID
    attempt_id: UUID
    capture: Ref
    amount_minor: int
    currency: str
    captured_minor: int
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a provider before it has a host and a secret: what is stored with an attempt, byte for byte."""

    operation: str
    method: str
    path: str
    body: bytes = field(default=b"", repr=False)
    idempotency_key: str | None = None
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class Handle:
    """What a payer needs to pay: a page to go to, a secret for the page of the application, or `instructions`.

    Instructions are for a transfer that the payer makes by other means: `address`, `amount` (a decimal in plain
    digits), `asset`, `network`, `memo`, as far as there are any. They are shown on our own page.
    """

    ref: Ref
    url: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    instructions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The provider said yes, or answered a question. `observations` tell the object as it is now."""

    observations: tuple[Observation, ...]
    handle: Handle | None = None
    body: bytes = field(default=b"", repr=False)
    # A stored answer to an earlier request with the same key: it tells the past, and the object is read before use.
    replayed: bool = False
    next_page: str | None = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """A clear no: nothing was made or changed. `may_repeat`: the same request can succeed later (a rate limit)."""

    code: str
    message: str
    may_repeat: bool = False
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or one that decides nothing: it may have happened.

    `key_is_spent`: the call is over, and its failure is what the same key will bring from now on. Repeating cannot
    give the object any more; only looking can. `is_too_much`: a window holds more than is read at once; smaller ones
    can be asked for.
    """

    reason: str
    retry_after_seconds: float | None = None
    key_is_spent: bool = False
    is_too_much: bool = False


Outcome = Done | NotDone | Unknown


@dataclass(frozen=True, slots=True)
class Verified:
    """A genuine event: `key` names it once and for ever within (provider, account)."""

    key: str
    type: str
    created_at: datetime | None
    live_mode: bool
    account: str | None
    handled: bool
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Signed by the provider, so it is kept; but not understood. `key` is made from the bytes."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Forged:
    """Not from the provider, or too old to be believed. Nothing is stored."""

    reason: str


Verdict = Verified | Unreadable | Forged


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a delivery is answered with, in the provider's own words."""

    status: int
    body: bytes = b"{}"
    content_type: str = "application/json"


# What became of a delivery: stored now, stored before, not stored (send it again), not genuine.
Acknowledged = Literal["accepted", "duplicate", "retry", "forged"]


def plain_acknowledgement(what: Acknowledged) -> Acknowledgement:
    """The usual answer: 200 for what is stored, 400 for what is not genuine, 503 to have it sent again."""
    return Acknowledgement({"accepted": 200, "duplicate": 200, "retry": 503, "forged": 400}[what])


class Adapter(Protocol):
    """One account of one provider. Pure: no I/O, no clock; every method is a function of its arguments."""

    @property
    def provider(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def capabilities(self) -> Capabilities: ...

    def create(self, ask: Ask) -> Call:
        """The call that makes a payable object. Its key is the attempt's id and the operation (X1)."""
        ...

    def read(self, ref: Ref) -> Call | NotDone:
        """The call that asks how the object is now; NotDone `not_readable` where the provider cannot be asked."""
        ...

    def close(self, ref: Ref, attempt_id: UUID) -> Call | NotDone:
        """The call that makes the object unpayable (cancel, expire); NotDone `not_closable` where there is none."""
        ...

    def find(self, flow: Flow, since: datetime, until: datetime, page: str | None) -> Call:
        """The call that lists objects made within the window; those of an attempt are known by their attempt id."""
        ...

    def own_ref(self, call: Call) -> Ref | None:
        """The name that the object of a stored create has because we chose it (`idempotency` natural); else None.

        It must follow from the stored bytes and nothing else.
        """
        ...

    def request(self, call: Call) -> Request:
        """The call with host, secret and headers, ready to be sent. Never stored and never logged."""
        ...

    def understand(self, call: Call, answer: Answer) -> Outcome:
        """What the answer to that call means. Raises nothing, whatever the bytes."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
        """Whether the bytes are the provider's, and what they say. Raises nothing. Header names are lower case."""
        ...

    def again(self, body: bytes, source: Literal["webhook", "poll", "backfill"]) -> Verified | Unreadable:
        """What bytes say that were verified and stored before: for a replay, without looking at signatures."""
        ...

    def acknowledge(self, what: Acknowledged) -> Acknowledgement:
        """What a delivery is answered with."""
        ...


@runtime_checkable
class SendsBack(Protocol):
    """An adapter whose provider can refund (`Capabilities.refund` is not `none`)."""

    def refund(self, ask: RefundAsk) -> Call:
        """The call that sends money back, to be stored before it is sent. Its key is `refund:` and the refund's id, or
        a name of the provider's shape that is made of it once and stored.
        """
        ...

    def look_for_refund(self, ask: RefundAsk, call: Call, now: datetime) -> Call:
        """The call that asks how a refund stands by what we know ourselves: the stored call and our id. Its answer
        carries every refund of the capture that the provider tells of, ours known by `RefundSeen.refund_id`.
        NotDone `not_found` from `understand`: the provider knows of no such refund.
        """
        ...


@runtime_checkable
class SignsIn(Protocol):
    """An adapter some of whose calls need a token that another call gives, and that lives for minutes."""

    def needs_token(self, call: Call) -> bool: ...

    def sign_in(self) -> Call: ...

    def token_of(self, answer: Answer) -> str | NotDone | Unknown:
        """The token of the answer. Raises nothing, whatever the bytes."""
        ...

    def request_with(self, call: Call, token: str) -> Request:
        """Like `request`, with the token."""
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """An endpoint that the provider tells of events: their types, or `*` for all of them."""

    url: str
    events: tuple[str, ...]
    is_enabled: bool
    api_version: str = ""


@runtime_checkable
class TellsSubscriptions(Protocol):
    """An adapter whose provider can say which events it sends where (B12); not every provider can."""

    def subscriptions(self) -> Call:
        """The call that lists the endpoints."""
        ...

    def subscribed(self, call: Call, answer: Answer) -> tuple[Subscription, ...] | NotDone | Unknown:
        """The endpoints of the answer. Raises nothing, whatever the bytes."""
        ...
