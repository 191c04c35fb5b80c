"""What Stripe's answer to a call means: done, not done, or unknown.

Not done is said only on a clear no, which is an error in Stripe's own shape with a status that means nothing was
executed. Everything else is unknown: 5xx, any 409, redirects, an answer in nobody's shape, a success that does not read
as documented or tells of another object. Time-outs never come here; `gateway` answers those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from payonce.base import ids, strict_json
from payonce.base.errors import Refused
from payonce.domain.observation import Observation, PaymentSeen, Source
from payonce.providers.contract import Call, Done, Handle, NotDone, Outcome, Unknown
from payonce.providers.stripe.events import Observe
from payonce.providers.stripe.marks import attempt_of, create_key, refund_key
from payonce.providers.stripe.objects import is_live, read_object
from payonce.providers.stripe.returns import read_refund
from payonce.providers.stripe.wire import Surprise, instant, mapping, name, word
from payonce.providers.transport import Answer

# Statuses that say no and mean that nothing was executed, given Stripe's own error shape. Not among them: 409 (the
# key is in use: it may be happening now), 424 (something behind Stripe failed) and 408.
_NO: Final = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 422, 429})
# An hour: a longer wait is somebody's mistake, and our own intervals look again before.
LONGEST_RETRY_AFTER_SECONDS: Final = 3600


def understand(call: Call, answer: Answer, live: bool, observe: Observe) -> Outcome:
    """The outcome of the call. Raises nothing, whatever the bytes; `live`: the account's mode."""
    try:
        if 200 <= answer.status < 300:
            return _done(call, answer, live, observe)
        return refused(call, answer)
    except (Refused, Surprise) as error:
        return Unknown(f"the answer was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the answer was not understood: {type(error).__name__}")


def _done(call: Call, answer: Answer, live: bool, observe: Observe) -> Outcome:
    found = strict_json.parse_object(answer.body)
    if call.operation == "find":
        return _found(found, live, observe)
    if call.operation == "look_for_refund":
        return _refunds(found, live, observe, answer.body)
    if call.operation == "refund":
        return _refunded(call, found, live, observe, answer)
    source: Source = "poll" if call.operation == "read" else "answer"
    seen = tuple(observe(one, source, is_live(found, live)) for one in read_object(found))
    _is_about(call, found, seen)
    return Done(seen, handle=_handle(found, seen), body=answer.body, replayed=_is_replayed(answer))


def _found(page: Mapping[str, Any], live: bool, observe: Observe) -> Done:
    """A page of a list: what is ours by its marks. The next page begins after the last object, ours or not.

    Others are not even read, so that nothing odd in somebody else's object can hide ours.
    """
    data, more = page.get("data"), page.get("has_more")
    if page.get("object") != "list" or not isinstance(data, list) or not isinstance(more, bool):
        raise Surprise("no list")
    if more and not data:
        raise Surprise("an empty page that is not the last")
    ours = [one for one in map(mapping, data) if attempt_of(one) is not None]
    seen = tuple(observe(one, "poll", is_live(of, live)) for of in ours for one in read_object(of))
    return Done(seen, next_page=name(mapping(data[-1]).get("id"), "the id of the last object") if more else None)


def _refunded(call: Call, found: Mapping[str, Any], live: bool, observe: Observe, answer: Answer) -> Done:
    """The refund that was made. Another one's than ours is a surprise, so that no echo is taken for an answer."""
    seen = read_refund(found)
    if seen.refund_id is None or call.idempotency_key != refund_key(seen.refund_id):
        raise Surprise("it tells of another refund")
    return Done((observe(seen, "answer", live),), body=answer.body, replayed=_is_replayed(answer))


def _refunds(page: Mapping[str, Any], live: bool, observe: Observe, body: bytes) -> Outcome:
    """All refunds of a payment. A list that does not hold all of them decides nothing: ours could be beyond it."""
    data = page.get("data")
    if page.get("object") != "list" or not isinstance(data, list):
        raise Surprise("no list")
    if page.get("has_more"):
        return Unknown("a payment with more refunds than one page holds", is_too_much=True)
    return Done(tuple(observe(read_refund(mapping(one)), "poll", live) for one in data), body=body)


def _is_about(call: Call, found: Mapping[str, Any], seen: tuple[Observation, ...]) -> None:
    """Raise Surprise when the answer tells of another object than was asked for, or of another attempt's."""
    if call.operation == "create":
        for one in seen:
            attempt_id = one.seen.attempt_id
            if attempt_id is not None and call.idempotency_key != create_key(ids.show(ids.ATTEMPT, attempt_id)):
                raise Surprise("it tells of another attempt")
    elif quote(name(found.get("id"), "its id"), safe="") not in call.path.partition("?")[0].split("/"):
        raise Surprise("it tells of another object")


def _handle(found: Mapping[str, Any], seen: tuple[Observation, ...]) -> Handle | None:
    """What a payer can go on with, or None where there is nothing to pay, or not any more."""
    payment = next((one.seen for one in seen if isinstance(one.seen, PaymentSeen)), None)
    if payment is None or payment.status not in ("open", "action", "asks_again"):
        return None
    if found.get("object") == "checkout.session":
        url = found.get("url")
        if found.get("status") != "open" or not isinstance(url, str) or not url:
            return None
        return Handle(payment.ref, url=url, expires_at=instant(found.get("expires_at")))
    secret = found.get("client_secret")
    # An intent that only waits for its capture asks nothing of the payer.
    if found.get("status") == "requires_capture" or not isinstance(secret, str) or not secret:
        return None
    return Handle(payment.ref, client_secret=secret)


def refused(call: Call, answer: Answer) -> NotDone | Unknown:
    """What an answer other than success means."""
    wait = _retry_after(answer)
    error = _error_of(answer)
    kind, code = word(error.get("type")), word(error.get("code"))
    if answer.status not in _NO or not error:
        # "Regardless of whether it succeeds or fails, including 500 errors" the first answer is stored under the key.
        return Unknown(f"Stripe answered {answer.status} {code}".strip(), wait, key_is_spent=_is_replayed(answer))
    if kind == "idempotency_error" or code == "idempotency_key_in_use":
        # Something was made with this key, by other parameters or at this moment.
        return Unknown(f"the key was used before: {code or kind}", retry_after_seconds=wait)
    if answer.status == 429:
        # Never stored under the key. Also sent when another request holds the object (`lock_timeout`).
        return NotDone("rate_limited", f"Stripe takes no more for the moment {code}".strip(), True, wait)
    if answer.status in (401, 403):
        # In our words, because Stripe's repeat a part of the key.
        return NotDone("provider_auth", f"Stripe refused the API key ({answer.status})")
    return NotDone(
        _code(call, answer.status, code or kind),
        word(error.get("message"), 300) or f"Stripe answered {answer.status}",
        may_repeat=answer.header("stripe-should-retry") == "true",
        retry_after_seconds=wait,
    )


def _is_replayed(answer: Answer) -> bool:
    """Whether the answer is the stored one to an earlier request with the same key."""
    return (answer.header("idempotent-replayed") or "").lower() == "true"


def _error_of(answer: Answer) -> Mapping[str, Any]:
    """The error in Stripe's shape, or nothing: an error page of somebody in between says nothing of what Stripe did."""
    try:
        return mapping(strict_json.parse_object(answer.body).get("error"))
    except Refused:
        return {}


def _code(call: Call, status: int, code: str) -> str:
    """The code of a no: what was closed or asked for and is not so is read next, so its code is one word of ours."""
    if status == 404 and call.operation != "create":
        return "not_found"
    if call.operation == "close":
        return "not_closable"
    return code or "refused"


def _retry_after(answer: Answer) -> float | None:
    text = answer.header("retry-after")
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return float(min(int(text), LONGEST_RETRY_AFTER_SECONDS))
