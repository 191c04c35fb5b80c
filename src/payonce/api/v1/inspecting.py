"""What operators look at and act on over REST: the inbox and effects. Every act of a person needs a reason."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from payonce.api.edge import edge_of
from payonce.api.shapes import effect_json, event_json, page_json, shown
from payonce.api.times import when
from payonce.api.v1 import described
from payonce.api.v1.bodies import Nothing, Reason, SkipReason
from payonce.api.v1.once import Answer, json_response, once
from payonce.api.v1.requests import PRINTABLE, Cursor, Filter, IdempotencyKey, Inspector, JsonRoute, Limit, Operator
from payonce.base import ids
from payonce.usecases.list_effects import list_effects
from payonce.usecases.list_events import list_events, unhandled_types
from payonce.usecases.retry_effect import retry_effect
from payonce.usecases.retry_events import replay_event
from payonce.usecases.skip_effect import skip_effect

router = APIRouter(route_class=JsonRoute)
EventType = Annotated[str | None, Query(alias="type", max_length=200, pattern=PRINTABLE)]


@router.get("/events", tags=["events"], response_model=described.EventPage, responses=described.answers(404))
async def events(
    request: Request, key: Inspector, limit: Limit = 20, starting_after: Cursor = None, state: Filter = None,
    event_type: EventType = None, order_id: Cursor = None,
) -> Response:  # fmt: skip
    """List the inbox, the newest first, and the types that nobody handles with how many came (B11)."""
    world = edge_of(request).world
    found = await list_events(
        world, key.merchant_id, limit=limit + 1, state=state, event_type=event_type, order_id=_order(order_id),
        before=_read(ids.EVENT, starting_after),
    )  # fmt: skip
    # Counted over all events, so only where somebody begins to read.
    counted = [] if starting_after else await unhandled_types(world, key.merchant_id)
    unhandled = [
        {"provider": each.provider, "type": each.type, "events": each.events, "last_at": when(each.last_at)}
        for each in counted
    ]
    data = [event_json(event) for event in found[:limit]]
    return json_response(200, page_json(data, len(found) > limit, unhandled=unhandled))


@router.post(
    "/events/{event_id}/replay", tags=["events"], response_model=described.Replayed,
    responses=described.answers(400, 404, 409, 413, 415),
)  # fmt: skip
async def replay(
    request: Request, event_id: str, key: Operator, body: Nothing | None = None, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Apply a stored event again. Joining is idempotent: what it said before changes nothing a second time."""
    event = ids.read(ids.EVENT, event_id)

    async def work() -> Answer:
        became = await replay_event(edge_of(request).world, key.merchant_id, event)
        shape = {
            "id": event_id,
            "object": "event_replay",
            "state": became.state,
            "reason": became.reason,
            "order_id": shown(ids.ORDER, became.order_id),
            "attempt_id": shown(ids.ATTEMPT, became.attempt_id),
        }
        return 200, shape, became.order_id

    return await once(request, key, work, required=False)


@router.get("/effects", tags=["effects"], response_model=described.EffectPage, responses=described.answers(404))
async def effects(
    request: Request, key: Inspector, limit: Limit = 20, starting_after: Cursor = None, state: Filter = None,
    kind: Filter = None, order_id: Cursor = None,
) -> Response:  # fmt: skip
    """List effects, the newest first."""
    found = await list_effects(
        edge_of(request).world, key.merchant_id, limit=limit + 1, state=state, kind=kind, order_id=_order(order_id),
        before=_read(ids.EFFECT, starting_after),
    )  # fmt: skip
    return json_response(200, page_json([effect_json(each) for each in found[:limit]], len(found) > limit))


@router.post(
    "/effects/{effect_id}/retry", tags=["effects"], response_model=described.Effect,
    responses=described.answers(400, 404, 409, 413, 415),
)  # fmt: skip
async def retry(
    request: Request, effect_id: str, key: Operator, body: Reason, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Ask for an effect again, with a reason. Its key stays, so that a receiver can tell."""
    effect = ids.read(ids.EFFECT, effect_id)

    async def work() -> Answer:
        done = await retry_effect(edge_of(request).world, key.merchant_id, effect, body.reason, f"api:{key.name}")
        return 200, effect_json(done), done.order_id

    return await once(request, key, work, required=False)


@router.post(
    "/effects/{effect_id}/skip", tags=["effects"], response_model=described.Effect,
    responses=described.answers(400, 404, 409, 413, 415),
)  # fmt: skip
async def skip(
    request: Request, effect_id: str, key: Operator, body: SkipReason, idempotency_key: IdempotencyKey = None
) -> Response:  # fmt: skip
    """Set an effect aside, with a reason; with `done`, say that it was done by other means."""
    effect = ids.read(ids.EFFECT, effect_id)

    async def work() -> Answer:
        done = await skip_effect(
            edge_of(request).world, key.merchant_id, effect, body.reason, f"api:{key.name}", done=body.done
        )
        return 200, effect_json(done), done.order_id

    return await once(request, key, work, required=False)


def _order(text: str | None) -> UUID | None:
    return ids.read(ids.ORDER, text, param="order_id") if text else None


def _read(prefix: str, text: str | None) -> UUID | None:
    return ids.read(prefix, text, param="starting_after") if text else None
