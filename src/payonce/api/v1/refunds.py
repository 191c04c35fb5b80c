"""Refunds over REST: asking for one, following them, approving what waits, and a person's word about one in doubt."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from payonce.api.edge import edge_of
from payonce.api.shapes import page_json, plan_json, refund_json
from payonce.api.v1 import described
from payonce.api.v1.bodies import NewRefund, PlanId, Reason, RefundOutcome
from payonce.api.v1.once import Answer, json_response, once
from payonce.api.v1.requests import Cursor, IdempotencyKey, JsonRoute, Limit, Operator, Reader, Writer
from payonce.base import ids
from payonce.usecases.api_keys import ApiKey
from payonce.usecases.approve_refunds import apply_plan, plan_refunds
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.decide_refund import cancel_refund, resolve_refund
from payonce.usecases.list_refunds import list_refunds, read_refund

router = APIRouter(route_class=JsonRoute, tags=["refunds"])
State = Annotated[
    Literal["planned", "due", "sending", "in_doubt", "sent", "succeeded", "failed", "cancelled"] | None, Query()
]


@router.post(
    "/orders/{order_id}/refunds", status_code=201, response_model=described.RefundList,
    responses=described.answers(400, 404, 409, 413, 415),
)  # fmt: skip
async def ask(
    request: Request, order_id: str, key: Writer, body: NewRefund, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Send money of an order back, with a reason: one refund for each payment that it came by. They are sent soon."""
    order = ids.read(ids.ORDER, order_id)

    async def work() -> Answer:
        made = await ask_refund(
            edge_of(request).world, key.merchant_id, order, reason=body.reason, actor=_who(key),
            amount_minor=body.amount_minor, of=body.of, by_hand=body.by_hand,
        )  # fmt: skip
        return 201, page_json([refund_json(each) for each in made], has_more=False), order

    return await once(request, key, work, required=True)


@router.get("/refunds", response_model=described.RefundPage, responses=described.answers(404))
async def list_page(
    request: Request, key: Reader, limit: Limit = 20, starting_after: Cursor = None, state: State = None,
    order_id: Cursor = None,
) -> Response:  # fmt: skip
    """List refunds, the newest first."""
    found = await list_refunds(
        edge_of(request).world, key.merchant_id, limit=limit + 1, state=state,
        order_id=ids.read(ids.ORDER, order_id, param="order_id") if order_id else None,
        before=ids.read(ids.REFUND, starting_after, param="starting_after") if starting_after else None,
    )  # fmt: skip
    return json_response(200, page_json([refund_json(each) for each in found[:limit]], len(found) > limit))


@router.get("/refunds/plan", response_model=described.RefundPlan, responses=described.answers())
async def plan(request: Request, key: Reader) -> Response:
    """Read what waits for approval: refunds above what may go back by itself."""
    return json_response(200, plan_json(await plan_refunds(edge_of(request).world, key.merchant_id)))


@router.post(
    "/refunds/plan/apply", response_model=described.RefundList, responses=described.answers(400, 409, 413, 415)
)  # fmt: skip
async def apply(request: Request, key: Operator, body: PlanId, idempotency_key: IdempotencyKey = None) -> Response:
    """Approve exactly the plan that was shown; 409 `plan_changed` when it is not that any more."""

    async def work() -> Answer:
        approved = await apply_plan(edge_of(request).world, key.merchant_id, body.plan, _who(key))
        return 200, page_json([refund_json(each) for each in approved], has_more=False), None

    return await once(request, key, work, required=True)


@router.get("/refunds/{refund_id}", response_model=described.Refund, responses=described.answers(404))
async def show(request: Request, refund_id: str, key: Reader) -> Response:
    """Read a refund."""
    found = await read_refund(edge_of(request).world, key.merchant_id, ids.read(ids.REFUND, refund_id))
    return json_response(200, refund_json(found))


@router.post(
    "/refunds/{refund_id}/cancel", response_model=described.Refund, responses=described.answers(400, 404, 409, 413, 415)
)  # fmt: skip
async def cancel(
    request: Request, refund_id: str, key: Operator, body: Reason, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Take back a refund that is not sent, with a reason. Its money stays until somebody asks for it again."""
    refund = ids.read(ids.REFUND, refund_id)

    async def work() -> Answer:
        done = await cancel_refund(edge_of(request).world, key.merchant_id, refund, body.reason, _who(key))
        return 200, refund_json(done), done.order_id

    return await once(request, key, work, required=True)


@router.post(
    "/refunds/{refund_id}/resolve", response_model=described.Refund,
    responses=described.answers(400, 404, 409, 413, 415),
)  # fmt: skip
async def resolve(
    request: Request, refund_id: str, key: Operator, body: RefundOutcome, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Say what became of a refund in doubt: it was done, or it was not and is asked for anew by a new row."""
    refund: UUID = ids.read(ids.REFUND, refund_id)

    async def work() -> Answer:
        world = edge_of(request).world
        done = await resolve_refund(world, key.merchant_id, refund, body.outcome, body.reason, _who(key))
        return 200, refund_json(done), done.order_id

    return await once(request, key, work, required=True)


def _who(key: ApiKey) -> str:
    return f"api:{key.name}"
