"""What is fuzzed: everything that reads bytes of strangers. A target takes any bytes and says how many were accepted.

It raises where a promise is broken, whatever the error. Needs nothing but the product and the standard library, so that
it runs where only the fuzzer is installed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from payonce.api.calls import begin_call, caller_address
from payonce.api.cards import refuse_cards
from payonce.api.v1 import bodies, bodies_of_findings, bodies_of_jobs
from payonce.base import ids, strict_json
from payonce.base.errors import Refused
from payonce.domain.observation import PaymentSeen
from payonce.notify.signing import Signer
from payonce.providers.contract import Adapter, Done, Forged, NotDone, Unknown, Unreadable, Verified
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.transport import Answer
from payonce.settings import Settings, load
from payonce.usecases.read_order import TOKEN
from tests.fuzz.one import Target
from tests.providers.nowpayments import samples as nowpayments
from tests.providers.zalopay import samples as zalopay

NOW: Final = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
STAMP: Final = str(int(NOW.timestamp()))
STRIPE_SECRET: Final = "whsec_of_the_fuzzer_1234567890"
OUTGOING_SECRET: Final = "whsec_dGhlIHNlY3JldCBvZiB0aGUgZnV6emVyIQ=="


class Broken(Exception):
    """A promise that did not hold."""


def need(condition: object, what: str) -> None:
    """Raise Broken unless it holds."""
    if not condition:
        raise Broken(what)


def halves(data: bytes) -> tuple[str, bytes]:
    """A header, as servers read it, and a body: the first line and the rest."""
    head, _, body = data.partition(b"\n")
    return head.decode("latin-1"), body


def unsigned(adapter: Adapter, header: str) -> Target:
    """Bytes with whatever header: forged, always."""

    def work(data: bytes) -> int:
        text, body = halves(data)
        verdicts = [adapter.verify({header: text}, body, NOW), adapter.verify({}, data, NOW)]
        return sum(not isinstance(each, Forged) for each in verdicts)

    return work


def signed(adapter: Adapter, sign: Callable[[bytes], tuple[dict[str, str], bytes] | None]) -> Target:
    """Bytes that the provider signed: kept, and read again the same way."""

    def work(data: bytes) -> int:
        made = sign(data)
        if made is None:
            return 0
        headers, body = made
        verdict = adapter.verify(headers, body, NOW)
        need(isinstance(verdict, Verified | Unreadable), f"signed and not kept: {verdict!r:.200}")
        again = adapter.again(body, "webhook")
        need(isinstance(again, Verified | Unreadable), f"stored and not read: {again!r:.200}")
        for seen in again.observations if isinstance(again, Verified) else ():
            money = seen.seen.captured_minor if isinstance(seen.seen, PaymentSeen) else seen.seen.amount_minor
            need(type(money) is int and money >= 0, f"money that is none: {money!r:.80}")
        return 0

    return work


def answered(adapter: Adapter, calls: list[Any]) -> Target:
    """Bytes as the answer to every kind of call: an outcome, whatever they are."""

    def work(data: bytes) -> int:
        status = 100 + int.from_bytes(data[:2], "big") % 500 if data[:1] < b"\x80" else 200
        for body in (data, data[2:]):
            for call in calls:
                outcome = adapter.understand(call, Answer(status, (), body))
                need(isinstance(outcome, Done | NotDone | Unknown), f"no outcome: {outcome!r:.200}")
        return 0

    return work


def sign_stripe(body: bytes) -> tuple[dict[str, str], bytes]:
    """As Stripe signs."""
    digest = hmac.new(STRIPE_SECRET.encode(), STAMP.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={STAMP},v1={digest}"}, body


def sign_zalopay(data: bytes) -> tuple[dict[str, str], bytes] | None:
    """As ZaloPay signs; text with a NUL cannot be carried, and a redirect's checksum is no callback."""
    text = data.decode("utf-8", "ignore").replace("\x00", "")
    if "{" not in text:
        return None
    body = json.dumps({"data": text, "mac": zalopay.mac_of(text), "type": 1}, ensure_ascii=False).encode()
    return {}, body


def sign_nowpayments(body: bytes) -> tuple[dict[str, str], bytes] | None:
    """As NOWPayments signs: values, where there are any."""
    try:
        strict_json.parse_object(body)
    except Refused:
        return None
    marked = nowpayments.MARK.encode() in body or rb"\ue000" in body.lower()
    return None if marked else (nowpayments.signed(body), body)


def reads_json(data: bytes) -> int:
    """Our JSON reader: a refusal, or a value that can be stored and written again."""
    for raw_numbers in (False, True):
        try:
            value = strict_json.parse(data, raw_numbers=raw_numbers)
        except Refused:
            continue
        for text in texts(value):
            need("\x00" not in text and text.encode() is not None, "a text that cannot be stored")
    return 0


def texts(value: Any) -> Iterator[str]:
    """Every text and key in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from texts(each)


def models() -> Iterator[type[bodies.Body]]:
    """Every body that the API takes."""
    for module in (bodies, bodies_of_findings, bodies_of_jobs):
        for each in vars(module).values():
            for found in (each, *get_args(each)):
                if isinstance(found, type) and issubclass(found, bodies.Body):
                    yield found


def reads_bodies() -> Target:
    """A body of the API: refused with words, or exactly what it says."""
    all_models = sorted(set(models()), key=lambda model: model.__name__)

    def work(data: bytes) -> int:
        try:
            value = strict_json.parse(data)
            refuse_cards(value)
        except Refused:
            return 0
        for model in all_models:
            try:
                model.model_validate(value)
            except ValidationError as error:
                need(error.error_count() > 0, "refused without a reason")
        return 0

    return work


def outgoing(data: bytes) -> int:
    """What a receiver verifies of ours: nothing but what we signed, and all of that."""
    header, body = halves(data)
    accepted = 0
    for headers in (
        {"webhook-id": "msg_1", "webhook-timestamp": str(int(datetime.now(UTC).timestamp())),
         "webhook-signature": header},
        {"webhook-id": header, "webhook-timestamp": header, "webhook-signature": f"v1,{header}"},
    ):  # fmt: skip
        try:
            Webhook(OUTGOING_SECRET).verify(body, headers)
            accepted += 1
        except (WebhookVerificationError, ValueError, OverflowError, OSError):
            # The published library raises more than it says; a receiver answers 400 to all of it.
            pass
    text = body.decode("utf-8", "replace")
    made = dict(Signer(OUTGOING_SECRET).headers("msg_1", datetime.now(UTC), text))
    Webhook(OUTGOING_SECRET).verify(text, made, json_parse=False)
    return accepted


def settings() -> Target:
    """A settings file of any content: settings, or a refusal that says what is wrong."""
    file = Path(tempfile.mkdtemp(prefix="payonce-fuzz-")) / "payonce.toml"

    def work(data: bytes) -> int:
        file.write_bytes(data)
        try:
            need(isinstance(load(environ={}, file=file), Settings), "no settings")
        except Refused as refused:
            need(refused.code and refused.message, "refused without a reason")
        return 0

    return work


def heads(data: bytes) -> int:
    """What is read of a head: ids, addresses, wishes; everything that is malformed counts as not sent."""
    names = (b"x-request-id", b"traceparent", b"accept", b"x-forwarded-for", b"user-agent", b"content-length")
    scope = {"headers": [(name, data) for name in names], "method": "POST", "client": ("203.0.113.7", 1)}
    proxies = [ip_network("203.0.113.0/24"), ip_network("::/0")]
    call = begin_call(scope, lambda: "req_ours", proxies)
    need(call.request_id.isascii() and len(call.request_id) <= 128, "an id that could not be logged")
    need(len(call.address) <= 64 and len(call.neighbourhood) <= 64, "an address without end")
    need(call.wants_page in (True, False) and len(call.note("user-agent") or "") <= 500, "evidence without end")
    text = data.decode("latin-1")
    caller_address(text, text, proxies)
    ids.read_or_none(ids.ORDER, text)
    TOKEN.fullmatch(text)
    return 0


def _targets() -> dict[str, Callable[[], Target]]:
    stripe = StripeAdapter("sk_test_of_the_fuzzer_1234567890", [STRIPE_SECRET])
    zalo, now = zalopay.adapter(), nowpayments.adapter()
    asks = [nowpayments.ask("payment_intent"), nowpayments.ask("checkout_session")]
    return {
        "stripe_unsigned": lambda: unsigned(stripe, "stripe-signature"),
        "stripe_signed": lambda: signed(stripe, sign_stripe),
        "stripe_answers": lambda: answered(stripe, [stripe.create(ask) for ask in asks]),
        "zalopay_unsigned": lambda: unsigned(zalo, "x-mac"),
        "zalopay_signed": lambda: signed(zalo, sign_zalopay),
        "zalopay_answers": lambda: answered(zalo, list(zalopay.CALLS)),
        "nowpayments_unsigned": lambda: unsigned(now, "x-nowpayments-sig"),
        "nowpayments_signed": lambda: signed(now, sign_nowpayments),
        "nowpayments_answers": lambda: answered(
            now, [now.create(nowpayments.ask(flow)) for flow in ("invoice", "payment")]
        ),
        "json": lambda: reads_json,
        "api_bodies": reads_bodies,
        "outgoing": lambda: outgoing,
        "settings": settings,
        "heads": lambda: heads,
    }


TARGETS: Final = _targets()
