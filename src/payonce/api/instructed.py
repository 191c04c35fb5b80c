"""Our own page for what is paid by other means: how much of which coin to which address, on which network, with which
memo, and until when the rate holds. It tells by itself when the payment is seen.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from payonce.api.choosing import choice_of
from payonce.api.edge import Edge
from payonce.api.pages import root_of
from payonce.api.qr import picture_of
from payonce.api.shapes import status_json
from payonce.api.times import day_and_time, when
from payonce.api.words import coin
from payonce.base.money import show
from payonce.usecases.answers import Checkout, OrderView
from payonce.usecases.read_order import link_token

# What is told, in the order of a wallet's own fields.
_FIELDS: Final = (("amount", "Amount"), ("address", "Address"), ("memo", "Memo"))


def draw_instructions(edge: Edge, request: Request, order: OrderView, checkout: Checkout) -> Response:
    """The page of a live attempt with instructions."""
    told = checkout.instructions or {}
    rows = [(key, label, told[key]) for key, label in _FIELDS if told.get(key)]
    root, token = root_of(request), link_token(order)
    is_over = checkout.expires_at is not None and checkout.expires_at <= edge.world.clock.now()
    simulators = {simulator.provider: simulator.page_url for simulator in edge.settings.simulators}
    return edge.pages.draw(
        request, "instructions.html", title=f"Pay {_amount(order)}", seen=status_json(order),
        status_path=f"{root}/status/{token}", pay_path=f"{root}/pay/{token}", rows=rows,
        asset=coin(told.get("asset", "")), network=told.get("network", "").upper(), reference=order.reference,
        picture=picture_of(told.get("address", "")), wallet=simulators.get(checkout.provider, ""),
        until=day_and_time(checkout.expires_at) if checkout.expires_at else "",
        until_exactly=when(checkout.expires_at), is_over=is_over, choice=choice_of(edge, order),
    )  # fmt: skip


def _amount(order: OrderView) -> str:
    """What is still to be paid."""
    return show(order.amount_minor - order.allocated_minor, order.currency)
