"""What NOWPayments' answer to a call means: done, not done, or unknown.

Not done is said only on a clear no, which is an error in NOWPayments' own shape with a status that means nothing was
executed. Everything else is unknown: 5xx, 409, redirects, an answer in nobody's shape, a success that does not read as
documented or tells of another object. After an unknown create nothing is repeated: a second one would make a second
address, and both could be paid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote

from payonce.base import strict_json
from payonce.base.errors import Refused
from payonce.domain.observation import Observation, PaymentSeen, Seen, Source
from payonce.providers.contract import Call, Done, Handle, NotDone, Outcome, Unknown
from payonce.providers.nowpayments.objects import keep_invoice, kind_of, read_invoice_list, read_list, read_object
from payonce.providers.nowpayments.payments import attempt_of
from payonce.providers.nowpayments.wire import (
    Surprise,
    decimal,
    instant,
    mapping,
    name,
    plain,
    shown,
    whole,
    word,
)
from payonce.providers.transport import Answer

# Statuses that say no and mean that nothing was executed, given NOWPayments' own error shape.
_NO: Final = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 422, 429})
# What may stand in a header: the characters of a JWT and of other bearer tokens (RFC 6750).
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,4096}")
# An hour: a longer wait is somebody's mistake, and our own intervals look again before.
LONGEST_RETRY_AFTER_SECONDS: Final = 3600

Observe = Callable[[Seen, Source], Observation]


def understand(call: Call, answer: Answer, observe: Observe) -> Outcome:
    """The outcome of the call. Raises nothing, whatever the bytes."""
    try:
        if 200 <= answer.status < 300:
            return _done(call, answer, observe)
        return refused(call, answer)
    except (Refused, Surprise) as error:
        return Unknown(f"the answer was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the answer was not understood: {type(error).__name__}")


def token_of(answer: Answer) -> str | NotDone | Unknown:
    """The token of the answer to a sign-in. Raises nothing, whatever the bytes."""
    try:
        if not 200 <= answer.status < 300:
            return refused(Call("sign_in", "POST", "/v1/auth"), answer)
        token = strict_json.parse_object(answer.body).get("token")
        if isinstance(token, str) and _TOKEN.fullmatch(token):
            return token
        return Unknown("no token in the answer")
    except Refused as error:
        return Unknown(f"the answer was not understood: {error}"[:200])
    except Exception as error:
        return Unknown(f"the answer was not understood: {type(error).__name__}")


def _done(call: Call, answer: Answer, observe: Observe) -> Outcome:
    found = strict_json.parse_object(answer.body, raw_numbers=True)
    if call.operation == "find":
        return _found(call, found, observe)
    invoice = asked_of_list(call, "invoiceId")
    if invoice:
        return _of_invoice(invoice, found, observe, answer.body)
    if kind_of(found) in ("list", "invoice_list"):
        raise Surprise("a list of payments instead of one object")
    _is_about(call, found)
    source: Source = "poll" if call.operation == "read" else "answer"
    seen = read_object(found)
    return Done(tuple(observe(one, source) for one in seen), handle=_handle(found, seen), body=answer.body)


def _found(call: Call, page: Mapping[str, Any], observe: Observe) -> Done:
    """A page of the list: what is ours, and the number of the next page. Pages count from zero."""
    number, pages = place_of(page)
    if str(number) != asked_of_list(call, "page"):
        raise Surprise("another page than was asked for")
    following = number + 1
    return Done(
        tuple(observe(one, "poll") for one in read_list(page)),
        next_page=str(following) if following < pages else None,
    )


def _of_invoice(invoice: str, page: Mapping[str, Any], observe: Observe, body: bytes) -> Outcome:
    """The payments of an invoice. A list that does not hold all of them decides nothing: more could be beyond it."""
    number, pages = place_of(page)
    if number != 0 or pages > 1:
        return Unknown("an invoice with more payments than one page holds", is_too_much=True)
    seen = tuple(observe(one, "poll") for one in read_invoice_list(invoice, page))
    return Done(seen, body=keep_invoice(invoice, body))


def place_of(page: Mapping[str, Any]) -> tuple[int, int]:
    """The number of this page and how many there are. Raises Surprise for what is no list."""
    if kind_of(page) != "list":
        raise Surprise("no list")
    return whole(page.get("page"), "the number of a page"), whole(page.get("pagesCount"), "the number of pages")


def _is_about(call: Call, found: Mapping[str, Any]) -> None:
    """Raise Surprise when the answer tells of another object than was asked for, or of another attempt's."""
    if call.operation == "create":
        wanted = "invoice" if call.path == "/v1/invoice" else "payment"
        asked, carried = attempt_of(strict_json.parse_object(call.body)), attempt_of(found)
        if kind_of(found) != wanted or (carried is not None and carried != asked):
            raise Surprise("it tells of another attempt")
    elif quote(name(found.get("payment_id"), "its id"), safe="") != call.path.rpartition("/")[2]:
        raise Surprise("it tells of another payment")


def _handle(found: Mapping[str, Any], seen: tuple[Seen, ...]) -> Handle | None:
    """What a payer can go on with: a page, or an address and an amount; None where there is nothing to pay, not any
    more, or where the payer's way leads through an invoice.
    """
    payment = next((one for one in seen if isinstance(one, PaymentSeen)), None)
    if payment is None or payment.status != "open":
        return None
    if payment.ref.kind == "invoice":
        url = found.get("invoice_url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise Surprise("an invoice without its page")
        return Handle(payment.ref, url=url)
    address, amount = shown(found.get("pay_address"), "the address"), decimal(found.get("pay_amount"), "the amount")
    if payment.related or payment.parent is not None or not address or not amount:
        return None
    told = {
        "address": address,
        "amount": plain(amount),
        "asset": shown(found.get("pay_currency"), "the coin"),
        "network": shown(found.get("network"), "the network"),
        "memo": shown(found.get("payin_extra_id"), "the memo"),
    }
    return Handle(
        payment.ref,
        expires_at=instant(found.get("expiration_estimate_date")),
        instructions={key: value for key, value in told.items() if value},
    )


def refused(call: Call, answer: Answer) -> NotDone | Unknown:
    """What an answer other than success means."""
    wait = _retry_after(answer)
    code, message = _error_of(answer)
    if answer.status not in _NO or not code:
        return Unknown(f"NOWPayments answered {answer.status} {code}".strip(), wait)
    if answer.status == 429:
        return NotDone("rate_limited", f"NOWPayments takes no more for the moment {code}".strip(), True, wait)
    if answer.status in (401, 403):
        # In our words, because theirs could repeat a part of the key.
        what = "the e-mail or the password" if call.operation == "sign_in" else "the API key or the token"
        return NotDone("provider_auth", f"NOWPayments refused {what} ({answer.status})")
    if answer.status == 404 and call.operation != "create":
        code = "not_found"
    return NotDone(code, message or f"NOWPayments answered {answer.status}", retry_after_seconds=wait)


def _error_of(answer: Answer) -> tuple[str, str]:
    """Code and message of an error in NOWPayments' shape, or nothing: an error page of somebody in between says nothing
    of what NOWPayments did.
    """
    try:
        error = mapping(strict_json.parse_object(answer.body))
    except Refused:
        return "", ""
    if str(error.get("statusCode", answer.status)) != str(answer.status):
        return "", ""
    return word(error.get("code")).lower(), word(error.get("message"), 300)


def asked_of_list(call: Call, parameter: str) -> str:
    """A parameter of the list that was asked for, or nothing."""
    path, _, query = call.path.partition("?")
    return parse_qs(query).get(parameter, [""])[0] if path == "/v1/payment/" else ""


def _retry_after(answer: Answer) -> float | None:
    text = answer.header("retry-after")
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return float(min(int(text), LONGEST_RETRY_AFTER_SECONDS))
