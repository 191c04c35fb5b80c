"""The HTTP edge as one ASGI application: webhooks, payment links, status, pages and health as plain routes, `/v1` by
FastAPI.

It names no provider and opens nothing: it is handed a world, and mounts anywhere, also below a prefix of another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from payonce.api import health, home, pay, shop, status, webhooks
from payonce.api.calls import call_of
from payonce.api.edge import Edge
from payonce.api.frame import Frame, problem_response, safe_headers
from payonce.api.load import Load
from payonce.api.metrics import Metrics
from payonce.api.settings import ApiSettings
from payonce.api.shedding import Door
from payonce.api.v1.application import build_v1
from payonce.api.v1.requests import as_problem
from payonce.base.errors import Bug, PayonceError
from payonce.usecases.alerting import Alerting
from payonce.usecases.world import World

LOG: Final = structlog.get_logger("payonce.api")
STATIC: Final = Path(__file__).parent / "static"
# Programs call these; whatever they accept, their errors are JSON.
_FOR_PROGRAMS: Final = ("/v1", "/webhooks", "/livez", "/readyz", "/metrics")
Background = Callable[[], Awaitable[None]]


def build(
    world: World,
    settings: ApiSettings,
    *,
    shop: bool = False,
    simulated: bool = False,
    background: Sequence[Background] = (),
    metrics: Metrics | None = None,
    alerting: Alerting | None = None,
    wait_seconds: Callable[[], float] = lambda: 0.0,
) -> Starlette:
    """The application. `shop` adds the demo shop at `/`, `simulated` the banner that no real money moves.

    `background` are coroutine functions that run as long as the application's lifespan, such as a worker's loop; they
    are cancelled when it ends, and one that ends by itself makes `/readyz` fail. Where the application is mounted in
    another one nobody runs its lifespan, so hand in none there, and call `await app.state.edge.close()` at shutdown.
    `wait_seconds` says how long requests wait for the database at present.
    """
    edge = Edge(
        world, settings, shop=shop, simulated=simulated, metrics=metrics, alerting=alerting, wait_seconds=wait_seconds
    )

    def show(request: Request, error: PayonceError) -> Response:
        return _show(edge, request, error)

    async def on_error(request: Request, error: Exception) -> Response:
        response = show(request, _known(error))
        response.headers.update((error.headers if isinstance(error, HTTPException) else None) or {})
        return response

    delivering = webhooks.Delivering(edge)
    load = Load(on_full=edge.shed.note, wait_seconds=wait_seconds)
    door = Door(
        load, edge.shed, new_id=edge.new_request_id, lane_of=delivering.lane_of, is_full=edge.gatherer.is_full,
        too_many=edge.gatherer.too_many, draw=show, safe=safe_headers(settings),
    )  # fmt: skip
    frame = Middleware(
        Frame, settings=settings, new_id=edge.new_request_id, show_problem=show, straight=delivering.straight,
        straight_to=delivering, near=status.near, load=load, door=door,
    )  # fmt: skip
    app = Starlette(
        routes=[*delivering.routes(), *_routes(edge, settings, with_shop=shop)],
        middleware=[frame],
        exception_handlers={PayonceError: on_error, HTTPException: on_error},
        lifespan=_lifespan(edge, background),
    )
    app.router.redirect_slashes = False
    app.state.edge, app.state.door = edge, door
    return app


def _routes(edge: Edge, settings: ApiSettings, *, with_shop: bool) -> list[BaseRoute]:
    found: list[BaseRoute] = [
        *pay.routes(),
        *status.routes(),
        *health.routes(),
        Mount("/v1", app=build_v1(edge)),
        Mount("/static", app=StaticFiles(directory=STATIC)),
        Route("/problems/{code}", home.problem),
    ]
    return [*found, *(shop.routes() if with_shop else [Route("/", home.home)])]


def _known(error: Exception) -> PayonceError:
    if isinstance(error, HTTPException):
        return as_problem(error)
    return error if isinstance(error, PayonceError) else Bug(f"{type(error).__name__}: {error}")


def _show(edge: Edge, request: Request, error: PayonceError) -> Response:
    """The error as a page for a person and as JSON for a program."""
    call = call_of(request)
    path = request.scope["path"].removeprefix(call.root)
    if call.wants_page and not path.startswith(_FOR_PROGRAMS):
        return edge.pages.problem(request, error)
    return problem_response(request, error, edge.settings.base_url)


def _lifespan(edge: Edge, background: Sequence[Background]):  # type: ignore[no-untyped-def]  # Starlette's own shape
    @asynccontextmanager
    async def live(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_watch(edge, each), name=_name(each)) for each in background]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await edge.close()

    return live


async def _watch(edge: Edge, work: Background) -> None:
    """Run something in the background; when it ends by itself, say so where a balancer and an operator look."""
    try:
        await work()
    except Exception as error:
        LOG.error("background_failed", work=_name(work), exc_info=error)
    edge.failures.append(f"background_ended: {_name(work)}")


def _name(work: Background) -> str:
    return str(getattr(work, "__qualname__", type(work).__name__))
