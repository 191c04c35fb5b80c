"""Stripe's events: which are handled, how each is read, and what verified bytes say.

An event is a snapshot and a hint. A type without a row is genuine and unhandled, never an error, and its object is not
looked at. Refuses nothing that is signed: what cannot be understood is Unreadable, named by its bytes, and kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.domain.observation import Observation, PaymentSeen, PaymentStatus, Seen, Source
from payonce.providers.contract import Unreadable, Verified
from payonce.providers.stripe.objects import is_live, read_object
from payonce.providers.stripe.wire import Surprise, instant, mapping, name, word


@dataclass(frozen=True, slots=True)
class Row:
    """An event type that is handled: the kind of object it carries, and how its status is corrected, if at all."""

    type: str
    object: str
    says: str
    correct: Mapping[PaymentStatus, PaymentStatus] | None = None


# A decline leaves the intent payable; the row says so even where the snapshot shows no error any more.
_DECLINED: Final[Mapping[PaymentStatus, PaymentStatus]] = {"open": "asks_again"}
# The session is complete and unpaid in this snapshot, which alone would read as pending. That it is dead for good is
# proven by a read of its intent only, so the event says no more than that the method failed.
_LATE_FAILURE: Final[Mapping[PaymentStatus, PaymentStatus]] = {"pending": "asks_again"}

ROWS: Final[tuple[Row, ...]] = (
    Row("payment_intent.created", "payment_intent", "the intent exists; proves that a create arrived"),
    Row("payment_intent.requires_action", "payment_intent", "the payer must act, such as for 3-D Secure"),
    Row("payment_intent.processing", "payment_intent", "a delayed method is at work, for days"),
    Row("payment_intent.amount_capturable_updated", "payment_intent", "authorised, not captured: no money yet"),
    Row("payment_intent.partially_funded", "payment_intent", "a transfer brought a part; the received amount counts"),
    Row("payment_intent.succeeded", "payment_intent", "the received amount is captured"),
    Row(
        "payment_intent.payment_failed",
        "payment_intent",
        "declined; the same intent asks for a method again",
        _DECLINED,
    ),
    Row("payment_intent.canceled", "payment_intent", "terminal: it cannot be paid any more"),
    Row("checkout.session.completed", "checkout.session", "the page is done; the payment paid or on its way"),
    Row("checkout.session.async_payment_succeeded", "checkout.session", "the delayed method brought the money"),
    Row("checkout.session.async_payment_failed", "checkout.session", "the delayed method failed", _LATE_FAILURE),
    Row("checkout.session.expired", "checkout.session", "terminal: nobody can pay it any more"),
    Row("charge.pending", "charge", "the intent's method is at work"),
    Row("charge.succeeded", "charge", "captured, if it says so; else authorised"),
    Row("charge.captured", "charge", "an authorisation was captured, whole or in part"),
    Row("charge.failed", "charge", "one try of the intent failed; the intent can still succeed"),
    # It tells the refunded sum, not the refunds; those are objects of their own, told by the events below.
    Row("charge.refunded", "charge", "what was captured, gross; and the refunds where it lists them"),
    # Its object is a refund, whatever the name says; sent for some methods only.
    Row("charge.refund.updated", "refund", "the refund as it is now"),
    Row("refund.created", "refund", "a refund began, ours or somebody else's"),
    Row("refund.updated", "refund", "the refund as it is now"),
    Row("refund.failed", "refund", "the refund failed, perhaps days after it succeeded"),
    Row("charge.dispute.created", "dispute", "an inquiry or a dispute began"),
    Row("charge.dispute.updated", "dispute", "the dispute as it is now"),
    Row("charge.dispute.closed", "dispute", "won, lost, prevented, or an inquiry that ended"),
    Row("charge.dispute.funds_withdrawn", "dispute", "the bank took the money back"),
    Row("charge.dispute.funds_reinstated", "dispute", "the bank gave the money back"),
)
HANDLED: Final[Mapping[str, Row]] = {row.type: row for row in ROWS}

# An envelope that Stripe calls an event: the usual one with a snapshot, and the thin one that only names an object.
ENVELOPES: Final = frozenset({"event", "v2.core.event"})

Observe = Callable[[Seen, Source, bool], Observation]


def read_event(body: bytes, observe: Observe) -> Verified | Unreadable:
    """What a verified body says. Raises nothing; a snapshot's observations have the source `webhook`."""
    return _guarded(body, lambda found: _read_event(found, observe))


def read_again(
    body: bytes, source: Literal["webhook", "poll", "backfill"], live: bool, observe: Observe
) -> Verified | Unreadable:
    """What stored bytes say: an event, or an object that a read brought. `live`: the mode, where the object names none.

    An event stays a snapshot, whichever way it came: one from the event list is no read of the present.
    """

    def read(found: Mapping[str, Any]) -> Verified:
        if source == "webhook" or found.get("object") in ENVELOPES:
            return _read_event(found, observe)
        live_mode = is_live(found, live)
        seen = tuple(observe(one, source, live_mode) for one in read_object(found))
        return Verified(key_of(body), f"{source}:{word(found.get('object'))}", None, live_mode, None, True, seen)

    return _guarded(body, read)


def key_of(body: bytes) -> str:
    """The name of bytes that have none of their own."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _read_event(found: Mapping[str, Any], observe: Observe) -> Verified:
    if found.get("object") not in ENVELOPES:
        raise Surprise("it is no event")
    key, kind, live = name(found.get("id"), "the id of an event"), word(found.get("type")), found.get("livemode")
    if not kind or not isinstance(live, bool):
        raise Surprise("an event without type or mode")
    account = found.get("account")
    row = HANDLED.get(kind) if found.get("object") == "event" else None
    return Verified(
        key=key,
        type=kind,
        created_at=_created(found),
        live_mode=live,
        account=name(account, "an account") if account is not None else None,
        handled=row is not None,
        observations=_snapshot(row, mapping(mapping(found.get("data")).get("object")), live, observe) if row else (),
    )


def _snapshot(row: Row, found: Mapping[str, Any], live: bool, observe: Observe) -> tuple[Observation, ...]:
    """The observations of the event's object. Raises Surprise where it is not the object that the type promises."""
    if found.get("object") != row.object:
        raise Surprise(f"{row.type} carries no {row.object}")
    return tuple(observe(_corrected(row, seen), "webhook", is_live(found, live)) for seen in read_object(found))


def _corrected(row: Row, seen: Seen) -> Seen:
    if row.correct is None or not isinstance(seen, PaymentSeen):
        return seen
    return replace(seen, status=row.correct.get(seen.status, seen.status))


def _created(found: Mapping[str, Any]) -> datetime | None:
    """When Stripe made the event: unix seconds, or ISO text in thin ones."""
    created = found.get("created")
    if not isinstance(created, str):
        return instant(created)
    try:
        made = datetime.fromisoformat(created)
    except ValueError:
        return None
    return made if made.tzinfo is not None else None


def _guarded(body: bytes, read: Callable[[Mapping[str, Any]], Verified]) -> Verified | Unreadable:
    """Run a reader so that nothing in the bytes can raise: whatever they hold, signed bytes are kept."""
    try:
        return read(strict_json.parse_object(body))
    except (Refused, Surprise) as error:
        return Unreadable(key_of(body), str(error)[:200])
    except Exception as error:
        return Unreadable(key_of(body), f"not understood: {type(error).__name__}")
