"""One account of Stripe: requests as exact bytes, answers and events as observations. Pure: no I/O and no clock.

Refuses to be built with a missing, short or sample secret (B16), or with a key that cannot work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

from payonce.base import ids
from payonce.base.errors import ensure
from payonce.domain.observation import Observation, Ref, Seen, Source
from payonce.domain.reconciliation import MoneySource
from payonce.providers.contract import (
    Acknowledged,
    Acknowledgement,
    Ask,
    Call,
    Capabilities,
    Flow,
    Forged,
    Mode,
    NotDone,
    Outcome,
    RefundAsk,
    Subscription,
    Unknown,
    Unreadable,
    Verdict,
    Verified,
    plain_acknowledgement,
)
from payonce.providers.listing import Page
from payonce.providers.money import MoneyPage
from payonce.providers.stripe import answers, balance, events, lists, subscriptions
from payonce.providers.stripe.access import API_BASE, base_of, mode_of
from payonce.providers.stripe.asking import intent_parameters, seconds, session_parameters
from payonce.providers.stripe.marks import ATTEMPT_KEY, REFUND_KEY, create_key, refund_key
from payonce.providers.stripe.signature import strong_secret, strong_secrets, why_forged
from payonce.providers.stripe.wire import LARGEST_MINOR, SMALLEST_MINOR, STEP_MINOR, form, to_wire
from payonce.providers.transport import Answer, Request

# The version that this code was written against. It goes with every request; endpoints have a version of their own, so
# answers and events are read by few fields, which have not changed since 2022.
API_VERSION: Final = "2026-10-28.endive"
# Stripe forgets keys "after they're at least 24 hours old", and a forgotten key makes a second object. An hour of slack
# covers clocks that are apart and a request that waits.
KEY_LIFE_SECONDS: Final = 23 * 3600
# "Anywhere from 30 minutes to 24 hours after Checkout Session creation" (API reference, `expires_at`).
SHORTEST_SESSION_SECONDS: Final = 30 * 60

_COLLECTIONS: Final[Mapping[str, str]] = {
    "payment_intent": "/v1/payment_intents",
    "checkout_session": "/v1/checkout/sessions",
    "charge": "/v1/charges",
    "refund": "/v1/refunds",
    "dispute": "/v1/disputes",
}
# What a read brings along: the money of a session is its intent's, and refunds stand at the charge.
_EXPANSIONS: Final[Mapping[str, str]] = {
    "payment_intent": "latest_charge.refunds",
    "checkout_session": "payment_intent.latest_charge.refunds",
}
# What ends an object: an intent is cancelled, a session expired; a session's intent is ended by its session only.
_CLOSINGS: Final[Mapping[str, str]] = {"payment_intent": "cancel", "checkout_session": "expire"}

_CAPABILITIES: Final = Capabilities(
    flows=("payment_intent", "checkout_session"),
    idempotency="key",
    idempotency_life_seconds=KEY_LIFE_SECONDS,
    can_close=True,
    can_find=True,
    confirm_by_read=False,
    shortest_session_seconds=SHORTEST_SESSION_SECONDS,
    smallest_minor=SMALLEST_MINOR,
    handled_events=tuple(events.HANDLED),
    largest_minor=LARGEST_MINOR,
    step_minor=STEP_MINOR,
    refund="async",
    refund_life_seconds=KEY_LIFE_SECONDS,
    expiring_flows=("checkout_session",),
    lists=lists.LISTS,
)


class StripeAdapter:
    """Implements `contract.Adapter` and `listing.Lists` for Stripe, or for a stand-in at `api_base`.

    `webhook_secrets`: several while one is rolled. `allowed_payment_method_types` (such as `card`) narrows what the
    dashboard's settings offer; empty: all of it. Raises Refused `secret_missing`, `secret_weak`, `api_key_wrong`,
    `api_base_invalid` or `api_base_insecure`.
    """

    def __init__(
        self,
        api_key: str,
        webhook_secrets: Sequence[str],
        *,
        account: str = "main",
        api_base: str = API_BASE,
        api_version: str = API_VERSION,
        allowed_payment_method_types: Sequence[str] = (),
    ) -> None:
        self._api_key = strong_secret(api_key, "the Stripe API key")
        self._keys = strong_secrets(webhook_secrets)
        self._api_base = base_of(api_base)
        self._mode = mode_of(self._api_key, self._api_base)
        self._account = account
        self._api_version = api_version
        self._allowed = tuple(allowed_payment_method_types)

    @property
    def provider(self) -> str:
        return "stripe"

    @property
    def account(self) -> str:
        return self._account

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    def create(self, ask: Ask) -> Call:
        """The call that makes the intent or session. Raises Refused `amount_not_payable`."""
        parameters = intent_parameters if ask.flow == "payment_intent" else session_parameters
        key = create_key(ids.show(ids.ATTEMPT, ask.attempt_id))
        return self._call("create", "POST", _COLLECTIONS[ask.flow], form(parameters(ask, self._allowed)), key)

    def read(self, ref: Ref) -> Call:
        """The call that asks how the object is now; with the money that it brought, and what of it went back."""
        expand = _EXPANSIONS.get(ref.kind)
        return self._call("read", "GET", _path(ref) + ("?" + urlencode({"expand[]": expand}) if expand else ""))

    def close(self, ref: Ref, attempt_id: UUID) -> Call:
        """The call that cancels the intent or expires the session.

        It carries no idempotency key, on purpose: closing twice harms nothing (the second is refused, and read),
        while Stripe would replay a stored refusal ("it is processing") or a stored 500 for a day, although the object
        could be closed by then, and the attempt would block its purpose for that day.
        """
        ensure(ref.kind in _CLOSINGS, f"a {ref.kind} cannot be closed")
        return self._call("close", "POST", f"{_path(ref)}/{_CLOSINGS[ref.kind]}")

    def find(self, flow: Flow, since: datetime, until: datetime, page: str | None) -> Call:
        """The call that lists what was made in the window, ends included. A list, unlike search, shows it at once."""
        query = [("limit", str(lists.PAGE_SIZE)), ("created[gte]", seconds(since)), ("created[lte]", seconds(until))]
        if flow == "checkout_session":
            query.append(("expand[]", "data.payment_intent"))
        if page is not None:
            query.append(("starting_after", page))
        return self._call("find", "GET", f"{_COLLECTIONS[flow]}?{urlencode(query)}")

    def list_page(self, name: str, since: datetime, until: datetime | None, page: str | None) -> Call:
        """The call for a page of a list, such as the log of events."""
        return self._call("list", "GET", lists.page_path(name, since, until, page))

    def listed(self, call: Call, answer: Answer) -> Page | NotDone | Unknown:
        """The page in the answer. Raises nothing, whatever the bytes."""
        return lists.read_page(answer) if 200 <= answer.status < 300 else answers.refused(call, answer)

    def refund(self, ask: RefundAsk) -> Call:
        """The call that sends money of a payment back. It carries our refund's id, so that its echo is known."""
        ensure(ask.capture.kind in ("payment_intent", "charge"), f"no money of a {ask.capture.kind} can be sent back")
        parameters = [
            (ask.capture.kind, ask.capture.id),
            ("amount", str(to_wire(ask.amount_minor, ask.currency))),
            (f"metadata[{ATTEMPT_KEY}]", ids.show(ids.ATTEMPT, ask.attempt_id)),
            (f"metadata[{REFUND_KEY}]", ids.show(ids.REFUND, ask.refund_id)),
        ]
        return self._call("refund", "POST", "/v1/refunds", form(parameters), refund_key(ask.refund_id))

    def look_for_refund(self, ask: RefundAsk, call: Call, now: datetime) -> Call:
        """The call that lists the refunds of the payment; ours is known by its mark."""
        query = {ask.capture.kind: ask.capture.id, "limit": str(lists.PAGE_SIZE)}
        return self._call("look_for_refund", "GET", f"/v1/refunds?{urlencode(query)}")

    def own_ref(self, call: Call) -> Ref | None:
        """None: Stripe names its objects itself."""
        return None

    def acknowledge(self, what: Acknowledged) -> Acknowledgement:
        """What a delivery is answered with; anything but 2xx is sent again, for three days."""
        return plain_acknowledgement(what)

    def subscriptions(self) -> Call:
        """The call that lists the webhook endpoints of the account (B12)."""
        return self._call("subscriptions", "GET", f"/v1/webhook_endpoints?limit={lists.PAGE_SIZE}")

    @property
    def money_source(self) -> MoneySource:
        """The list of balance transactions, by days of UTC; its cursor is an object, so that no row is skipped."""
        return MoneySource("list")

    def money(self, since: datetime, until: datetime, page: str | None) -> Call:
        """The call that lists what moved the balance in the window, ends included, with the object behind each."""
        query = [("limit", str(lists.PAGE_SIZE)), ("created[gte]", seconds(since)), ("created[lte]", seconds(until))]
        query.append(("expand[]", "data.source"))
        if page is not None:
            query.append(("starting_after", page))
        return self._call("money", "GET", f"/v1/balance_transactions?{urlencode(query)}")

    def moved(self, call: Call, answer: Answer) -> MoneyPage | NotDone | Unknown:
        """The balance transactions of the answer. Raises nothing, whatever the bytes."""
        return balance.understand(call, answer)

    def request(self, call: Call) -> Request:
        """The call with host, key and headers, at the version it was made for: its bytes were written for that one."""
        headers = [
            ("authorization", f"Bearer {self._api_key}"),
            ("stripe-version", call.api_version or self._api_version),
            ("user-agent", "payonce"),
        ]
        if call.method == "POST":
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        if call.idempotency_key is not None:
            headers.append(("idempotency-key", call.idempotency_key))
        return Request(call.method, self._api_base + call.path, tuple(headers), call.body)

    def understand(self, call: Call, answer: Answer) -> Outcome:
        """What the answer means. Raises nothing, whatever the bytes."""
        return answers.understand(call, answer, self._mode == "live", self._observe)

    def subscribed(self, call: Call, answer: Answer) -> tuple[Subscription, ...] | NotDone | Unknown:
        """Which endpoints hear which events, of the answer to `subscriptions`. Raises nothing."""
        return subscriptions.understand(call, answer)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
        """Whether the bytes are Stripe's, and what they say. Raises nothing."""
        why = why_forged(headers.get("stripe-signature"), body, self._keys, now)
        return Forged(why) if why is not None else events.read_event(body, self._observe)

    def again(self, body: bytes, source: Literal["webhook", "poll", "backfill"]) -> Verified | Unreadable:
        """What stored bytes say: an event, or an object that was read (`Done.body`). Raises nothing."""
        return events.read_again(body, source, self._mode == "live", self._observe)

    def _call(self, operation: str, method: str, path: str, body: bytes = b"", key: str | None = None) -> Call:
        return Call(operation, method, path, body, key, self._api_version)

    def _observe(self, seen: Seen, source: Source, live_mode: bool) -> Observation:
        return Observation(self.provider, self._account, source, seen, live_mode)


def _path(ref: Ref) -> str:
    """The object's address. Its id is quoted, so that no reference, whoever stored it, leads anywhere else."""
    ensure(ref.kind in _COLLECTIONS, f"Stripe has no {ref.kind} to read")
    return f"{_COLLECTIONS[ref.kind]}/{quote(ref.id, safe='')}"
