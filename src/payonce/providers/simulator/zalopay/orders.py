"""`/v2/create`, `/v2/query` and `/v2/cancel`.

What a request says is checked before it is looked up, so that a create repeated after midnight or after a quarter of an
hour is refused although its order exists: whether ZaloPay looks the other way round is not published, and this way
is the harder one for a merchant.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final
from urllib.parse import urlsplit

from payonce.providers.simulator.zalopay import codes
from payonce.providers.simulator.zalopay.books import Books, Order
from payonce.providers.simulator.zalopay.codes import ZaloPayRefusal, said
from payonce.providers.simulator.zalopay.fields import Fields, illegal
from payonce.providers.simulator.zalopay.mac import is_mac, mac_of

LONGEST_ID: Final = 40
LONGEST_JSON: Final = 2048
LONGEST_MAC: Final = 128
TOKEN_LETTERS: Final = 24


def create(books: Books, fields: Fields) -> dict[str, Any]:
    """POST /v2/create"""
    made = _asked_for(books, fields)
    if made.app_trans_id in books.orders:
        # The order is there, and its address is not told again.
        raise ZaloPayRefusal(codes.DUPLICATE)
    books.orders[made.app_trans_id] = made
    books.by_token[made.token] = made.app_trans_id
    url = order_url(books, made)
    return said(
        codes.SUCCESS, codes.SUCCESS, zp_trans_token=made.token, order_url=url, order_token=made.token, qr_code=url
    )


def query(books: Books, fields: Fields) -> dict[str, Any]:
    """POST /v2/query"""
    order = _named(books, fields)
    now = books.now()
    if now >= order.created + books.settings.query_horizon:
        raise ZaloPayRefusal(codes.NOT_FOUND)
    state = order.state(now)
    if state == "paid" and now >= order.visible_at:
        return said(
            codes.SUCCESS,
            codes.SUCCESS,
            is_processing=False,
            amount=order.amount,
            discount_amount=order.discount,
            zp_trans_id=order.zp_trans_id,
            server_time=int(order.paid_at * 1000),
        )
    if state == "expired":
        raise ZaloPayRefusal(codes.TIME_INVALID)
    if state == "cancelled":
        raise ZaloPayRefusal(books.settings.cancelled_code)
    if state == "open" and order.trouble is not None:
        # The last try failed. The order itself can still be paid.
        raise ZaloPayRefusal(order.trouble)
    return said(
        codes.PROCESSING,
        codes.PROCESSING,
        is_processing=state != "open",
        amount=0,
        discount_amount=0,
        zp_trans_id=0,
        server_time=books.milliseconds(),
    )


def cancel(books: Books, fields: Fields) -> dict[str, Any]:
    """POST /v2/cancel"""
    order = _named(books, fields)
    state = order.state(books.now())
    if state != "open":
        raise ZaloPayRefusal(codes.NOT_CANCELLABLE, f"An order that is {state} cannot be cancelled")
    order.ended, order.cancelled_at = "cancelled", books.now()
    return said(codes.SUCCESS, codes.SUCCESS)


def order_url(books: Books, order: Order) -> str:
    """The address of the payer's page."""
    told = json.dumps({"zptranstoken": order.token, "appid": books.settings.app_id}, separators=(",", ":"))
    return f"{books.base_url}/openinapp?order={base64.urlsafe_b64encode(told.encode()).decode().rstrip('=')}"


def _asked_for(books: Books, fields: Fields) -> Order:
    """The order that a request describes. Raises ZaloPayRefusal."""
    settings, now = books.settings, books.now()
    app_id, app_time, amount = fields.whole("app_id"), fields.whole("app_time"), fields.whole("amount", smallest=1)
    name, user = fields.text("app_trans_id", LONGEST_ID), fields.text("app_user", 50)
    description = fields.text("description", 256)
    item, embed_data = fields.json("item", LONGEST_JSON, list), fields.json("embed_data", LONGEST_JSON, dict)
    callback_url = fields.text("callback_url", 2048, may_be_empty=True)
    life = fields.whole_or_none("expire_duration_seconds")
    wanted = mac_of(settings.key1, app_id, name, user, amount, app_time, embed_data, item)
    check_signature(books, fields, app_id, wanted)
    if not name.startswith(f"{books.today()}_") or len(name) == len("yymmdd_"):
        raise illegal("app_trans_id: it begins with today's date in Vietnam")
    if abs(now - app_time / 1000) > settings.time_window:
        raise illegal("app_time: it is more than 15 minutes from now")
    if life is not None and not settings.shortest_life <= life <= settings.longest_life:
        raise illegal("expire_duration_seconds")
    if callback_url and urlsplit(callback_url).scheme not in ("http", "https"):
        raise illegal("callback_url")
    return Order(
        app_trans_id=name,
        app_user=user,
        app_time=app_time,
        amount=amount,
        description=description,
        item=item,
        embed_data=embed_data,
        callback_url=callback_url,
        token=books.ids.make(TOKEN_LETTERS),
        created=now,
        expires_at=now + (settings.order_life if life is None else life),
    )


def _named(books: Books, fields: Fields) -> Order:
    """The order that a query or a cancel names. Raises ZaloPayRefusal."""
    app_id, name = fields.whole("app_id"), fields.text("app_trans_id", LONGEST_ID)
    check_signature(books, fields, app_id, mac_of(books.settings.key1, app_id, name, books.settings.key1))
    if not (name[:6].isascii() and name[:6].isdigit() and name[6:7] == "_"):
        raise ZaloPayRefusal(codes.ID_INVALID)
    if name not in books.orders:
        raise ZaloPayRefusal(codes.NOT_FOUND)
    return books.orders[name]


def check_signature(books: Books, fields: Fields, app_id: int, wanted: str) -> None:
    """Raise ZaloPayRefusal -402 unless the application is ours and the code is `wanted`."""
    if app_id != books.settings.app_id or not is_mac(fields.text("mac", LONGEST_MAC), wanted):
        raise ZaloPayRefusal(codes.ILLEGAL_SIGNATURE)
