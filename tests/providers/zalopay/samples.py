"""ZaloPay's answers and callbacks as its documentation shows them, and an adapter of its public sandbox."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from payonce.domain.observation import Observation, PaymentSeen, Ref, RefundSeen
from payonce.providers.contract import Ask, Call, Done, NotDone, Outcome, RefundAsk, Unknown
from payonce.providers.transport import Answer
from payonce.providers.zalopay.adapter import ZaloPayAdapter

VECTOR: Final = json.loads((Path(__file__).parents[2] / "vectors" / "zalopay.json").read_text("utf-8"))
KEY1: Final[str] = VECTOR["key1"]
KEY2: Final[str] = VECTOR["key2"]
APP: Final = "2553"
SANDBOX: Final = "https://sb-openapi.zalopay.vn"
NOW: Final = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
ATTEMPT: Final = UUID("0193f2a0-0000-7000-8000-000000000001")
ORDER: Final = UUID("0193f2a0-0000-7000-8000-000000000002")
REFUND: Final = UUID("0193f2a0-0000-7000-8000-000000000003")
NAME: Final = f"261120_{ATTEMPT.hex}"
TRANSACTION: Final = 261120000000389
PAGE: Final = "https://qcgateway.zalopay.vn/openinapp?order=abc"

Object = dict[str, Any]


def adapter(
    app: str | int = APP, key1: str = KEY1, key2s: tuple[str, ...] = (KEY2,), **settings: Any
) -> ZaloPayAdapter:
    return ZaloPayAdapter(app, key1, list(key2s), **({"api_base": SANDBOX} | settings))


def ask(**changes: Any) -> Ask:
    fields: Object = {
        "attempt_id": ATTEMPT,
        "order_id": ORDER,
        "flow": "order",
        "amount_minor": 50_000,
        "currency": "VND",
        "description": "First fee of player 27",
        "success_url": "https://shop.example/thanks?o=1",
        "cancel_url": "https://shop.example/basket",
        "payer_email": "an@shop.example",
        "expires_at": datetime(2026, 11, 20, 12, 35, tzinfo=UTC),
        "asked_at": NOW,
        "callback_url": "https://pay.shop.example/webhooks/zalopay/main",
        "payer_reference": "player-27",
    }
    return Ask(**(fields | changes))


def refund_ask(**changes: Any) -> RefundAsk:
    fields: Object = {
        "refund_id": REFUND,
        "attempt_id": ATTEMPT,
        "capture": Ref("transaction", str(TRANSACTION)),
        "amount_minor": 20_000,
        "currency": "VND",
        "captured_minor": 50_000,
        "reason": "paid twice",
        "asked_at": NOW,
    }
    return RefundAsk(**(fields | changes))


def call_of(call: Call | NotDone) -> Call:
    assert isinstance(call, Call), call
    return call


CREATE: Final = adapter().create(ask())
READ: Final = call_of(adapter().read(Ref("order", NAME)))
CLOSE: Final = adapter().close(Ref("order", NAME), ATTEMPT)
SEND_BACK: Final = adapter().refund(refund_ask())
LOOK: Final = adapter().look_for_refund(refund_ask(), SEND_BACK, NOW)
CALLS: Final = [CREATE, READ, CLOSE, SEND_BACK, LOOK]


def body(code: object, sub: object = None, **fields: Any) -> Object:
    """An answer's fields; without a detail where there is none."""
    detail = {} if sub is None else {"sub_return_code": sub, "sub_return_message": "In ZaloPay's words."}
    return {"return_code": code, "return_message": "In its words."} | detail | fields


def ok(code: object, sub: object = None, **fields: Any) -> Answer:
    return Answer(200, (), raw(body(code, sub, **fields)))


def raw(found: object) -> bytes:
    return json.dumps(found).encode()


def made(**fields: Any) -> Answer:
    return ok(1, 1, **({"order_url": PAGE, "zp_trans_token": "ACd", "order_token": "ACd"} | fields))


def paid(**fields: Any) -> Answer:
    return ok(1, 1, **({"is_processing": False, "amount": 50_000, "zp_trans_id": TRANSACTION} | fields))


def understood(call: Call, answer: Answer) -> Outcome:
    return adapter().understand(call, answer)


def done(call: Call, answer: Answer) -> Done:
    outcome = understood(call, answer)
    assert isinstance(outcome, Done), outcome
    return outcome


def refused(call: Call, answer: Answer) -> NotDone:
    outcome = understood(call, answer)
    assert isinstance(outcome, NotDone), outcome
    return outcome


def silent(call: Call, answer: Answer) -> Unknown:
    outcome = understood(call, answer)
    assert isinstance(outcome, Unknown), outcome
    return outcome


def payment(observation: Observation) -> PaymentSeen:
    assert isinstance(observation.seen, PaymentSeen)
    return observation.seen


def back(observation: Observation) -> RefundSeen:
    assert isinstance(observation.seen, RefundSeen)
    return observation.seen


def told(**changes: Any) -> Object:
    """The data of a callback about the order of our attempt."""
    return {
        "app_id": 2553, "app_trans_id": NAME, "app_time": 1795176000000, "app_user": "player-27", "amount": 50_000,
        "embed_data": "{}", "item": "[]", "zp_trans_id": TRANSACTION, "server_time": 1795176060123, "channel": 38,
        "merchant_user_id": "7ZM", "user_fee_amount": 0, "discount_amount": 0,
    } | changes  # fmt: skip


def mac_of(text: str, key: str = KEY2) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def callback(data: Object | str, kind: object = 1, key: str = KEY2, **fields: Any) -> bytes:
    """A callback as it is sent, signed by `key`."""
    text = data if isinstance(data, str) else json.dumps(data)
    return raw({"data": text, "mac": mac_of(text, key), "type": kind} | fields)
