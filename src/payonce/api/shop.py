"""The demo shop: what a person tries first. It sells nothing; it exists only beside a simulated provider.

A shopper is a cookie with a random name, and every order a purpose of its own. It calls the same use cases as the
API, and shows of each order what was charged, recorded and fulfilled while the shopper clicks twice, reloads and
opens two tabs.
"""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from payonce.api.calls import call_of
from payonce.api.choosing import form_of, not_granted, wish_of
from payonce.api.clicks import click
from payonce.api.edge import Edge, edge_of
from payonce.api.pages import PRIVATE, root_of
from payonce.api.shapes import refusal_of, shown, status_json
from payonce.api.shop_control import ACTS, act, faults_in_force
from payonce.api.shop_shelf import CURRENCIES, OWN, SHELF, currency_wished, wished
from payonce.api.words import name_of
from payonce.base import ids
from payonce.base.errors import Refused
from payonce.base.money import show
from payonce.usecases.answers import Checkout, CheckoutAnswer, InProgress, OrderView
from payonce.usecases.ensure_checkout import Click
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import link_token, list_orders, read_order
from payonce.usecases.tally_checkouts import outcome_of
from payonce.usecases.ways_to_pay import live_attempt, ways_to_pay

COOKIE: Final = "payonce_shopper"
COOKIE_SECONDS: Final = 30 * 24 * 3600
MOST_SHOWN: Final = 12
_WORD: Final = re.compile(r"[0-9a-z]{26}")
# The ways that lead to a page, with what stands behind the provider's name. Beside a simulator every flow may be tried.
_FLOWS: Final = {
    "checkout_session": "", "order": "", "invoice": ", coin chosen there", "payment": ", coins to an address",
}  # fmt: skip


async def shop(request: Request) -> Response:
    """The shelf, and the shopper's orders."""
    edge, shopper = edge_of(request), _shopper(request)
    orders = await _orders(edge, shopper) if shopper else []
    currency = currency_wished(request.query_params.get("currency", ""))
    response = edge.pages.draw(
        request, "shop.html", title="Teahouse", currency=currency, currencies=CURRENCIES, own=OWN[currency],
        shelf=[(item, show(item.prices[currency], currency)) for item in SHELF], nonce=edge.world.ids.token(),
        orders=[_row(edge, request, order) for order in orders], acts=_acts(edge),
        faults=await faults_in_force(edge), simulators=[(name_of(s.provider), s.page_url) for s in
                                                        edge.settings.simulators],
    )  # fmt: skip
    if not shopper:
        response.set_cookie(
            COOKIE, edge.world.ids.token(), max_age=COOKIE_SECONDS, path=f"{root_of(request)}/", httponly=True,
            samesite="lax", secure=edge.settings.is_secure,
        )  # fmt: skip
    return response


async def buy(request: Request) -> Response:
    """Place an order. The form carries a name made with the page, so that two clicks on one form are one order."""
    edge, shopper, form = edge_of(request), _shopper(request), _form(request)
    nonce = form.get("nonce", "")
    if not shopper or not _WORD.fullmatch(nonce):
        return RedirectResponse(f"{root_of(request)}/", 303, PRIVATE)
    title, price_minor, currency = wished(form)
    wish = PlaceOrder(
        reference=f"shop-{nonce}", purpose=f"shop:{nonce}", amount_minor=price_minor, currency=currency,
        payer_reference=shopper, metadata={"item": title}, success_url=f"{edge.settings.base_url}/?paid=shop-{nonce}",
        cancel_url=f"{edge.settings.base_url}/",
    )  # fmt: skip
    placed = await place_order(edge.world, edge.settings.merchant_id, wish)
    return RedirectResponse(f"{root_of(request)}/#{ids.show(ids.ORDER, placed.order.id)}", 303, PRIVATE)


async def orders(request: Request) -> Response:
    """The shopper's orders, as the page shows them while they change."""
    shopper = _shopper(request)
    found = await _orders(edge_of(request), shopper) if shopper else []
    rows = [_row(edge_of(request), request, order) for order in found]
    return JSONResponse({"orders": rows}, headers=PRIVATE)


async def pay(request: Request) -> Response:
    """The shop's own button: the same guard as every other way to pay. A program gets JSON, a form is led on."""
    edge, call = edge_of(request), call_of(request)
    merchant_id, order_id = await edge.find_link(call, request.path_params["token"])
    wish = wish_of(edge, merchant_id, form_of(request), with_flow=True)
    if wish.provider is None:
        wish = _usual(edge, await read_order(edge.world, merchant_id, order_id))
    answer = await click(edge, merchant_id, order_id, wish)
    response = _lead(edge, request, wish, answer)
    edge.note_call(call, merchant_id, order_id, "pay", response.status_code)
    return response


async def control(request: Request) -> Response:
    """Make the simulated provider misbehave, or repeat what it said."""
    edge, form = edge_of(request), _form(request)
    order_id = ids.read_or_none(ids.ORDER, form.get("order", ""))
    said = await act(edge, form.get("act", ""), order_id)
    if call_of(request).wants_page:
        return RedirectResponse(f"{root_of(request)}/", 303, PRIVATE)
    return JSONResponse({"said": said, "faults": await faults_in_force(edge)}, headers=PRIVATE)


def routes() -> list[Route]:
    """The routes of this file."""
    return [
        Route("/", shop, methods=["GET"]),
        Route("/shop/orders", orders, methods=["GET"]),
        Route("/shop/orders", buy, methods=["POST"]),
        Route("/shop/pay/{token}", pay, methods=["POST"]),
        Route("/shop/control", control, methods=["POST"]),
    ]


def _lead(edge: Edge, request: Request, wish: Click, answer: CheckoutAnswer) -> Response:
    if not call_of(request).wants_page:
        return JSONResponse(_clicked(answer), headers=PRIVATE)
    error = not_granted(wish, answer, None)
    if error is None and isinstance(answer, Checkout | InProgress):
        page = "status" if isinstance(answer, InProgress) else "pay"
        own = f"{root_of(request)}/{page}/{request.path_params['token']}"
        return RedirectResponse((isinstance(answer, Checkout) and answer.url) or own, 303, PRIVATE)
    return edge.pages.problem(request, error or refusal_of(answer))


def _usual(edge: Edge, order: OrderView) -> Click:
    """What a plain click means: what was begun, else the first way that leads to a page."""
    ways = _ways(edge, order)
    if live_attempt(order) is not None or not ways:
        return Click()
    provider, account, flow = ways[0][0].split("/")
    return Click(provider, account, flow)


def _ways(edge: Edge, order: OrderView) -> list[tuple[str, str]]:
    """Every way to pay the order here, as a form names it and as a shopper reads it; the usual one first."""
    found = []
    missing = order.amount_minor - order.allocated_minor
    for way in ways_to_pay(edge.world, order.merchant_id, missing, order.currency):
        flows = edge.world.looker(way.provider, way.account).capabilities.flows
        for flow in sorted((flow for flow in flows if flow in _FLOWS), key=lambda flow: flow != way.flow):
            found.append((f"{way.provider}/{way.account}/{flow}", name_of(way.provider) + _FLOWS[flow]))
    return found


async def _orders(edge: Edge, shopper: str) -> list[OrderView]:
    return await list_orders(edge.world, edge.settings.merchant_id, limit=MOST_SHOWN, payer_reference=shopper)


def _row(edge: Edge, request: Request, order: OrderView) -> dict[str, Any]:
    """One order as the page shows it."""
    root, token, live = root_of(request), link_token(order), live_attempt(order)
    return status_json(order) | {
        "item": str(order.metadata.get("item", order.reference)),
        "amount": show(order.amount_minor, order.currency),
        "reference": order.reference,
        "label": "not paid" if order.payment in ("none", "open") else order.payment.replace("_", " "),
        "can_pay": order.state in ("open", "waiting") and order.payment not in ("processing", "paid"),
        "attempts": len(order.attempts),
        "ways": _ways(edge, order),
        "begun": f"{live.provider}/{live.account}/{live.flow}" if live else "",
        "pay": f"{root}/shop/pay/{token}",
        "link": f"{root}/pay/{token}",
        "status": f"{root}/status/{token}",
    }


def _clicked(answer: CheckoutAnswer) -> dict[str, Any]:
    checkout = answer if isinstance(answer, Checkout) else None
    return {
        "outcome": outcome_of(answer),
        "attempt": shown(ids.ATTEMPT, checkout.attempt_id) if checkout else None,
        "url": checkout.url if checkout else None,
    }


def _shopper(request: Request) -> str | None:
    """Who shops, by the cookie; None for a first visit."""
    name = request.cookies.get(COOKIE, "")
    return f"shopper-{name}" if _WORD.fullmatch(name) else None


def _form(request: Request) -> dict[str, str]:
    """A form's fields, of this site's own pages only. Raises Refused `form_foreign` (403)."""
    call = call_of(request)
    if call.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused("this form was sent by another site", code="form_foreign", status=403)
    return form_of(request)


def _acts(edge: Edge) -> list[tuple[str, str]]:
    """The buttons that make the provider misbehave, where there is a way to tell it."""
    return [(name, label) for name, (label, *_) in ACTS.items()] if edge.settings.simulators else []
