"""Findings over REST: reading them, and what a person does with one. Every act says who, and is kept in the audit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from payonce.api.edge import edge_of
from payonce.api.shapes import page_json
from payonce.api.shapes_of_findings import finding_json, kind_json
from payonce.api.v1 import described
from payonce.api.v1.bodies import Reason
from payonce.api.v1.bodies_of_findings import Acknowledge, Assign, Ignore
from payonce.api.v1.once import Answer, json_response, once
from payonce.api.v1.requests import Cursor, Filter, IdempotencyKey, Inspector, JsonRoute, Limit, Operator
from payonce.base import ids
from payonce.domain.finding import KINDS
from payonce.domain.finding_life import Rest
from payonce.usecases.api_keys import ApiKey
from payonce.usecases.handle_finding import (
    acknowledge_finding,
    assign_finding,
    ignore_finding,
    resolve_finding,
)
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.show_finding import show_finding

router = APIRouter(route_class=JsonRoute, tags=["findings"])
State = Annotated[
    Literal["open", "acknowledged", "ignored", "regressed", "resolved", "unresolved"] | None,
    Query(description="unresolved: every state but resolved"),
]
Severity = Annotated[Literal["critical", "warning", "notice"] | None, Query()]
ACTS: Any = {"response_model": described.Finding, "responses": described.answers(400, 404, 409, 413, 415)}


@router.get("/findings", response_model=described.FindingPage, responses=described.answers(404))
async def findings(
    request: Request, key: Inspector, limit: Limit = 20, starting_after: Cursor = None, state: State = None,
    kind: Filter = None, severity: Severity = None, provider: Filter = None, owner: Filter = None,
    order_id: Cursor = None,
) -> Response:  # fmt: skip
    """List findings, the newest first, with the money that they are about."""
    found = await list_findings(
        edge_of(request).world, key.merchant_id, limit=limit + 1, state=state, kind=kind, severity=severity,
        provider=provider, owner=owner, order_id=ids.read(ids.ORDER, order_id, param="order_id") if order_id else None,
        before=ids.read(ids.FINDING, starting_after, param="starting_after") if starting_after else None,
    )  # fmt: skip
    return json_response(200, page_json([finding_json(each) for each in found[:limit]], len(found) > limit))


@router.get("/finding-kinds", response_model=described.FindingKinds, responses=described.answers())
async def kinds(request: Request, key: Inspector) -> Response:
    """List every kind of finding: what it means, how sure that is, and what to do."""
    return json_response(200, page_json([kind_json(kind) for kind in KINDS.values()], False))


@router.get("/findings/{finding_id}", response_model=described.Finding, responses=described.answers(404))
async def show(request: Request, finding_id: str, key: Inspector) -> Response:
    """Read one finding."""
    found = await show_finding(edge_of(request).world, key.merchant_id, ids.read(ids.FINDING, finding_id))
    return json_response(200, finding_json(found))


@router.post("/findings/{finding_id}/acknowledge", **ACTS)
async def acknowledge(
    request: Request, finding_id: str, key: Operator, body: Acknowledge | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:  # fmt: skip
    """Say that you look into it."""
    world, finding = edge_of(request).world, ids.read(ids.FINDING, finding_id)
    reason = body.reason if body is not None else ""

    async def work() -> Answer:
        return _answer(await acknowledge_finding(world, key.merchant_id, finding, _who(key), reason))

    return await once(request, key, work, required=False)


@router.post("/findings/{finding_id}/ignore", **ACTS)
async def ignore(
    request: Request, finding_id: str, key: Operator, body: Ignore, idempotency_key: IdempotencyKey = None
) -> Response:
    """Let it rest until the first end that comes: a time, so many more of what it counts, so many more orders."""
    world, finding = edge_of(request).world, ids.read(ids.FINDING, finding_id)
    rest = Rest(body.until, body.more, body.orders)

    async def work() -> Answer:
        return _answer(await ignore_finding(world, key.merchant_id, finding, _who(key), body.reason, rest))

    return await once(request, key, work, required=False)


@router.post("/findings/{finding_id}/assign", **ACTS)
async def assign(
    request: Request, finding_id: str, key: Operator, body: Assign, idempotency_key: IdempotencyKey = None
) -> Response:
    """Give it to a person or a team."""
    world, finding = edge_of(request).world, ids.read(ids.FINDING, finding_id)

    async def work() -> Answer:
        return _answer(await assign_finding(world, key.merchant_id, finding, _who(key), body.owner, body.reason))

    return await once(request, key, work, required=False)


@router.post("/findings/{finding_id}/resolve", **ACTS)
async def resolve(
    request: Request, finding_id: str, key: Operator, body: Reason, idempotency_key: IdempotencyKey = None
) -> Response:
    """Say that nothing is left to do. Where that is not so, the next look finds it again."""
    world, finding = edge_of(request).world, ids.read(ids.FINDING, finding_id)

    async def work() -> Answer:
        return _answer(await resolve_finding(world, key.merchant_id, finding, _who(key), body.reason))

    return await once(request, key, work, required=False)


def _who(key: ApiKey) -> str:
    return f"api:{key.name}"


def _answer(finding: FindingView) -> Answer:
    return 200, finding_json(finding), finding.order_id
