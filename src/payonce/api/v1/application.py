"""The `/v1` application: its routes, its description, and a reference page made from it without a foreign script."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response

from payonce import __version__
from payonce.api.edge import Edge, edge_of
from payonce.api.v1 import alerts, findings, inspecting, jobs, orders, payouts, reconciliations, refunds, stock
from payonce.api.v1.described import describe
from payonce.api.v1.requests import HANDLERS

_ABOUT = """An order is charged once, recorded once and fulfilled once.

Send your API key as `Authorization: Bearer …`. Money is a whole number of minor units. Every POST about money takes an
`Idempotency-Key`; errors are problems (RFC 9457) with a stable `code`."""


def build_v1(edge: Edge) -> FastAPI:
    """The API, to be mounted at `/v1`."""
    app = FastAPI(
        title="payonce", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None,
        openapi_url="/openapi.json", redirect_slashes=False, exception_handlers=HANDLERS,  # type: ignore[arg-type]
    )  # fmt: skip
    app.state.edge = edge
    app.include_router(orders.router)
    app.include_router(refunds.router)
    app.include_router(inspecting.router)
    app.include_router(findings.router)
    app.include_router(stock.router)
    app.include_router(payouts.router)
    app.include_router(reconciliations.router)
    app.include_router(jobs.router)
    app.include_router(alerts.router)
    app.add_api_route("/docs", reference, include_in_schema=False)
    # FastAPI's own way to change the document: https://fastapi.tiangolo.com/how-to/extending-openapi/
    made = app.openapi

    def openapi() -> dict[str, Any]:
        return describe(made())

    app.openapi = openapi  # type: ignore[method-assign]
    return app


async def reference(request: Request) -> Response:
    """The description as a page."""
    document = request.app.openapi()
    operations = [
        {"method": method.upper(), "path": f"/v1{path}", **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = document["components"]["schemas"]
    return edge_of(request).pages.draw(
        request, "reference.html", title="payonce API", about=document["info"], operations=operations, schemas=schemas
    )
