"""Stock over REST: what there is, saying how much there is, and taking goods of a paid order back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from payonce.api.edge import edge_of
from payonce.api.shapes import order_json, page_json, stock_json
from payonce.api.v1 import described
from payonce.api.v1.bodies import OnHand, Restock
from payonce.api.v1.once import Answer, json_response, once
from payonce.api.v1.requests import PRINTABLE, IdempotencyKey, JsonRoute, Limit, Operator, Reader
from payonce.base import ids
from payonce.usecases.restock_order import restock_order
from payonce.usecases.set_stock import list_stock, set_stock, show_stock

router = APIRouter(route_class=JsonRoute, tags=["stock"])
Sku = Annotated[str, Path(max_length=100)]
AfterSku = Annotated[
    str | None, Query(max_length=100, pattern=PRINTABLE, description="the sku of the last row of the page before")
]


@router.get("/stock", response_model=described.StockPage, responses=described.answers())
async def list_page(request: Request, key: Reader, limit: Limit = 20, starting_after: AfterSku = None) -> Response:
    """List stock by sku: how many pieces are free, held for open orders, and sold."""
    found = await list_stock(edge_of(request).world, key.merchant_id, limit=limit + 1, after=starting_after)
    return json_response(200, page_json([stock_json(item) for item in found[:limit]], len(found) > limit))


@router.get("/stock/{sku}", response_model=described.StockItem, responses=described.answers(404))
async def show(request: Request, sku: Sku, key: Reader) -> Response:
    """Read one item of stock."""
    return json_response(200, stock_json(await show_stock(edge_of(request).world, key.merchant_id, sku)))


@router.put("/stock/{sku}", response_model=described.StockItem, responses=described.answers(400, 409, 413, 415))
async def say(
    request: Request, sku: Sku, body: OnHand, key: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Say how many pieces of an item there are, those that orders hold or bought among them; 409 for fewer."""

    async def work() -> Answer:
        world, by = edge_of(request).world, f"api:{key.name}"
        item = await set_stock(world, key.merchant_id, sku, body.on_hand, by=by, reason=body.reason)
        return 200, stock_json(item), None

    return await once(request, key, work, required=False)


@router.post(
    "/orders/{order_id}/restock", response_model=described.Order, responses=described.answers(400, 404, 409, 413, 415)
)
async def restock(
    request: Request, order_id: str, body: Restock, key: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take goods of a paid order back into stock, once: a refund returns money and no goods."""
    edge, order = edge_of(request), ids.read(ids.ORDER, order_id)

    async def work() -> Answer:
        by = f"api:{key.name}"
        view = await restock_order(edge.world, key.merchant_id, order, by=by, reason=body.reason, skus=body.skus)
        return 200, order_json(view, edge.settings.base_url), order

    return await once(request, key, work, required=False)
