"""Callbacks: told of money only, once and at most three times more, as long as nobody answers or the answer is 0.

There is no event id and no time in the signature, and the same bytes come with every try. A query tells of the money
only a moment after the first callback was answered: asked from inside its handler, it says that it is in progress.
"""

from __future__ import annotations

import json
from typing import Any, Final

from payonce.providers.simulator.letters import Letters, Reception, Sent
from payonce.providers.simulator.zalopay.books import Books, Order
from payonce.providers.simulator.zalopay.mac import mac

# What rules of delivery faults match. There is nothing else that a merchant is told of an order.
KIND: Final = "order.paid"
ORDER_TYPE: Final = 1
# The channel of ZaloPay's wallet.
CHANNEL: Final = 38
HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"),)


def tell(books: Books, letters: Letters, order: Order) -> None:
    """Write the callback of an order that was just paid, if it said where to."""
    if order.callback_url:
        letters.write(KIND, order.app_trans_id, order.callback_url, HEADERS, body(books, order))


def body(books: Books, order: Order) -> bytes:
    """The bytes of a callback: `data` is a text that is signed as it stands."""
    data = json.dumps(_data(books, order), separators=(",", ":"), ensure_ascii=False)
    signed = {"data": data, "mac": mac(books.settings.key2, data), "type": ORDER_TYPE}
    return json.dumps(signed, separators=(",", ":"), ensure_ascii=False).encode()


def received(status: int | None, answer: bytes) -> Reception:
    """What an answer is to ZaloPay. It reads the body of a 200; whatever it does not know ends the tries."""
    if status is None:
        return "again"
    code = _return_code(answer) if status == 200 else None
    if code in (1, 2):
        return "taken"
    return "again" if code == 0 else "never"


def answered(books: Books, sent: Sent) -> None:
    """Let queries tell of the money from a moment after this answer on."""
    order = books.orders[sent.object_id]
    order.visible_at = min(order.visible_at, sent.at + books.settings.visible_after_callback)


def _data(books: Books, order: Order) -> dict[str, Any]:
    return {
        "app_id": books.settings.app_id,
        "app_trans_id": order.app_trans_id,
        "app_time": order.app_time,
        "app_user": order.app_user,
        "amount": order.amount,
        "embed_data": order.embed_data,
        "item": order.item,
        "zp_trans_id": order.zp_trans_id,
        "server_time": int(order.paid_at * 1000),
        "channel": CHANNEL,
        "merchant_user_id": "simulated-payer",
        "user_fee_amount": 0,
        "discount_amount": order.discount,
    }


def _return_code(answer: bytes) -> int | None:
    """The code in a merchant's answer, or None."""
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    code = told.get("return_code") if isinstance(told, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
