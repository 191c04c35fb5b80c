"""Every refusal and failure in one shape: RFC 9457 `application/problem+json`, or the same as a page for a browser.

    {"type": "https://…/problems/order_paid", "title": "Order paid", "status": 409, "detail": "…", "instance": "req_…",
     "code": "order_paid", "param": null, "retryable": false, "next_action": "show_receipt"}

`code` is stable; `detail` is a sentence for people. Nothing of the request's content is repeated in it, because it
could be a secret or a card number. What is broken inside is logged and never told outside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from payonce.api.times import when
from payonce.base.errors import Bug, Conflict, InDoubt, PayonceError, Refused, Unavailable

# What a caller is to do next, by family; some codes say it more exactly.
_BY_FAMILY: Final = ((Refused, "correct_request"), (Conflict, "read_again"), (Bug, "report"))
_BY_CODE: Final[Mapping[str, str]] = {
    "key_missing": "authenticate",
    "key_unknown": "authenticate",
    "scope_missing": "use_another_key",
    "idempotency_key_reused": "use_new_idempotency_key",
    "idempotency_key_missing": "add_idempotency_key",
    "order_paid": "show_receipt",
    "purpose_taken": "place_with_another_purpose",
    "purpose_held": "finish_the_named_order",
    "order_gone": "place_a_new_order",
    "sold_out": "ask_for_less_or_later",
    "order_not_paid": "cancel_the_order",
    "plan_changed": "read_the_plan_again",
    "order_disputed": "wait_for_the_bank",
    "refund_unsupported": "send_it_another_way",
    "nothing_to_refund": "stop",
    "provider_refused": "read_detail",
    "method_not_allowed": "correct_request",
    "not_found": "correct_request",
}
# What "try again" means where nobody said when.
USUAL_RETRY_SECONDS: Final = 2.0
_STANDARD: Final = frozenset({"type", "title", "status", "detail", "instance", "code", "param"})


def problem_of(error: PayonceError, base_url: str, request_id: str) -> dict[str, Any]:
    """The problem's members for an error, in the order in which people read them."""
    is_bug = isinstance(error, Bug)
    members: dict[str, Any] = {
        "type": f"{base_url}/problems/{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": "something here is broken; its operator finds it by the instance" if is_bug else error.message,
        "instance": request_id,
        "code": error.code,
        "param": error.param,
        "retryable": error.retryable or error.retry_after_seconds is not None,
        "next_action": _next_action(error),
    }
    # Why the database cannot be reached is its operator's matter, who reads it in the log: it names hosts and accounts.
    if error.hint and not is_bug and error.code != "store_unavailable":
        members["hint"] = error.hint
    retry_after = retry_after_of(error)
    if retry_after is not None:
        members["retry_after"] = retry_after
    if not is_bug:
        members.update({name: value for name, value in error.detail.items() if name not in _STANDARD})
    return members


def retry_after_of(error: PayonceError) -> int | None:
    """Whole seconds for `Retry-After`; None where trying again is no use."""
    seconds = error.retry_after_seconds
    if seconds is None:
        if not isinstance(error, Unavailable | InDoubt):
            return None
        seconds = USUAL_RETRY_SECONDS
    return whole_seconds(seconds)


def whole_seconds(seconds: float) -> int:
    """Rounded up, at least 1: a caller who comes back in time is never early."""
    return max(1, math.ceil(seconds))


def headers_of(error: PayonceError) -> dict[str, str]:
    """The headers that belong to the problem."""
    headers = {"Cache-Control": "no-store"}
    retry_after = retry_after_of(error)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="payonce"'
    return headers


def encode(members: Mapping[str, Any]) -> bytes:
    """JSON as it goes out; instants in RFC 3339."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _next_action(error: PayonceError) -> str:
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if error.retryable or error.retry_after_seconds is not None:
        return "retry_later"
    return next((action for family, action in _BY_FAMILY if isinstance(error, family)), "report")


def _plain(value: object) -> str | None:
    return when(value) if isinstance(value, datetime) else str(value)
