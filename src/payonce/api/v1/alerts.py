"""Alerts over REST: what was told, the routes with their test button, and silences. Silencing needs a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field

from payonce.api.edge import edge_of
from payonce.api.shapes import page_json
from payonce.api.shapes_of_alerts import message_json, route_json, silence_json, tested_json
from payonce.api.v1 import described
from payonce.api.v1 import described_alerts as shown
from payonce.api.v1.bodies import Body, Reason
from payonce.api.v1.once import Answer, json_response, once
from payonce.api.v1.requests import Cursor, Filter, IdempotencyKey, Inspector, JsonRoute, Limit, Operator
from payonce.base import ids
from payonce.usecases.list_alerts import list_alerts, routes_seen
from payonce.usecases.silences import LONGEST, Scope, list_silences, silence, unsilence
from payonce.usecases.tell_test import tell_test

router = APIRouter(route_class=JsonRoute, tags=["alerts"])
Word = Annotated[str, Field(min_length=1, max_length=60)]


class NewSilence(Reason):
    """What not to be told of, for how long, and why. What is left out is held whatever it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "provider_silent", "provider": "zalopay", "lasts_seconds": 7200, "reason": "announced works"}
            ]
        }
    )

    lasts_seconds: Annotated[int, Field(ge=1, le=int(LONGEST.total_seconds()))]
    kind: Word | None = None
    severity: Literal["critical", "warning", "notice"] | None = None
    provider: Word | None = None
    order_id: Annotated[str, Field(max_length=40)] | None = None


class RouteToTest(Body):
    """Which route is tested; without it all are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"route": "pager"}]})

    route: Word | None = None


@router.get("/alerts", response_model=shown.AlertPage, responses=described.answers(404))
async def alerts(
    request: Request, key: Inspector, limit: Limit = 20, starting_after: Cursor = None, state: Filter = None,
    route: Filter = None,
) -> Response:  # fmt: skip
    """List messages about findings, the newest first, with what became of each."""
    before = ids.read(ids.ALERT, starting_after, param="starting_after") if starting_after else None
    world = edge_of(request).world
    found = await list_alerts(world, key.merchant_id, limit=limit + 1, state=state, route=route, before=before)
    return json_response(200, page_json([message_json(each) for each in found[:limit]], len(found) > limit))


@router.get("/alerts/routes", response_model=shown.AlertRouteList, responses=described.answers())
async def routes(request: Request, key: Inspector) -> Response:
    """List the routes: what they let pass, where they lead (without secrets), and how they are doing."""
    edge = edge_of(request)
    seen = await routes_seen(edge.world, key.merchant_id)
    mine = [each for each in edge.settings.alert_routes if each.route.serves(key.merchant_id)]
    return json_response(200, page_json([route_json(each, seen.get(each.route.name)) for each in mine], False))


@router.post(
    "/alerts/test", response_model=shown.AlertTest, responses=described.answers(400, 404, 409, 413, 415)
)  # fmt: skip
async def tell(
    request: Request, key: Operator, body: RouteToTest | None = None, idempotency_key: IdempotencyKey = None
) -> Response:
    """Send a test message now, and answer what became of it. It tells of no finding."""
    edge = edge_of(request)

    async def work() -> Answer:
        route = body.route if body is not None else None
        tested = await tell_test(edge.world, key.merchant_id, edge.alerting, by=f"api:{key.name}", route=route)
        return 200, {"object": "alert_test", "data": [tested_json(each) for each in tested]}, None

    return await once(request, key, work, required=False)


@router.get("/silences", response_model=shown.SilencePage, responses=described.answers(404))
async def silences(
    request: Request, key: Inspector, limit: Limit = 20, starting_after: Cursor = None,
    in_force: Annotated[bool, Query(description="only those that hold now")] = False,
) -> Response:  # fmt: skip
    """List silences, the newest first: about what, who asked for them, why, and until when."""
    before = ids.read(ids.SILENCE, starting_after, param="starting_after") if starting_after else None
    world = edge_of(request).world
    found = await list_silences(world, key.merchant_id, only_in_force=in_force, limit=limit + 1, before=before)
    return json_response(200, page_json([silence_json(each) for each in found[:limit]], len(found) > limit))


@router.post(
    "/silences", status_code=201, response_model=shown.Silence, responses=described.answers(400, 404, 409, 413, 415)
)
async def begin(
    request: Request, body: NewSilence, key: Operator, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Be told nothing of something for a while. Findings are found and listed as ever; the end is announced."""

    async def work() -> Answer:
        order_id = ids.read(ids.ORDER, body.order_id, param="order_id") if body.order_id else None
        scope = Scope(body.kind, body.severity, body.provider, order_id)
        begun = await silence(
            edge_of(request).world, key.merchant_id, scope, timedelta(seconds=body.lasts_seconds),
            author=f"api:{key.name}", reason=body.reason,
        )  # fmt: skip
        return 201, silence_json(begun), None

    return await once(request, key, work, required=False)


@router.post(
    "/silences/{silence_id}/end", response_model=shown.Silence, responses=described.answers(400, 404, 409, 413, 415)
)  # fmt: skip
async def end(
    request: Request, silence_id: str, body: Reason, key: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """End a silence before its time; that is announced as well."""
    found = ids.read(ids.SILENCE, silence_id)

    async def work() -> Answer:
        world, by = edge_of(request).world, f"api:{key.name}"
        return 200, silence_json(await unsilence(world, key.merchant_id, found, by=by, reason=body.reason)), None

    return await once(request, key, work, required=False)
