"""What each call says: its fields as they are stored, and the request that is sent for them.

Stored bytes hold no `mac`: it is made of the key when the request is sent, so that a stored call outlives a change of
key. The same ask gives the same bytes, always. Fields whose names begin with `_` are for reading the answer, which
names nothing itself, and are not sent.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from payonce.base import ids
from payonce.base.errors import ensure
from payonce.providers.contract import Ask, Call, RefundAsk
from payonce.providers.zalopay.mac import code_of_call
from payonce.providers.zalopay.names import order_name, refund_name
from payonce.providers.zalopay.wire import compact, cut, milliseconds, payable

API_VERSION: Final = "v2"
# "Min: 300, max: 2592000", and 15 minutes where nothing is said (order-create). It is always said, so that it is known.
SHORTEST_SECONDS: Final = 300
LONGEST_SECONDS: Final = 2_592_000
USUAL_SECONDS: Final = 900
# Longest texts (order-create, order-refund); a longer one is cut, so that it never costs a payment.
LONGEST_USER: Final = 50
LONGEST_DESCRIPTION: Final = 256
LONGEST_REASON: Final = 100
LONGEST_EMBEDDED: Final = 2048


def create_call(ask: Ask, app_id: str) -> Call:
    """The call that makes an order. Raises Refused `amount_not_payable`."""
    name = order_name(ask.attempt_id, ask.asked_at)
    fields: dict[str, Any] = {
        "app_id": int(app_id),
        # "Must not be empty." The merchant's own word for the payer; no address and no name of a person is needed.
        "app_user": cut(ask.payer_reference, LONGEST_USER) or "payer",
        "app_trans_id": name,
        # Must be within 15 minutes of ZaloPay's clock, so that no repetition may come later than that.
        "app_time": milliseconds(ask.asked_at),
        "expire_duration_seconds": _life_seconds(ask),
        "amount": payable(ask.amount_minor, ask.currency),
        "description": cut(ask.description, LONGEST_DESCRIPTION) or "Order",
        # Every way to pay that the application has.
        "bank_code": "",
        "item": "[]",
        "embed_data": _embedded(ask),
    }
    if ask.callback_url:
        fields["callback_url"] = ask.callback_url
    return _call("create", "/v2/create", fields, name)


def read_call(app_trans_id: str, app_id: str) -> Call:
    """The call that asks how an order is now."""
    return _call("read", "/v2/query", {"app_id": int(app_id), "app_trans_id": app_trans_id})


def close_call(app_trans_id: str, app_id: str) -> Call:
    """The call that cancels an order. The path is used by public integrations; the documentation page names none."""
    return _call("close", "/v2/cancel", {"app_id": int(app_id), "app_trans_id": app_trans_id})


def refund_call(ask: RefundAsk, app_id: str) -> Call:
    """The call that sends money of a transaction back. Its name carries our refund's id, so that its echo is known."""
    ensure(ask.capture.kind == "transaction", f"no money of a {ask.capture.kind} can be sent back")
    name = refund_name(ask.refund_id, ask.asked_at, app_id)
    fields: dict[str, Any] = {
        "app_id": int(app_id),
        "m_refund_id": name,
        "zp_trans_id": ask.capture.id,
        "amount": payable(ask.amount_minor, ask.currency),
        # As with orders: within 15 minutes of ZaloPay's clock.
        "timestamp": milliseconds(ask.asked_at),
        "description": cut(ask.reason, LONGEST_REASON) or "Refund",
        "_attempt": ids.show(ids.ATTEMPT, ask.attempt_id),
    }
    return _call("refund", "/v2/refund", fields, name)


def look_call(ask: RefundAsk, call: Call, now: datetime, app_id: str) -> Call:
    """The call that asks how a refund stands, by the name that its stored call gave it."""
    name = call.idempotency_key
    ensure(name, "a refund was stored without its name")
    fields: dict[str, Any] = {
        "app_id": int(app_id),
        "m_refund_id": name,
        "timestamp": milliseconds(now),
        "_zp_trans_id": ask.capture.id,
        "_amount": ask.amount_minor,
        "_attempt": ids.show(ids.ATTEMPT, ask.attempt_id),
    }
    return _call("look_for_refund", "/v2/query_refund", fields)


def body_of(call: Call, key1: str) -> bytes:
    """What is sent for the call: its fields and their code."""
    fields = {name: value for name, value in json.loads(call.body).items() if not name.startswith("_")}
    return compact(fields | {"mac": code_of_call(call.path, fields, key1)}).encode("utf-8")


def _call(operation: str, path: str, fields: dict[str, Any], key: str | None = None) -> Call:
    return Call(operation, "POST", path, compact(fields).encode("utf-8"), key, API_VERSION)


def _life_seconds(ask: Ask) -> int:
    if ask.expires_at is None:
        return USUAL_SECONDS
    wanted = (milliseconds(ask.expires_at) - milliseconds(ask.asked_at)) // 1000
    return max(SHORTEST_SECONDS, min(wanted, LONGEST_SECONDS))


def _embedded(ask: Ask) -> str:
    """Where the payer's browser goes afterwards, and our order for people who look at ZaloPay's own list.

    What does not fit is left out, and what matters more is kept longer: neither is needed to know whose money it is.
    """
    order, back = {"payonce_order": ids.show(ids.ORDER, ask.order_id)}, {"redirecturl": ask.success_url}
    for fields in (back | order, back):
        text = compact(fields)
        if ask.success_url and len(text.encode("utf-16-le", "replace")) <= 2 * LONGEST_EMBEDDED:
            return text
    return compact(order)
