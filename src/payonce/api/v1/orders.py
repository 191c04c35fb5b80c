"""Orders over REST: place, read, list, pay, refresh, cancel. Each route parses, calls one use case, and renders."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from payonce.api import problems
from payonce.api.calls import call_of
from payonce.api.clicks import click
from payonce.api.edge import edge_of
from payonce.api.shapes import (
    EXPANDABLE,
    checkout_json,
    in_progress_json,
    order_json,
    page_json,
    refusal_of,
)
from payonce.api.status import answer_status
from payonce.api.v1 import described
from payonce.api.v1.bodies import NewCheckout, NewOrder, Nothing, Reason
from payonce.api.v1.once import Answer, afresh, json_response, once
from payonce.api.v1.requests import (
    Cursor,
    Filter,
    IdempotencyKey,
    JsonRoute,
    Limit,
    NewerCursor,
    Operator,
    Reader,
    Writer,
)
from payonce.base import ids
from payonce.base.errors import PayonceError, Refused
from payonce.domain.payout import Share
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.answers import Checkout, InProgress
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.ensure_checkout import Click
from payonce.usecases.items import Item
from payonce.usecases.page_orders import page_orders
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import read_order
from payonce.usecases.refresh_order import refresh_order

router = APIRouter(prefix="/orders", route_class=JsonRoute, tags=["orders"])
Expand = Annotated[list[str] | None, Query(alias="expand[]", description="attempts, findings, payments")]


@router.post(
    "", status_code=201, response_model=described.PlacedOrder,
    responses=described.answers(
        400, 409, 413, 415, also={200: {"model": described.PlacedOrder, "description": "it was there already"}}
    ),
)  # fmt: skip
async def place(request: Request, body: NewOrder, key: Writer, idempotency_key: IdempotencyKey = None) -> Response:
    """Place an order for a purpose, or get the one that is there: 201 new, 200 with `existing: true`."""
    edge = edge_of(request)

    async def work() -> Answer:
        wish = PlaceOrder(
            reference=body.reference, purpose=body.purpose, amount_minor=body.amount_minor, currency=body.currency,
            payer_reference=body.payer.reference, payer_email=body.payer.email, payer_name=body.payer.name,
            metadata=body.metadata, success_url=body.success_url or "",
            cancel_url=body.cancel_url or "", again=body.again,
            items=[Item(item.sku, item.quantity) for item in body.items],
            payouts=[Share(one.payee, one.amount_minor) for one in body.payouts],
        )  # fmt: skip
        placed = await place_order(edge.world, key.merchant_id, wish)
        if placed.existing:
            edge.metrics.absorbed("order")
        shape = order_json(placed.order, edge.settings.base_url)
        shape |= {"existing": placed.existing, "reopened": placed.reopened}
        return 200 if placed.existing else 201, shape, placed.order.id

    return await once(request, key, work, required=True)


@router.get("", response_model=described.OrderPage, responses=described.answers())
async def list_page(
    request: Request, key: Reader, limit: Limit = 20, starting_after: Cursor = None, ending_before: NewerCursor = None,
    state: Literal["waiting", "open", "paid", "closed"] | None = None, payer: Filter = None,
) -> Response:  # fmt: skip
    """List orders, the newest first."""
    if starting_after and ending_before:
        said = "send starting_after or ending_before, not both"
        raise Refused(said, code="request_invalid", param="ending_before")
    edge = edge_of(request)
    found, has_more = await page_orders(
        edge.world, key.merchant_id, limit=limit, state=state, payer_reference=payer,
        before=_cursor(starting_after, "starting_after"), after=_cursor(ending_before, "ending_before"),
    )  # fmt: skip
    return json_response(200, page_json([order_json(each, edge.settings.base_url) for each in found], has_more))


@router.get("/{order_id}", response_model=described.Order, responses=described.answers(404))
async def show(request: Request, order_id: str, key: Reader, expand: Expand = None) -> Response:
    """Read an order; `expand[]=attempts`, `expand[]=payments` and `expand[]=findings` show more of it."""
    unknown = [name for name in expand or () if name not in EXPANDABLE]
    if unknown:
        said = f"only {', '.join(EXPANDABLE)} can be expanded"
        raise Refused(said, code="expand_unknown", param="expand[]")
    edge = edge_of(request)
    order = await read_order(edge.world, key.merchant_id, ids.read(ids.ORDER, order_id))
    return json_response(200, order_json(order, edge.settings.base_url, expand or ()))


@router.post(
    "/{order_id}/checkout", status_code=201, response_model=described.Checkout,
    responses=described.answers(400, 404, 409, 410, 413, 415, 502, also={
        200: {"model": described.Checkout, "description": "the live attempt again"},
        202: {"model": described.CheckoutInProgress, "description": "nothing may be started now"},
    }),
)  # fmt: skip
async def checkout(
    request: Request, order_id: str, key: Writer, body: NewCheckout | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Make the order payable, through at most one live attempt. Safe to call any number of times at once.

    The answer is computed at every call, with or without the same key, so that it never holds a session that has
    expired.
    """
    edge, wish = edge_of(request), body or NewCheckout()
    order = ids.read(ids.ORDER, order_id)

    async def work() -> Answer:
        asked = Click(wish.provider, wish.account, wish.flow, wish.after_attempt, wish.leave_attempt)
        answer = await click(edge, key.merchant_id, order, asked)
        if isinstance(answer, Checkout):
            return 200 if answer.reused else 201, checkout_json(answer), order
        if isinstance(answer, InProgress):
            return 202, in_progress_json(answer, problems.whole_seconds(answer.retry_after_seconds)), order
        raise refusal_of(answer)

    return await afresh(request, key, work, required=True)


@router.post("/{order_id}/refresh", response_model=described.Order, responses=described.answers(400, 404, 413, 415))
async def refresh(
    request: Request, order_id: str, key: Writer, body: Nothing | None = None, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Ask the provider once how the order's payment stands; many callers at once are one question."""
    edge, order = edge_of(request), ids.read(ids.ORDER, order_id)

    async def work() -> Answer:
        view = edge.board.put(await refresh_order(edge.world, key.merchant_id, order)).order
        return 200, order_json(view, edge.settings.base_url), order

    return await _with_evidence(request, key.merchant_id, order, "refresh", afresh(request, key, work, required=False))


@router.post("/{order_id}/cancel", response_model=described.Order, responses=described.answers(400, 404, 409, 413, 415))
async def cancel(
    request: Request, order_id: str, key: Writer, body: Nothing | None = None, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Close an unpaid order: at the provider first. A paid one is 409: refund it instead."""
    edge, order = edge_of(request), ids.read(ids.ORDER, order_id)

    async def work() -> Answer:
        view = edge.board.put(await cancel_order(edge.world, key.merchant_id, order)).order
        return 200, order_json(view, edge.settings.base_url), order

    return await once(request, key, work, required=False)


@router.post("/{order_id}/accept", response_model=described.Order, responses=described.answers(400, 404, 409, 413, 415))
async def accept(
    request: Request, order_id: str, key: Operator, body: Reason, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Let money of the order that waits for a decision pay it after all, whatever the policy says of late payments."""
    edge, order = edge_of(request), ids.read(ids.ORDER, order_id)

    async def work() -> Answer:
        by = f"key:{key.name}"
        found = await accept_payment(edge.world, key.merchant_id, order, by=by, reason=body.reason)
        return 200, order_json(edge.board.put(found).order, edge.settings.base_url), order

    return await once(request, key, work, required=True)


@router.get(
    "/{order_id}/status", response_model=described.OrderStatus,
    responses=described.answers(404, 429, also={304: {"description": "as your ETag says"}}),
)  # fmt: skip
async def status(request: Request, order_id: str, key: Reader) -> Response:
    """Read the status of an order: five answers a minute for each order and key, with `retry_after` for the next."""
    order = ids.read(ids.ORDER, order_id)
    answer = answer_status(edge_of(request), request, key.merchant_id, order, f"key:{key.merchant_id}:{key.name}")
    return await _with_evidence(request, key.merchant_id, order, "status", answer)


async def _with_evidence(request: Request, merchant_id: str, order_id: UUID, what: str, answer: Any) -> Response:
    """The answer, with evidence of who asked. A call for an order that does not exist is evidence of nothing."""
    edge, call = edge_of(request), call_of(request)
    try:
        response: Response = await answer
    except PayonceError as error:
        if error.status != 404:
            edge.note_call(call, merchant_id, order_id, what, error.status)
        raise
    edge.note_call(call, merchant_id, order_id, what, response.status_code)
    return response


def _cursor(text: str | None, param: str) -> UUID | None:
    return ids.read(ids.ORDER, text, param=param) if text else None
