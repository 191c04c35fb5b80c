"""Reconciled days over REST: what providers' own money records say of a day, and what does not match. Only reading."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from payonce.api.edge import edge_of
from payonce.api.shapes import page_json
from payonce.api.shapes_of_reconciliations import day_json, line_json
from payonce.api.v1 import described
from payonce.api.v1.described_reconciliations import ReconciledDay, ReconciliationPage
from payonce.api.v1.once import json_response
from payonce.api.v1.requests import PRINTABLE, Filter, Inspector, JsonRoute, Limit
from payonce.base.errors import Refused
from payonce.usecases.read_reconciliation import list_lines, list_reconciliations, read_reconciliation

router = APIRouter(route_class=JsonRoute, tags=["reconciliations"])
# Names of accounts and of a provider's objects are in it.
Behind = Annotated[
    str | None, Query(max_length=500, pattern=PRINTABLE, description="the id of the last row of the page before")
]  # fmt: skip
OnlyOpen = Annotated[bool, Query(description="leave out what is resolved")]


@router.get("/reconciliations", response_model=ReconciliationPage, responses=described.answers(404))
async def reconciliations(
    request: Request, key: Inspector, limit: Limit = 20, starting_after: Behind = None, provider: Filter = None,
    account: Filter = None,
) -> Response:  # fmt: skip
    """List reconciled days, the newest first, with their sums and how many differences are open."""
    found = await list_reconciliations(
        edge_of(request).world, key.merchant_id, limit=limit + 1, provider=provider, account=account,
        after=_day_behind(starting_after),
    )  # fmt: skip
    return json_response(200, page_json([day_json(each) for each in found[:limit]], len(found) > limit))


@router.get("/reconciliations/{day}", response_model=ReconciledDay, responses=described.answers(404))
async def reconciled_day(
    request: Request, day: date, key: Inspector, limit: Limit = 100, starting_after: Behind = None,
    provider: Filter = None, account: Filter = None, only_open: OnlyOpen = True,
) -> Response:  # fmt: skip
    """Show a day of every account, and what does not match."""
    world = edge_of(request).world
    days = await read_reconciliation(world, key.merchant_id, day, provider=provider, account=account)
    lines = await list_lines(
        world, key.merchant_id, day, limit=limit + 1, provider=provider, account=account,
        is_open=True if only_open else None, after=_line_behind(starting_after),
    )  # fmt: skip
    shape = {
        "object": "reconciled_day",
        "day": day.isoformat(),
        "days": [day_json(each) for each in days],
        "lines": [line_json(each) for each in lines[:limit]],
        "has_more": len(lines) > limit,
    }
    return json_response(200, shape)


def _day_behind(text: str | None) -> tuple[date, str, str] | None:
    if text is None:
        return None
    parts = text.split("/")
    try:
        day, provider, account = parts
        return date.fromisoformat(day), provider, account
    except ValueError:
        raise _no_place(text) from None


def _line_behind(text: str | None) -> tuple[str, str, str, str] | None:
    if text is None:
        return None
    parts = text.split("/", 3)
    if len(parts) != 4:
        raise _no_place(text)
    return parts[0], parts[1], parts[2], parts[3]


def _no_place(text: str) -> Refused:
    return Refused(f"{text!r:.60} is no row of this list", code="id_invalid", param="starting_after", status=404)
