"""Payment links: `/pay/{token}` leads a person to the provider's page, and nobody else anywhere (D1 to D6, X9).

GET creates only for a person: 307. POST always may, because somebody pressed a button: 303. Preview agents, HEAD and
browsers that read ahead get a page that creates nothing. What is paid by other means than a page of the provider's
(coins that are sent to an address) is told on our own page; a form there leads to another way.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from payonce.api import problems
from payonce.api.calls import call_of
from payonce.api.choosing import form_of, leftover_of, not_granted, only_leaves, wish_of
from payonce.api.clicks import click
from payonce.api.edge import Edge, edge_of
from payonce.api.frame import problem_response
from payonce.api.instructed import draw_instructions
from payonce.api.pages import PRIVATE, root_of
from payonce.api.previews import why_preview
from payonce.api.shapes import checkout_json, in_progress_json, refusal_of
from payonce.api.status import draw_status, read_snapshot
from payonce.base import ids
from payonce.base.errors import PayonceError, Refused, Unavailable
from payonce.base.money import show
from payonce.domain.order import EXPIRED
from payonce.usecases.answers import Checkout, Gone, InProgress, Silent
from payonce.usecases.read_order import read_order

# Leads a payer who comes back from the provider's page to the page that waits; an order without a page of its own has
# no other place to go. An hour is longer than any session lives.
BACK_COOKIE = "payonce_link"
BACK_SECONDS = 3600


async def pay(request: Request) -> Response:
    """One opened payment link."""
    edge, call, token = edge_of(request), call_of(request), request.path_params["token"]
    merchant_id, order_id = await edge.find_link(call, token)
    why = why_preview(call.method, call.headers) if call.method != "POST" else None
    try:
        if why is not None:
            edge.metrics.preview(why)
            response = await _preview(edge, request, merchant_id, order_id, token)
        else:
            edge.count_click(call, order_id)
            response = await _lead(edge, request, merchant_id, order_id, token)
    except PayonceError as error:
        edge.note_call(call, merchant_id, order_id, "pay", error.status)
        raise
    edge.note_call(call, merchant_id, order_id, "preview" if why else "pay", response.status_code)
    return response


async def thanks(request: Request) -> Response:
    """Where a payer lands whose order names no page of its own: at the page that waits, if we know which."""
    token = request.cookies.get(BACK_COOKIE, "")
    if token.isascii() and token.replace("-", "").replace("_", "").isalnum():
        return RedirectResponse(f"{root_of(request)}/status/{token}", 303, PRIVATE)
    said = "The payment is being confirmed. You can close this page."
    return edge_of(request).pages.notice(request, 200, "Thank you", said)


def routes() -> list[Route]:
    """The routes of this file."""
    return [Route("/pay/{token}", pay, methods=["GET", "POST"]), Route("/thanks", thanks, methods=["GET"])]


async def _preview(edge: Edge, request: Request, merchant_id: str, order_id: UUID, token: str) -> Response:
    """A page that tells how much and to whom, and nothing of who pays."""
    title = f"Payment link of {edge.settings.merchant_name}" if edge.settings.merchant_name else "Payment link"
    try:
        snapshot, _ = await read_snapshot(edge, merchant_id, order_id)
        amount = show(snapshot.order.amount_minor, snapshot.order.currency)
    except Unavailable:
        amount = ""
    again = f"{root_of(request)}/pay/{token}"
    return edge.pages.draw(request, "preview.html", title=title, amount=amount, pay_again=again)


async def _lead(edge: Edge, request: Request, merchant_id: str, order_id: UUID, token: str) -> Response:
    """Where the guard's answer leads this person."""
    form = form_of(request) if request.method == "POST" else {}
    closed = False
    if only_leaves(form):
        order = await read_order(edge.world, merchant_id, order_id)
        closed = order.state == "closed" and order.closed_reason != EXPIRED
        if closed and leftover_of(order) is None and call_of(request).wants_page:
            # Said before, by a click that came first. It must start nothing for a newer order of the purpose.
            return _noted(edge, request)
    wish = wish_of(edge, merchant_id, form, may_only_leave=closed)
    answer = await click(edge, merchant_id, order_id, wish)
    is_kept = wish.leave_attempt is not None and isinstance(answer, Silent)
    error = not_granted(wish, answer, await read_order(edge.world, merchant_id, order_id) if is_kept else None)
    if error is None and isinstance(answer, Checkout):
        return await _payable(edge, request, merchant_id, answer, token)
    if error is None and isinstance(answer, InProgress):
        return await _in_progress(edge, request, merchant_id, order_id, answer)
    if error is None and isinstance(answer, Gone) and call_of(request).wants_page:
        gone = await _gone(edge, request, merchant_id, order_id, is_said=closed)
        if gone is not None:
            return gone
    error = error or refusal_of(answer)
    if call_of(request).wants_page:
        return edge.pages.problem(request, error)
    return problem_response(request, error, edge.settings.base_url)


async def _gone(
    edge: Edge, request: Request, merchant_id: str, order_id: UUID, *, is_said: bool
) -> Response | None:  # fmt: skip
    """The page of an order that is closed for good, where something of it can still be paid: there its payer says that
    nothing was sent. `is_said`: the payer just did. None where nothing more is to be said.
    """
    snapshot = edge.board.put(await read_order(edge.world, merchant_id, order_id))
    if leftover_of(snapshot.order) is not None:
        return draw_status(edge, request, snapshot, 202 if is_said else 410)
    return _noted(edge, request) if is_said else None


def _noted(edge: Edge, request: Request) -> Response:
    return edge.pages.notice(request, 200, "This is noted", "Thank you. Nothing is awaited from you any more.")


async def _payable(edge: Edge, request: Request, merchant_id: str, checkout: Checkout, token: str) -> Response:
    """On to what can be paid: a page of the provider's or the application's, or our own with instructions."""
    if checkout.instructions is not None and checkout.url is None:
        if not call_of(request).wants_page:
            return JSONResponse(checkout_json(checkout), headers=PRIVATE)
        if request.method == "POST" and why_preview("GET", call_of(request).headers) is None:
            # So that a reload does not send the form again.
            return RedirectResponse(f"{root_of(request)}/pay/{token}", 303, PRIVATE)
        order = edge.board.put(await read_order(edge.world, merchant_id, checkout.order_id)).order
        return draw_instructions(edge, request, order, checkout)
    url = checkout.url or _page_of_application(edge, checkout)
    # 307 keeps the method of a GET; after a POST the provider's page is fetched with GET.
    response = RedirectResponse(url, 303 if request.method == "POST" else 307, PRIVATE)
    response.set_cookie(
        BACK_COOKIE, token, max_age=BACK_SECONDS, path=f"{root_of(request)}/thanks", secure=edge.settings.is_secure,
        httponly=True, samesite="lax",
    )  # fmt: skip
    return response


async def _in_progress(
    edge: Edge, request: Request, merchant_id: str, order_id: UUID, answer: InProgress
) -> Response:  # fmt: skip
    retry_after = problems.whole_seconds(answer.retry_after_seconds)
    if not call_of(request).wants_page:
        response: Response = JSONResponse(in_progress_json(answer, retry_after), 202, PRIVATE)
    else:
        order = edge.board.put(await read_order(edge.world, merchant_id, order_id))
        response = draw_status(edge, request, order, 202)
    response.headers["Retry-After"] = str(retry_after)
    return response


def _page_of_application(edge: Edge, checkout: Checkout) -> str:
    """The application's own page for a payment intent, told which order. Raises Refused `pay_page_missing`."""
    if not edge.settings.pay_page_url:
        raise Refused(
            "this order is paid on the application's own page, and none is configured", code="pay_page_missing",
            status=501, hint="Set PAYONCE_PAY_PAGE_URL, or use the flow checkout_session.",
        )  # fmt: skip
    parts = urlsplit(edge.settings.pay_page_url)
    query = [*parse_qsl(parts.query), ("order", ids.show(ids.ORDER, checkout.order_id))]
    return urlunsplit(parts._replace(query=urlencode(query)))
