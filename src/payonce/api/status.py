"""Status: reading it changes nothing, whoever asks how often (E2, E3). The page that waits, and JSON for programs.

Five answers a minute for each order and caller (E9); over that 429, still with the last known state. Every answer says
when the next one is certain (X11). A refresh asks the provider once, which is all that a page may cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from payonce.api import problems
from payonce.api.calls import SCOPE_KEY, Call, call_of
from payonce.api.choosing import choice_of, leftover_of
from payonce.api.edge import Edge, edge_of
from payonce.api.frame import problem_response
from payonce.api.pages import PRIVATE, root_of
from payonce.api.shapes import compact
from payonce.api.status_board import Snapshot
from payonce.api.times import day_and_time, when
from payonce.base.errors import PayonceError, Unavailable
from payonce.base.money import show
from payonce.usecases.read_order import link_token
from payonce.usecases.refresh_order import refresh_order

# A page on the shop's own site may read a status by its link: it holds no more than its reader already knows.
_OPEN_TO_PAGES: Final = (
    (b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"Retry-After, ETag"),
)  # fmt: skip
LONGEST_TAB = 32


async def status(request: Request) -> Response:
    """The status behind a link: a page for a browser, JSON for everything else."""
    edge, call = edge_of(request), call_of(request)
    merchant_id, order_id, read = await edge.open_link(call, request.path_params["token"])
    caller = call.neighbourhood
    if call.wants_page:
        response = await _page(edge, request, merchant_id, order_id, caller, read)
    else:
        response = await answer_status(edge, request, merchant_id, order_id, caller, read)
        response.raw_headers.extend(_OPEN_TO_PAGES)
    edge.note_call(call, merchant_id, order_id, "status", response.status_code)
    return response


async def refresh(request: Request) -> Response:
    """One check at the provider, because the payer is back before the webhook; deduplicated by the use case."""
    edge, call = edge_of(request), call_of(request)
    merchant_id, order_id = await edge.find_link(call, request.path_params["token"])
    key = (order_id, call.neighbourhood)
    allowance = edge.refresh_limits.ask(key)
    try:
        if allowance.granted:
            snapshot = edge.board.put(await refresh_order(edge.world, merchant_id, order_id))
            wait = edge.status_limits.start_over(key, tab=_tab(request))
            response: Response = _json(snapshot, wait, cached=False, headers=PRIVATE)
        else:
            snapshot = await _last_known(edge, merchant_id, order_id)
            response = _limited(edge, request, snapshot, allowance.retry_after_seconds)
    except PayonceError as error:
        edge.note_call(call, merchant_id, order_id, "refresh", error.status)
        raise
    edge.note_call(call, merchant_id, order_id, "refresh", response.status_code)
    if call.wants_page:
        return RedirectResponse(f"{root_of(request)}/status/{request.path_params['token']}", 303, PRIVATE)
    response.raw_headers.extend(_OPEN_TO_PAGES)
    return response


async def _told(scope: Scope, receive: Receive, send: Send) -> None:
    response = await status(Request(scope, receive))
    await response(scope, receive, send)


_STATUS: Final = Route("/status/{token}", status, methods=["GET"])


def near(scope: Scope) -> tuple[Scope, ASGIApp] | None:
    """The scope as the router would hand it on, and the route as an application of its own, where a program reads a
    status: the router and what it wraps around a route cost as much as the rest of the answer. None: let it look.
    """
    call: Call = scope[SCOPE_KEY]
    path: str = scope["path"].removeprefix(call.root)
    if scope["method"] != "GET" or not path.startswith("/status/"):
        return None
    token = path[len("/status/") :]
    if not token or "/" in token or call.wants_page:
        return None
    return {**scope, "route": _STATUS, "path_params": {"token": token}}, _told


def routes() -> list[Route]:
    """The routes of this file."""
    return [
        _STATUS,
        Route("/status/{token}/refresh", refresh, methods=["POST"]),
    ]


async def answer_status(
    edge: Edge, request: Request, merchant_id: str, order_id: UUID, caller: str, read: Snapshot | None = None
) -> Response:
    """The status as JSON, within the caller's allowance: 200, 304 when nothing changed, or 429. `read`: what was read
    for this very request.
    """
    allowance = edge.status_limits.ask((order_id, caller), tab=_tab(request))
    if not allowance.granted:
        snapshot = await _last_known(edge, merchant_id, order_id)
        return _limited(edge, request, snapshot, allowance.retry_after_seconds)
    snapshot, cached = (read, False) if read else await read_snapshot(edge, merchant_id, order_id)
    headers = {"ETag": snapshot.tag, "Cache-Control": "private, no-cache"}
    if snapshot.tag in [part.strip() for part in call_of(request).headers.get("if-none-match", "").split(",")]:
        edge.metrics.status("unchanged")
        headers["Retry-After"] = str(problems.whole_seconds(allowance.retry_after_seconds))
        return Response(status_code=304, headers=headers)
    edge.metrics.status("cached" if cached else "fresh")
    return _json(snapshot, allowance.retry_after_seconds, cached=cached, headers=headers)


def draw_status(edge: Edge, request: Request, snapshot: Snapshot, code: int = 200) -> Response:
    """The page that waits. Its script asks for one refresh and then polls as it is told."""
    order, root = snapshot.order, root_of(request)
    token = link_token(order)
    link = order.success_url if order.state == "paid" else order.cancel_url
    # The page that orders without one of their own come back to leads here again.
    is_here = link == f"{edge.settings.base_url}/thanks"
    return edge.pages.draw(
        request, "status.html", code, title="Your payment", seen=snapshot.shape, status_path=f"{root}/status/{token}",
        pay_path=f"{root}/pay/{token}", link="" if is_here else link, link_label="Back to the shop",
        as_of=day_and_time(snapshot.as_of), amount=show(order.amount_minor, order.currency),
        choice=choice_of(edge, order), leftover=leftover_of(order),
    )  # fmt: skip


async def _page(
    edge: Edge, request: Request, merchant_id: str, order_id: UUID, caller: str, read: Snapshot | None
) -> Response:
    allowance = edge.status_limits.ask((order_id, caller), tab=None)
    if allowance.granted:
        snapshot, cached = (read, False) if read else await read_snapshot(edge, merchant_id, order_id)
        edge.metrics.status("cached" if cached else "fresh")
        return draw_status(edge, request, snapshot)
    edge.metrics.status("limited")
    response = draw_status(edge, request, await _last_known(edge, merchant_id, order_id), 429)
    response.headers["Retry-After"] = str(problems.whole_seconds(allowance.retry_after_seconds))
    return response


async def read_snapshot(edge: Edge, merchant_id: str, order_id: UUID) -> tuple[Snapshot, bool]:
    """The order's state, and whether it comes from the board (E6): read a moment ago, or the store does not answer."""
    fresh = edge.board.fresh(merchant_id, order_id)
    if fresh is not None:
        return fresh, True
    try:
        return edge.board.put(await edge.readings.by_id(merchant_id, order_id)), False
    except Unavailable:
        known = edge.board.last(merchant_id, order_id)
        if known is None:
            raise
        return known, True


async def _last_known(edge: Edge, merchant_id: str, order_id: UUID) -> Snapshot:
    """The state as it was last seen by anybody, read only where nobody has."""
    return edge.board.last(merchant_id, order_id) or edge.board.put(await edge.readings.by_id(merchant_id, order_id))


def _limited(edge: Edge, request: Request, snapshot: Snapshot, wait_seconds: float) -> Response:
    edge.metrics.status("limited")
    known = _shape(snapshot, wait_seconds, cached=True)
    del known["object"]
    error = Unavailable(
        "this status was asked for more than five times within a minute", code="status_limited", status=429,
        retry_after_seconds=wait_seconds, detail=known,
    )  # fmt: skip
    return problem_response(request, error, edge.settings.base_url)


def _json(snapshot: Snapshot, wait_seconds: float, *, cached: bool, headers: Mapping[str, str]) -> Response:
    """The shape as JSON, of which only what is of this answer is made for it."""
    own = compact(_own(snapshot, wait_seconds, cached=cached))
    return Response(f"{snapshot.text[:-1]},{own[1:]}", headers=headers, media_type="application/json")


def _shape(snapshot: Snapshot, wait_seconds: float, *, cached: bool) -> dict[str, Any]:
    """What a status says, how old it is, and when to ask again; never again once it is final."""
    return {**snapshot.shape, **_own(snapshot, wait_seconds, cached=cached)}


def _own(snapshot: Snapshot, wait_seconds: float, *, cached: bool) -> dict[str, Any]:
    retry_after = None if snapshot.shape["final"] else problems.whole_seconds(wait_seconds)
    return {"retry_after": retry_after, "cached": cached, "as_of": when(snapshot.as_of)}


def _tab(request: Request) -> str:
    """Which of several windows of one caller asks; a word that the script chose."""
    # Most windows are the only one.
    return request.query_params.get("tab", "")[:LONGEST_TAB] if request.scope["query_string"] else ""
