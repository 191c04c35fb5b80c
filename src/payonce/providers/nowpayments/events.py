"""NOWPayments' notices (IPN): a signed body is the payment itself, as it was when it was sent.

A notice has no id, no time under its signature and no kind: it is named by the payment, its status and its content,
and an old one can come again. What is signed and is no payment (a withdrawal, a deposit of a sub-account) is genuine
and unhandled. Refuses nothing that is signed: what cannot be understood is Unreadable, named by its bytes, and kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.domain.observation import Observation, Seen, Source
from payonce.providers.contract import Unreadable, Verified
from payonce.providers.nowpayments.objects import kind_of, read_object
from payonce.providers.nowpayments.payments import PAYMENT_STATUS, read_payment
from payonce.providers.nowpayments.signature import canonical
from payonce.providers.nowpayments.wire import Surprise, instant, word

HANDLED: Final = tuple(f"payment.{status}" for status in PAYMENT_STATUS)

Observe = Callable[[Seen, Source], Observation]


def read_event(body: bytes, live: bool, observe: Observe) -> Verified | Unreadable:
    """What a verified body says. Raises nothing; its observations have the source `webhook`."""
    return _guarded(body, lambda found: _read_event(found, body, live, observe))


def read_again(
    body: bytes, source: Literal["webhook", "poll", "backfill"], live: bool, observe: Observe
) -> Verified | Unreadable:
    """What stored bytes say: a notice, or the payment, invoice or list that a read brought."""

    def read(found: Mapping[str, Any]) -> Verified:
        if source == "webhook":
            return _read_event(found, body, live, observe)
        seen = tuple(observe(one, source) for one in read_object(found))
        return Verified(key_of(body), f"{source}:{kind_of(found)}", None, live, None, True, seen)

    return _guarded(body, read)


def key_of(body: bytes) -> str:
    """The name of bytes that have none of their own."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _read_event(found: Mapping[str, Any], body: bytes, live: bool, observe: Observe) -> Verified:
    if "payment_id" not in found or "payment_status" not in found:
        kind = "withdrawal" if "batch_withdrawal_id" in found else "other"
        return Verified(key_of(body), kind, _told_at(found), live, None, False, ())
    seen = read_payment(found)
    status = word(found.get("payment_status"), 40) or "unknown"
    # Of the content and not of the bytes: the same fields in another order are the same notice.
    digest = hashlib.sha256(canonical(found).encode("utf-8")).hexdigest()
    return Verified(
        key=f"{seen[0].ref.id}:{status}:{digest[:32]}",
        type=f"payment.{status}",
        created_at=_told_at(found),
        live_mode=live,
        account=None,
        # Also with a status that nobody told us of: the read that it leads to tells what it is.
        handled=True,
        observations=tuple(observe(one, "webhook") for one in seen),
    )


def _told_at(found: Mapping[str, Any]) -> datetime | None:
    """When the payment changed last: unix milliseconds in notices, ISO text in answers."""
    return instant(found.get("updated_at"))


def _guarded(body: bytes, read: Callable[[Mapping[str, Any]], Verified]) -> Verified | Unreadable:
    """Run a reader so that nothing in the bytes can raise: whatever they hold, signed bytes are kept."""
    try:
        return read(strict_json.parse_object(body, raw_numbers=True))
    except (Refused, Surprise) as error:
        return Unreadable(key_of(body), str(error)[:200])
    except Exception as error:
        return Unreadable(key_of(body), f"not understood: {type(error).__name__}")
