"""What others get of the money over REST: payouts, and what a payee is owed. Reading changes nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from payonce.api.edge import edge_of
from payonce.api.shapes import page_json
from payonce.api.shapes_of_payouts import payee_json, payout_json
from payonce.api.v1 import described
from payonce.api.v1.once import json_response
from payonce.api.v1.requests import PRINTABLE, Cursor, Filter, Inspector, JsonRoute, Limit
from payonce.base import ids
from payonce.domain.payout import LONGEST_PAYEE
from payonce.usecases.list_payouts import list_payouts, read_payee

router = APIRouter(route_class=JsonRoute, tags=["payouts"])
Payee = Annotated[str, Path(min_length=1, max_length=LONGEST_PAYEE, pattern=PRINTABLE)]


@router.get("/payouts", response_model=described.PayoutPage, responses=described.answers(404))
async def payouts(
    request: Request, key: Inspector, limit: Limit = 20, starting_after: Cursor = None, payee: Filter = None
) -> Response:
    """List payouts, the newest first. What a payout covers is told with its effect `payout.due`."""
    before = ids.read(ids.PAYOUT, starting_after, param="starting_after") if starting_after else None
    found = await list_payouts(
        edge_of(request).world, key.merchant_id, limit=limit + 1, payee=payee, before=before
    )  # fmt: skip
    return json_response(200, page_json([payout_json(each) for each in found[:limit]], len(found) > limit))


@router.get("/payees/{payee}", response_model=described.Payee, responses=described.answers(404))
async def payee(request: Request, payee: Payee, key: Inspector) -> Response:
    """Show what a payee is owed, by currency."""
    return json_response(200, payee_json(payee, await read_payee(edge_of(request).world, key.merchant_id, payee)))
