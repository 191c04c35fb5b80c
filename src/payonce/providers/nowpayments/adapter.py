"""One account of NOWPayments: requests as exact bytes, answers and notices as observations. Pure: no I/O, no clock.

It takes coins and cannot cancel, refund or recognise a repeated create; so what was disclosed stays payable, what came
is counted by a read and never by a notice, and a lost create is only looked for. Refuses to be built with a missing,
short or sample secret (B16).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

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
    Unknown,
    Unreadable,
    Verdict,
    Verified,
    plain_acknowledgement,
)
from payonce.providers.listing import Page
from payonce.providers.money import MoneyPage
from payonce.providers.nowpayments import answers, events, lists, money
from payonce.providers.nowpayments.access import (
    API_BASE,
    base_of,
    coin_of,
    credentials_of,
    mode_of,
    strong_secret,
    strong_secrets,
)
from payonce.providers.nowpayments.asking import invoice_body, payment_body
from payonce.providers.nowpayments.signature import HEADER, canonical, why_forged
from payonce.providers.transport import Answer, Request

# The coin of the flow `payment`, where the payer is not asked: a dollar that keeps its value, on a chain whose fees
# stay small beside small orders.
PAY_CURRENCY: Final = "usdttrc20"
# The largest page that the list takes ("from 1 to 500").
PAGE_SIZE: Final = 500
_LIST: Final = "/v1/payment/?"


class NowPaymentsAdapter:
    """Implements `contract.Adapter`, `contract.SignsIn` and `listing.Lists` for NOWPayments, or one at `api_base`.

    `ipn_secret`: several, separated by commas, while one is changed. `email` and `password` of the dashboard open the
    list of payments; without them only payments whose id is known can be asked for. `pay_currency` is the coin of the
    flow `payment`; on the page of an `invoice` payers choose one. Raises Refused `secret_missing`, `secret_weak`,
    `credentials_incomplete`, `pay_currency_invalid`, `api_base_invalid` or `api_base_insecure`.
    """

    def __init__(
        self,
        api_key: str,
        ipn_secret: str | Sequence[str],
        *,
        account: str = "main",
        api_base: str = API_BASE,
        email: str = "",
        password: str = "",
        pay_currency: str = PAY_CURRENCY,
    ) -> None:
        self._api_key = strong_secret(api_key, "the NOWPayments API key")
        self._keys = strong_secrets(ipn_secret)
        self._api_base = base_of(api_base)
        self._mode = mode_of(self._api_base)
        self._account = account
        self._credentials = credentials_of(email, password)
        self._pay_currency = coin_of(pay_currency)

    @property
    def provider(self) -> str:
        return "nowpayments"

    @property
    def account(self) -> str:
        return self._account

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            flows=("invoice", "payment"),
            idempotency="none",
            idempotency_life_seconds=0,
            can_close=False,
            can_find=self._credentials is not None,
            # A notice has no time under its signature, so an old one can be sent again for ever.
            confirm_by_read=True,
            shortest_session_seconds=None,
            # The least depends on the coin, the chain's fees and the payout of the day; below it a create is refused.
            smallest_minor={},
            handled_events=events.HANDLED,
            refund="none",
            also_read=("payment",),
            # Deposits to an old address arrive as payments of their own, at the rate of their day.
            pays_after_end=True,
            lists=lists.LISTS if self._credentials is not None else (),
        )

    def create(self, ask: Ask) -> Call:
        """The call that makes an invoice or a payment. Raises Refused `amount_not_payable`."""
        if ask.flow == "invoice":
            return Call("create", "POST", "/v1/invoice", invoice_body(ask))
        ensure(ask.flow == "payment", f"NOWPayments has no {ask.flow} to make")
        return Call("create", "POST", "/v1/payment", payment_body(ask, self._pay_currency))

    def read(self, ref: Ref) -> Call | NotDone:
        """The call that asks how a payment is, or which payments an invoice has: an invoice tells nothing itself, and
        the list needs e-mail and password.
        """
        if ref.kind == "payment":
            return Call("read", "GET", f"/v1/payment/{quote(ref.id, safe='')}")
        ensure(ref.kind == "invoice", f"NOWPayments has no {ref.kind} to read")
        if self._credentials is None:
            return NotDone("not_readable", "an invoice can be asked for only with e-mail and password of the dashboard")
        return Call("read", "GET", _LIST + urlencode({"limit": PAGE_SIZE, "page": 0, "invoiceId": ref.id}))

    def close(self, ref: Ref, attempt_id: UUID) -> NotDone:
        """Always NotDone: NOWPayments has no way to make an address or an invoice unpayable."""
        return NotDone("not_closable", "NOWPayments cannot cancel; what a payer was given stays payable")

    def find(self, flow: Flow, since: datetime, until: datetime, page: str | None) -> Call:
        """The call that lists the payments made in the window, for either flow; needs e-mail and password.

        An invoice is in no list: it is found by the payments that were begun on its page, and where nobody began one
        there is nothing that could have been paid.
        """
        ensure(self._credentials is not None, "payments cannot be listed without e-mail and password")
        window = {"dateFrom": _instant(since), "dateTo": _instant(until + timedelta(milliseconds=1))}
        order = {"limit": PAGE_SIZE, "page": page or "0", "sortBy": "created_at", "orderBy": "desc"}
        return Call("find", "GET", _LIST + urlencode(order | window))

    def list_page(self, name: str, since: datetime, until: datetime | None, page: str | None) -> Call:
        """The call for a page of the payments made in the window; needs e-mail and password."""
        lists.check_name(name)
        ensure(self._credentials is not None, "payments cannot be listed without e-mail and password")
        window = {"dateFrom": _instant(since)}
        if until is not None:
            window["dateTo"] = _instant(until + timedelta(milliseconds=1))
        order = {"limit": PAGE_SIZE, "page": page or "0", "sortBy": "created_at", "orderBy": "desc"}
        return Call("list", "GET", _LIST + urlencode(order | window))

    def listed(self, call: Call, answer: Answer) -> Page | NotDone | Unknown:
        """The page in the answer. Raises nothing, whatever the bytes."""
        return lists.read_page(answer) if 200 <= answer.status < 300 else answers.refused(call, answer)

    @property
    def money_source(self) -> MoneySource:
        """The list of payments, where e-mail and password open it; else only a file can tell."""
        if self._credentials is None:
            return MoneySource("file")
        return MoneySource("list", look_back=money.LOOK_BACK, pages_shift=True)

    def money(self, since: datetime, until: datetime, page: str | None) -> Call:
        """The call that lists the payments made in the window, the oldest first, so that a new one shifts no page."""
        ensure(self._credentials is not None, "payments cannot be listed without e-mail and password")
        window = {"dateFrom": _instant(since), "dateTo": _instant(until + timedelta(milliseconds=1))}
        order = {"limit": PAGE_SIZE, "page": page or "0", "sortBy": "created_at", "orderBy": "asc"}
        return Call("money", "GET", _LIST + urlencode(order | window))

    def moved(self, call: Call, answer: Answer) -> MoneyPage | NotDone | Unknown:
        """The payments of the answer that brought money. Raises nothing, whatever the bytes."""
        return money.understand(call, answer)

    def own_ref(self, call: Call) -> Ref | None:
        """None: NOWPayments names its objects itself, and `order_id` is no name: it can stand in many."""
        return None

    def acknowledge(self, what: Acknowledged) -> Acknowledgement:
        """What a notice is answered with, within 3,000 ms; anything but 2xx is sent again a few times, minutes apart,
        as the dashboard is set.
        """
        return plain_acknowledgement(what)

    def needs_token(self, call: Call) -> bool:
        """Whether the call lists payments: the only thing here that the API key alone does not open."""
        return call.path.startswith(_LIST)

    def sign_in(self) -> Call:
        """The call that gives a token for five minutes. E-mail and password join it in `request` only."""
        return Call("sign_in", "POST", "/v1/auth")

    def token_of(self, answer: Answer) -> str | NotDone | Unknown:
        """The token of the answer. Raises nothing, whatever the bytes."""
        return answers.token_of(answer)

    def request(self, call: Call) -> Request:
        """The call with host and API key; with e-mail and password where it signs in."""
        body = call.body
        if call.operation == "sign_in":
            email, password = self._credentials or ("", "")
            ensure(email, "nobody can sign in without e-mail and password")
            body = canonical({"email": email, "password": password}).encode("utf-8", "replace")
        headers = [("x-api-key", self._api_key), ("user-agent", "payonce")]
        if call.method == "POST":
            headers.append(("content-type", "application/json"))
        return Request(call.method, self._api_base + call.path, tuple(headers), body)

    def request_with(self, call: Call, token: str) -> Request:
        """Like `request`, with the token."""
        request = self.request(call)
        headers = (*request.headers, ("authorization", f"Bearer {token}"))
        return Request(request.method, request.url, headers, request.body)

    def understand(self, call: Call, answer: Answer) -> Outcome:
        """What the answer means. Raises nothing, whatever the bytes."""
        return answers.understand(call, answer, self._observe)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
        """Whether the bytes are NOWPayments', and what they say. Raises nothing. `now` is not looked at: a notice says
        nothing of its own time that its signature would cover.
        """
        why = why_forged(headers.get(HEADER), body, self._keys)
        return Forged(why) if why is not None else events.read_event(body, self._mode == "live", self._observe)

    def again(self, body: bytes, source: Literal["webhook", "poll", "backfill"]) -> Verified | Unreadable:
        """What stored bytes say: a notice, or what a read brought (`Done.body`). Raises nothing."""
        return events.read_again(body, source, self._mode == "live", self._observe)

    def _observe(self, seen: Seen, source: Source) -> Observation:
        return Observation(self.provider, self._account, source, seen, self._mode == "live")


def _instant(when: datetime) -> str:
    """The instant as the list takes it: `2026-11-20T12:00:00.000Z`."""
    ensure(when.tzinfo is not None, "a time without zone was given to NOWPayments")
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
