"""ZaloPay's callbacks: `{"data": "<JSON>", "mac": "<hex>", "type": 1}`. A genuine one of type 1 means that an order was
paid; of failures, cancellations and expiries nothing is told.

A callback has no id, so its name is made of the order and the transaction: as often as it is told again, it is the
same. Refuses nothing that is signed: what cannot be understood is Unreadable, named by its bytes, and kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.providers.contract import Done, Forged, Unreadable, Verdict, Verified
from payonce.providers.zalopay.answers import Observe, read_answer
from payonce.providers.zalopay.kept import is_kept, unpack
from payonce.providers.zalopay.mac import why_forged
from payonce.providers.zalopay.orders import paid_order
from payonce.providers.zalopay.wire import Surprise, instant, order_id, whole

# The only type that is handled. Type 2 tells of an agreement to pay later orders without asking; others may follow.
HANDLED: Final = "order"
# A callback is about two kilobytes: its longest fields are bounded to that. It is read before its code can be checked,
# and a mebibyte of brackets, which anybody can send, would take a tenth of a second of everybody's time.
LARGEST_CALLBACK_BYTES: Final = 64 * 1024
_TYPES: Final[Mapping[int, str]] = {1: HANDLED, 2: "agreement"}


def verify(body: bytes, keys: Sequence[bytes], app_id: str, live: bool, observe: Observe) -> Verdict:
    """Whether the bytes are ZaloPay's, and what they say. Raises nothing."""
    if len(body) > LARGEST_CALLBACK_BYTES:
        return Forged("the body is larger than any callback")
    try:
        found = strict_json.parse_object(body)
    except Refused as error:
        return Forged(str(error)[:200])
    why = why_forged(found.get("data"), found.get("mac"), keys)
    return Forged(why) if why is not None else _guarded(body, lambda: _read(found, app_id, live, observe))


def read_again(
    body: bytes, source: Literal["webhook", "poll", "backfill"], app_id: str, live: bool, observe: Observe
) -> Verified | Unreadable:
    """What stored bytes say: a callback, or an answer that was kept with its question. Raises nothing."""

    def read() -> Verified:
        found = strict_json.parse_object(body)
        # A callback tells the past, whichever way its bytes come back; an answer is none, whatever is said of it.
        if source == "webhook" or not is_kept(found):
            return _read(found, app_id, live, observe)
        call, answer = unpack(found)
        outcome = read_answer(call, answer, observe, source)
        if not isinstance(outcome, Done):
            raise Surprise("the answer says nothing")
        return Verified(key_of(body), f"{source}:{call.operation}", None, live, None, True, outcome.observations)

    return _guarded(body, read)


def key_of(body: bytes) -> str:
    """The name of bytes that have none of their own."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _read(found: Mapping[str, Any], app_id: str, live: bool, observe: Observe) -> Verified:
    """What a callback says. `type` stands outside of what is signed, so that another type is another name: nobody
    can hide a payment by telling it with another type first.
    """
    text, number = found.get("data"), whole(found.get("type"), "the type of a callback")
    if not isinstance(text, str):
        raise Surprise("a callback without data")
    kind, data = _TYPES.get(number, f"type_{number}"), strict_json.parse_object(text.encode("utf-8"))
    made, account = instant(data.get("server_time")), _account(data, app_id)
    if kind != HANDLED:
        return Verified(f"{kind}:{key_of(text.encode('utf-8'))}", kind, made, live, account, False, ())
    name = order_id(data.get("app_trans_id"))
    seen = paid_order(name, data)
    key = f"order:{name}:{seen.capture.id if seen.capture else ''}"
    return Verified(key, kind, made, live, account, True, (observe(seen, "webhook"),))


def _account(data: Mapping[str, Any], app_id: str) -> str | None:
    """The application that the callback is about, where it is another one than ours."""
    told = str(whole(data.get("app_id"), "app_id"))
    return None if told == app_id else f"app {told}"


def _guarded(body: bytes, read: Callable[[], Verified]) -> Verified | Unreadable:
    """Run a reader so that nothing in the bytes can raise: whatever they hold, signed bytes are kept."""
    try:
        return read()
    except (Refused, Surprise) as error:
        return Unreadable(key_of(body), str(error)[:200])
    except Exception as error:
        return Unreadable(key_of(body), f"not understood: {type(error).__name__}")
