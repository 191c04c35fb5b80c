"""One application of ZaloPay: requests as exact bytes, answers and callbacks as observations. Pure: no I/O, no clock.

Refuses to be built with a key that is missing, short or known to everybody (B16), or with one that cannot work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from payonce.base.errors import Bug, ensure
from payonce.domain.observation import Observation, Ref, Seen, Source
from payonce.domain.reconciliation import MoneyRecord, MoneySource
from payonce.providers.contract import (
    Acknowledged,
    Acknowledgement,
    Ask,
    Call,
    Capabilities,
    Flow,
    Mode,
    NotDone,
    Outcome,
    RefundAsk,
    Unreadable,
    Verdict,
    Verified,
)
from payonce.providers.transport import Answer, Request
from payonce.providers.zalopay import answers, asking, callbacks, settlement
from payonce.providers.zalopay.access import API_BASE, app_id_of, base_of, mode_of, strong_key, strong_keys
from payonce.providers.zalopay.wire import CURRENCY, compact

# Orders and refunds carry the time that they were asked for, which must be within 15 minutes of ZaloPay's clock. A
# minute of slack covers clocks that are apart and a request that waits.
LIFE_SECONDS: Final = 14 * 60
# "The transaction is valid only within 48 hours": afterwards a query says nothing any more.
READ_HORIZON_SECONDS: Final = 48 * 3600

_KINDS: Final = frozenset({"order", "transaction", "refund"})
# 0 has it told again, three times at most; everything else but these ends it. It is always HTTP 200.
_ACKNOWLEDGEMENTS: Final[Mapping[Acknowledged, tuple[int, str]]] = {
    "accepted": (1, "success"),
    "duplicate": (2, "duplicate"),
    "retry": (0, "please try again"),
    "forged": (-1, "mac not equal"),
}


class ZaloPayAdapter:
    """Implements `contract.Adapter` and `contract.SendsBack` for ZaloPay OpenAPI v2, or for a stand-in at `api_base`.

    `key1` signs what is sent; `key2s` prove callbacks: several while one is changed. Raises Refused `app_id_wrong`,
    `secret_missing`, `secret_weak`, `api_base_invalid` or `api_base_insecure`.
    """

    def __init__(
        self,
        app_id: str | int,
        key1: str,
        key2s: Sequence[str],
        *,
        account: str = "main",
        api_base: str = API_BASE,
    ) -> None:
        self._app_id = app_id_of(app_id)
        self._api_base = base_of(api_base)
        self._mode = mode_of(self._api_base)
        self._key1 = strong_key(key1, "ZaloPay's key1", self._mode)
        self._key2s = strong_keys(key2s, "ZaloPay's key2", self._mode)
        self._account = account

    @property
    def provider(self) -> str:
        return "zalopay"

    @property
    def account(self) -> str:
        return self._account

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            flows=("order",),
            idempotency="natural",
            idempotency_life_seconds=LIFE_SECONDS,
            can_close=True,
            # By its name (`own_ref`), which is asked for; there is no list.
            can_find=True,
            confirm_by_read=False,
            shortest_session_seconds=asking.SHORTEST_SECONDS,
            # The documentation names none.
            smallest_minor={},
            handled_events=(callbacks.HANDLED,),
            currencies=frozenset({CURRENCY}),
            refund="async",
            refund_life_seconds=LIFE_SECONDS,
            expiring_flows=("order",),
            read_horizon_seconds=READ_HORIZON_SECONDS,
            tells_failures=False,
        )

    def create(self, ask: Ask) -> Call:
        """The call that makes the order. Raises Refused `amount_not_payable`."""
        return asking.create_call(ask, self._app_id)

    def read(self, ref: Ref) -> Call | NotDone:
        """The call that asks how the order is now. A transaction cannot be asked for, only the order that it paid; a
        refund is looked for.
        """
        ensure(ref.kind in _KINDS, f"ZaloPay has no {ref.kind} to read")
        if ref.kind != "order":
            return NotDone("not_readable", f"ZaloPay tells of no {ref.kind} by itself, only of the order")
        return asking.read_call(ref.id, self._app_id)

    def close(self, ref: Ref, attempt_id: UUID) -> Call:
        """The call that cancels the order while it is unpaid."""
        ensure(ref.kind == "order", f"a {ref.kind} cannot be closed")
        return asking.close_call(ref.id, self._app_id)

    def find(self, flow: Flow, since: datetime, until: datetime, page: str | None) -> Call:
        """Raise Bug: ZaloPay lists nothing; an order is asked for by its name (`own_ref`)."""
        raise Bug("ZaloPay lists no orders, and was asked to")

    def refund(self, ask: RefundAsk) -> Call:
        """The call that sends money of a transaction back. Raises Refused `amount_not_payable`."""
        return asking.refund_call(ask, self._app_id)

    def look_for_refund(self, ask: RefundAsk, call: Call, now: datetime) -> Call:
        """The call that asks how the refund stands, by the name in its stored call."""
        return asking.look_call(ask, call, now, self._app_id)

    def own_ref(self, call: Call) -> Ref | None:
        """The order that the stored create names. A repetition keeps it, whatever day it has become in Vietnam."""
        if call.operation != "create" or call.idempotency_key is None:
            return None
        return Ref("order", call.idempotency_key)

    def acknowledge(self, what: Acknowledged) -> Acknowledgement:
        """What a callback is answered with. Old documents read 3 as "refund the payer", so no other number is said."""
        code, message = _ACKNOWLEDGEMENTS[what]
        return Acknowledgement(200, compact({"return_code": code, "return_message": message}).encode("ascii"))

    @property
    def money_source(self) -> MoneySource:
        """The settlement file of a day in Vietnam, which somebody brings: ZaloPay has no list."""
        return MoneySource("file", hours_ahead=settlement.HOURS_AHEAD)

    @property
    def money_columns(self) -> tuple[str, ...]:
        """The columns that a settlement file must have."""
        return settlement.COLUMNS

    def money_row(self, row: Mapping[str, str]) -> MoneyRecord | None:
        """The record of a row of the settlement file. Raises ValueError, saying what is wrong."""
        return settlement.read_row(row)

    def request(self, call: Call) -> Request:
        """The call with host and code, which is made of the stored fields and key1."""
        headers = (("content-type", "application/json"), ("accept", "application/json"), ("user-agent", "payonce"))
        return Request(call.method, self._api_base + call.path, headers, asking.body_of(call, self._key1))

    def understand(self, call: Call, answer: Answer) -> Outcome:
        """What the answer means. Raises nothing, whatever the bytes."""
        return answers.understand(call, answer, self._observe)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict:
        """Whether the bytes are ZaloPay's, and what they say. Raises nothing.

        Its code covers no time, so that a genuine callback of any age is believed: it tells what is so for ever, and
        what was told before changes nothing.
        """
        return callbacks.verify(body, self._key2s, self._app_id, self._mode == "live", self._observe)

    def again(self, body: bytes, source: Literal["webhook", "poll", "backfill"]) -> Verified | Unreadable:
        """What stored bytes say: a callback, or an answer that was read (`Done.body`). Raises nothing."""
        return callbacks.read_again(body, source, self._app_id, self._mode == "live", self._observe)

    def _observe(self, seen: Seen, source: Source) -> Observation:
        return Observation(self.provider, self._account, source, seen, self._mode == "live")
